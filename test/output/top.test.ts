/* The page of `live --top`: of real packets beside `analyze`, and of rows made by hand. */
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Analyzer } from "../../src/analysis/analyzer.js";
import { RateRow, Rates } from "../../src/analysis/rates.js";
import type { Summary } from "../../src/analysis/summary.js";
import { openCapture } from "../../src/capture/index.js";
import { FrameBatch } from "../../src/frame/columns.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { sparkline } from "../../src/output/sparkline.js";
import { colourStyle, plainStyle } from "../../src/output/table.js";
import { TOP_KINDS } from "../../src/output/top-kinds.js";
import { type TopPicture, topPage } from "../../src/output/top-page.js";
import { stateLines } from "../../src/output/top-states.js";
import { scaled } from "../../src/output/top-table.js";
import { TopView } from "../../src/output/top-view.js";
import { cut, fitted, line, widthOf } from "../../src/output/width.js";
import { type Inventory, openSouthbound } from "../../src/southbound/index.js";

const NAMED = { named: true, names: "logical" } as const;
const NAMELESS = { named: false, names: "logical" } as const;

function picture(rows: readonly (readonly RateRow[])[], more: Partial<TopPicture> = {}): TopPicture {
  return {
    devices: ["eth1"],
    nowMs: 45_296_000,
    sinceMs: 3_723_000,
    packetRate: 12_345,
    byteRate: 1e6,
    packets: 1_234_567,
    bytes: 1e9,
    faults: [
      ["dropped by the kernel", 0],
      ["malformed", 3],
    ],
    filteredOut: null,
    states: [{ text: "no southbound", isBad: false }],
    rows,
    ...more,
  };
}

/** Rows with so many bytes and, if not told, a tenth of that in packets. */
function rowsOf(things: readonly (readonly [cells: string[], bytes: number, packets?: number])[]): RateRow[] {
  const rates = new Rates();
  for (const [cells, bytes, packets = bytes / 10] of things)
    rates.add({ id: cells.join(" "), packets, bytes, received: 0, cells: () => cells });
  rates.tick(1);
  return rates.rows();
}

const page = (
  of: TopPicture,
  view: TopView,
  [width, height]: [number, number] = [80, 24],
  naming: typeof NAMED | typeof NAMELESS = NAMED,
  style = plainStyle,
) => topPage(of, view, { width, height }, { naming, isPaused: false, style, utc: true });

/** The rows of the table. */
const body = (lines: readonly string[]) =>
  lines
    .slice(lines.findIndex((each) => /BIT\/S|BYTES|SOURCE|INPORT/.test(each)) + 1, -1)
    .filter((each) => each !== "");

describe("of a capture", () => {
  let inventory: Inventory;
  let summaries: { summary: Summary; seconds: number }[];
  let whole: Summary;

  beforeAll(async () => {
    inventory = await openSouthbound("captures/ha-gateway/sb.db");
    const source = await openCapture("captures/ha-gateway/hv1.pcap");
    const decoder = new FrameDecoder();
    const analyzer = () => {
      const made = new Analyzer(inventory, null, decoder);
      made.startFile("it");
      return made;
    };
    const all = analyzer();
    summaries = [];
    for (let packets = await source.next(7); packets !== null; packets = await source.next(7)) {
      const frames = new FrameBatch(packets.capacity);
      decoder.decode(packets, source.interfaces, frames);
      const part = analyzer();
      for (const each of [part, all]) each.add(packets, frames);
      summaries.push({ summary: part.summary(), seconds: 1 + (summaries.length % 3) });
    }
    await source.close();
    whole = all.summary();
  });

  test.each(TOP_KINDS.map((kind) => [kind.title, kind] as const))(
    "%s add up to what analyze says, whatever the stretches",
    (title, kind) => {
      expect(summaries.length).toBeGreaterThan(5);
      const rates = new Rates();
      const told = new Map<string, number[]>();
      for (const { summary, seconds } of summaries) {
        for (const counted of kind.counted(summary, NAMED)) rates.add(counted);
        rates.tick(seconds);
        for (const { id, packetRate, byteRate, receivedRate } of rates.rows()) {
          const [packets, bytes, received] = told.get(id) ?? [0, 0, 0];
          told.set(id, [
            packets + packetRate * seconds,
            bytes + byteRate * seconds,
            received + receivedRate * seconds,
          ]);
        }
      }
      type Sums = { packets: number; bytes: number; rxPackets: number; txPackets: number } & Record<
        "rxBytes" | "txBytes",
        number
      >;
      const sums = [...(whole[title as "flows"] as unknown as Iterable<Sums>)]
        .map(({ packets, bytes, rxPackets, txPackets, rxBytes, txBytes }) =>
          packets === undefined ? [rxPackets + txPackets, rxBytes + txBytes, rxBytes] : [packets, bytes, 0],
        )
        .map((each) => JSON.stringify(each))
        .sort();
      expect(sums.length).toBeGreaterThan(1);
      expect(
        rates
          .rows()
          .map((row) => {
            const [packets, bytes, received] = (told.get(row.id) ?? []).map(Math.round);
            expect([row.packets, row.bytes]).toEqual([packets, bytes]);
            return JSON.stringify([packets, bytes, received]);
          })
          .sort(),
      ).toEqual(sums);
    },
  );

  test("rows bear the names, or without a southbound the keys", () => {
    const rowsOf = (naming: typeof NAMED | typeof NAMELESS) =>
      TOP_KINDS.map((kind) => {
        const rates = new Rates();
        for (const counted of kind.counted(whole, naming)) rates.add(counted);
        rates.tick(1);
        return rates.rows();
      });
    const view = new TopView();
    const texts = TOP_KINDS.map((kind) => {
      view.press(kind.key, true, 10);
      return body(page(picture(rowsOf(NAMED)), view, [160, 40]).lines);
    });
    const [flow] = whole.flows;
    expect(texts[0][0].split(/ {2,}/).slice(0, 3)).toEqual([flow.datapath, flow.inport, flow.outport]);
    expect(texts[0]).toHaveLength(whole.flows.length);
    expect(texts[1]).toHaveLength(whole.ports.length);
    expect(texts[1].join("\n")).toMatch(/^vm3 +network1 +worker2 /m);
    expect(texts[2].join("\n")).toMatch(/^worker1 +worker2 +10\.127\.0\.3 +10\.127\.0\.4 /m);
    expect(texts[3].join("\n")).toMatch(/^router1 +router +3 /m);
    const keys = body(page(picture(rowsOf(NAMELESS)), new TopView(), [80, 40], NAMELESS).lines);
    expect(keys[0].split(/ {2,}/).slice(0, 3)).toEqual(
      [flow.datapathKey, flow.ingressKey, flow.egressKey].map(String),
    );
  });

  test("keys without a name are told; no port is no key", () => {
    const kind = TOP_KINDS[0];
    const [flow] = whole.flows;
    const cellsOf = (change: object) =>
      [...kind.counted({ flows: [{ ...flow, ...change }] } as unknown as Summary, NAMED)][0].cells();
    expect(cellsOf({ inport: null, ingressKey: 77 })[1]).toBe("? (key 77)");
    expect(cellsOf({ outport: null, egressKey: 0 })[2]).toBe("-");
    expect(cellsOf({ outport: "" })[2]).toBe('""');
  });

  test("keys that come to belong to another port are another row", () => {
    const kind = TOP_KINDS[0];
    const [flow] = whole.flows;
    const idOf = (change: object) =>
      [...kind.counted({ flows: [{ ...flow, ...change }] } as unknown as Summary, NAMED)][0].id;
    expect(idOf({ packets: 1 })).toBe(idOf({}));
    expect(idOf({ outport: "another" })).not.toBe(idOf({}));
  });
});

describe("sorting", () => {
  const rows = rowsOf([
    [["net", "b", "x"], 3000, 1],
    [["net", "a", "x"], 1000, 3],
    [["net", "c", "x"], 2000, 2],
    [["net", "d", "x"], 2000, 2],
  ]);
  const order = (view: TopView) =>
    body(page(picture([rows, [], [], []]), view).lines).map((each) => each.split(/ {2,}/)[1]);

  test("by rate, total or name, and the other way round; what is alike by name", () => {
    const view = new TopView();
    expect([view.sort, order(view)]).toEqual(["bit/s", ["b", "c", "d", "a"]]);
    view.press("r", true, 10);
    expect(order(view)).toEqual(["a", "c", "d", "b"]);
    view.press("r", true, 10);
    view.press("s", true, 10);
    expect([view.sort, order(view)]).toEqual(["packets/s", ["a", "c", "d", "b"]]);
    view.press(">", true, 10);
    expect([view.sort, order(view)]).toEqual(["bytes", ["b", "c", "d", "a"]]);
    view.press(">", true, 10);
    expect([view.sort, order(view)]).toEqual(["name", ["a", "b", "c", "d"]]);
    view.press("r", true, 10);
    expect(order(view)).toEqual(["d", "c", "b", "a"]);
    view.press(">", true, 10);
    expect(view.sort).toBe("bit/s");
    view.press("<", true, 10);
    expect(view.sort).toBe("name");
  });

  test("idle rows keep their total, below the others by rate", () => {
    const rates = new Rates();
    const add = (name: string, bytes: number) =>
      rates.add({ id: name, packets: 1, bytes, received: 0, cells: () => ["net", name, "x"] });
    add("old", 9000);
    rates.tick(1);
    add("new", 10);
    rates.tick(1);
    const view = new TopView();
    const all = () => body(page(picture([rates.rows(), [], [], []]), view).lines);
    expect(all().map((each) => each.trim().split(/ +/).slice(1, 6))).toEqual([
      ["new", "x", "80", "1", "10"],
      ["old", "x", "0", "0", "9.00k"],
    ]);
    view.sort = "bytes";
    expect(all()[0]).toContain("old");
  });
});

describe("keys", () => {
  const many = rowsOf(Array.from({ length: 100 }, (_, n) => [["net", `vm${n}`, "x"], 1000 - n]));
  const press = (view: TopView, keys: string[]) =>
    keys.map((key) => view.press(key, [...key].length === 1, 10));

  test("the filter is typed, kept, changed and taken back", () => {
    const view = new TopView();
    const names = () =>
      body(page(picture([many, [], [], []]), view).lines).map((each) => each.split(/ {2,}/)[1]);
    press(view, ["/", "V", "M", "9"]);
    expect([view.isTyping, view.filter]).toEqual([true, "VM9"]);
    expect(names()).toEqual(["vm9", ...Array.from({ length: 10 }, (_, n) => `vm9${n}`)]);
    const { lines } = page(picture([many, [], [], []]), view);
    expect(lines.at(-1)).toBe("filter: VM9_");
    expect(lines.join("\n")).toContain('11 of 100 with "VM9"');
    press(view, ["q", "BACKSPACE", "9", "ENTER"]);
    expect([view.isTyping, view.filter, names()]).toEqual([false, "VM99", ["vm99"]]);
    press(view, ["/", "CTRL_U", "z"]);
    expect(names()).toEqual([]);
    press(view, ["ESCAPE"]);
    expect([view.isTyping, view.filter, names().length]).toEqual([false, "", 17]);
    expect(press(view, ["q"])).toEqual(["end"]);
    expect(press(new TopView(), ["/", "CTRL_C"])).toEqual(["show", "end"]);
    press(view, ["/", ..."x".repeat(1000)]);
    expect(view.filter).toHaveLength(100);
  });

  test("tables are told by their letters, or one after the other", () => {
    const view = new TopView();
    const titles = (keys: string[]) =>
      keys.map((key) => {
        view.press(key, true, 10);
        return view.kind.title;
      });
    expect(titles(["o", "t", "d", "f"])).toEqual(["ports", "tunnels", "datapaths", "flows"]);
    expect(titles(["TAB", "TAB", "TAB", "TAB"])).toEqual(["ports", "tunnels", "datapaths", "flows"]);
    expect(titles(["SHIFT_TAB", "SHIFT_TAB"])).toEqual(["datapaths", "tunnels"]);
  });

  test("scrolling stays where there are rows", () => {
    const view = new TopView();
    const first = () => {
      const { lines, rows } = page(picture([many, [], [], []]), view);
      return [body(lines)[0].split(/ {2,}/)[1], rows];
    };
    expect(first()).toEqual(["vm0", 17]);
    const after = (key: string) => {
      view.press(key, false, 17);
      return first()[0];
    };
    expect(["DOWN", "PAGE_DOWN", "UP", "PAGE_UP", "UP"].map(after)).toEqual([
      "vm1",
      "vm18",
      "vm17",
      "vm0",
      "vm0",
    ]);
    expect(["END", "DOWN", "UP", "HOME"].map(after)).toEqual(["vm83", "vm83", "vm82", "vm0"]);
    after("END");
    press(view, ["/", "9"]);
    expect(first()[0]).toBe("vm9");
  });

  test("help takes the place of the table until a key", () => {
    const view = new TopView();
    press(view, ["?"]);
    const help = page(picture([many, [], [], []]), view).lines.join("\n");
    expect(help).toContain("Esc shows all");
    expect(help).not.toContain("vm1 ");
    expect(press(view, ["x"])).toEqual(["show"]);
    expect(page(picture([many, [], [], []]), view).lines.join("\n")).toContain("vm1 ");
    expect(press(view, ["x", "LEFT", "p", " "])).toEqual(["nothing", "nothing", "pause", "pause"]);
  });
});

describe("the page", () => {
  test("has what there is, and what is wrong", () => {
    const states = stateLines(
      [
        { device: "eth2", reason: "down", fromMs: Date.now() - 5000, untilMs: null },
        { device: "eth1", reason: "gone", fromMs: 0, untilMs: 1500 },
      ],
      [
        { source: "tcp:10.0.0.5:6642", ageMs: 720_000, connected: false },
        { source: "unix:sb", ageMs: 1500, connected: true },
        { source: "sb.db", ageMs: 7_200_000, connected: null },
      ],
      "genevescope: something \u001b[2J\n",
    );
    const { lines } = page(picture([[], [], [], []], { states, filteredOut: 5 }), new TopView());
    expect(lines.slice(0, 9)).toEqual([
      "eth1  12:34:56 UTC, for 1:02:03",
      "12.3k packets/s  8.00M bit/s  1,234,567 packets, 1.00G bytes in all",
      "dropped by the kernel 0  malformed 3  filtered out 5",
      "eth2: down for 5.0 s",
      "not connected, names 12 min old: tcp:10.0.0.5:6642",
      "gaps: 1, 1.5 s in all",
      "connected, heard 1.5 s ago: unix:sb",
      "last record 2 h ago: sb.db",
      "said: something \\x1b[2J",
    ]);
    const coloured = page(picture([[], [], [], []], { states }), new TopView(), [80, 24], NAMED, colourStyle);
    expect(coloured.lines[2]).toBe("dropped by the kernel 0  \u001b[33mmalformed 3\u001b[39m");
    expect(coloured.lines[3]).toBe("\u001b[33meth2: down for 5.0 s\u001b[39m");
  });

  test("says that the picture is held", () => {
    const held = topPage(
      picture([[], [], [], []]),
      new TopView(),
      { width: 80, height: 24 },
      { naming: NAMED, isPaused: true, style: plainStyle, utc: true },
    );
    expect(held.lines[0]).toBe("PAUSED eth1  12:34:56 UTC, for 1:02:03");
  });

  test("is never larger than the terminal, whatever names, numbers and size", () => {
    const name = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.constantFrom("虚拟机", "x".repeat(300), "e\u0301".repeat(20), "\u{1f5a5}", "vm1", ""),
    );
    const rows = fc.array(fc.tuple(fc.tuple(name, name, name), fc.nat(2 ** 31), fc.nat(2 ** 31)), {
      maxLength: 30,
    });
    const keys = fc.array(
      fc.constantFrom("o", "t", "d", "s", "r", "END", "PAGE_DOWN", "?", "/", "x", "ENTER"),
    );
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 60 }),
        keys,
        (given, width, height, typed) => {
          const all = rowsOf(given.map(([cells, bytes, packets]) => [cells, bytes, packets]));
          const view = new TopView();
          for (const key of typed) view.press(key, key.length === 1, 5);
          // Each table has its own number of names.
          const wide = TOP_KINDS.map((kind) =>
            all.map((row) => {
              const copy = new RateRow({
                id: row.id,
                cells: () => kind.headings(NAMED).map((_, c) => row.cells[c % 3]),
              });
              return Object.assign(copy, {
                bytes: row.bytes,
                byteRate: row.byteRate,
                packetRate: row.packetRate,
              });
            }),
          );
          const { lines } = page(picture(wide), view, [width, height]);
          expect(lines.length).toBe(height);
          for (const text of lines) expect(widthOf(text)).toBeLessThanOrEqual(width);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("what names have to be cut for has the numbers beside it", () => {
    const rows = rowsOf([[["n".repeat(50), "i".repeat(60), "o".repeat(20)], 1000]]);
    const lines = body(page(picture([rows, [], [], []]), new TopView()).lines);
    expect(lines[0]).toMatch(/^n+… {2}i+… {2}o+… +8\.00k +100 +1\.00k +█$/);
    expect(widthOf(lines[0])).toBeLessThanOrEqual(80);
    // Where there is no room for anything else, names are what stays.
    expect(body(page(picture([rows, [], [], []]), new TopView(), [30, 24]).lines)[0]).toMatch(
      /^n+… {2}i+… {2}o+…$/,
    );
  });

  test("columns stand where they stood, though a long name goes", () => {
    const view = new TopView();
    const long = rowsOf([[["net", "a-rather-long-name", "x"], 1000]]);
    const short = rowsOf([[["net", "vm1", "x"], 1000]]);
    const place = (rows: RateRow[]) =>
      body(page(picture([rows, [], [], []]), view).lines)[0].indexOf("8.00k");
    const before = place(long);
    expect(place(short)).toBe(before);
  });
});

describe("cells", () => {
  test("a sparkline has the newest at its right end, beside the largest", () => {
    expect(sparkline([1, 2, 4, 8], 4, 4)).toBe("▁▂▄█");
    expect(sparkline([5, 0.001, 0], 3, 3)).toBe("█▁ ");
    expect(sparkline([8], 4, 4)).toBe("   █");
    expect(sparkline([1, 3, 8, 8], 4, 2)).toBe("▂█");
    // Only so many of the last.
    expect(sparkline([9, 9, 8, 1], 2, 2)).toBe("█▁");
    expect(sparkline([], 60, 10)).toBe(" ".repeat(10));
    expect(sparkline([1, 2], 2, 0)).toBe("");
    expect(sparkline([1, 2], 2, 100)).toBe("▄█");
  });

  test("numbers have three digits and a unit", () => {
    expect([0, 0.4, 0.6, 999, 999.6, 1000, 12_345, 999_999, 1.5e6, 2 ** 53].map(scaled)).toEqual([
      "0",
      "0",
      "1",
      "999",
      "1.00k",
      "1.00k",
      "12.3k",
      "1.00M",
      "1.50M",
      "9.01P",
    ]);
  });

  test("text is cut where the terminal's cells end", () => {
    expect(cut("vm1", 3)).toBe("vm1");
    expect(cut("vm10", 3)).toBe("vm…");
    expect(cut("虚拟机", 6)).toBe("虚拟机");
    // Half of a wide character is none.
    expect(cut("虚拟机", 4)).toBe("虚…");
    expect(fitted("虚拟机", 4, "left")).toBe("虚… ");
    expect(fitted("12", 5, "right")).toBe("   12");
    expect(widthOf("e\u0301")).toBe(1);
    expect([cut("vm1", 1), cut("vm1", 0), cut("", 0)]).toEqual(["…", "", ""]);
  });

  test("a line ends where there is no room, with its marks closed", () => {
    expect(line(20, ["a ", ["b", colourStyle.red], " c"])).toBe("a \u001b[31mb\u001b[39m c");
    expect(line(5, ["a ", ["bcdef", colourStyle.red], " g"])).toBe("a \u001b[31mbc…\u001b[39m");
    expect(line(0, ["a"])).toBe("");
  });
});
