/* `live --top` on a terminal, fed by a wire in a network namespace. */
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeLive, Wire } from "../native/wire.js";
import { eventually } from "../southbound/cluster.js";
import { describeOvsdb, OvsdbServer } from "../southbound/ovsdb.js";
import { MAIN, ours } from "./live-verb.js";
import { genevescope } from "./run.js";
import { Terminal } from "./terminal.js";

const CAPTURE = "captures/ha-gateway/hv1.pcap";
/** Its frames, and those among them that are Geneve. */
const FRAMES = 100;
const GENEVE = 28;
/** What marks text up, moves and switches. */
const MARKS = /\u001b\[[\d;?]*[a-zA-Z]/g;
const SB = ["--sb", "captures/ha-gateway/sb.db"];

describe("live --top", () => {
  test("says in a line that it needs a terminal", async () => {
    for (const env of [{}, { TERM: "xterm" }])
      expect(await genevescope(["live", "-i", "lo", "--top"], { env })).toEqual({
        code: 2,
        signal: null,
        stdout: "",
        stderr:
          "genevescope: --top needs a terminal, for the keys as well as for the screen, and not a dumb one; --summary 10s does without\n",
      });
  });

  test("takes the place of lines alone", async () => {
    for (const others of [["-w", "x.pcap"], ["--summary", "1s"], ["-q"]])
      expect(await genevescope(["live", "-i", "lo", "--top", ...others])).toMatchObject({
        code: 2,
        stderr: "genevescope: -w, --summary, --top and -q take the place of lines; give one of them\n",
      });
  });
});

describeLive("live --top on a terminal", () => {
  let wire: Wire;
  beforeEach(() => {
    wire = new Wire();
  });
  afterEach(() => wire?.down());

  /** Begins with a screen of this size, and waits until there is one. */
  async function top(
    flags: readonly string[],
    { size: [columns, rows] = [80, 24], env = {}, node = [] }: Options = {},
  ): Promise<Terminal> {
    const assigned = Object.entries({ TERM: "xterm-256color", ...env }).map(
      ([name, value]) => `${name}=${value}`,
    );
    const command = [
      "env",
      "-u",
      "NO_COLOR",
      ...assigned,
      process.execPath,
      ...node,
      MAIN,
      "live",
      "--top",
      ...flags,
    ];
    const terminal = new Terminal((...words) => wire.start(...words), command, columns, rows);
    await terminal.until(
      "the screen",
      () => terminal.isAlternate && terminal.screen.join("").includes("q end"),
    );
    return terminal;
  }
  interface Options {
    size?: [number, number];
    env?: Record<string, string>;
    node?: string[];
  }
  const rx = (...flags: string[]) => ["-i", "rx0", ...flags];

  /** Everything about the terminal is as it was before; what was printed then. */
  async function expectRestored(terminal: Terminal, status: number): Promise<string> {
    const left = await terminal.left();
    const { written } = terminal;
    const printed = written.slice(written.lastIndexOf("\u001b[?1049l"));
    expect(left, printed).toEqual({ status, echo: true, lines: true });
    expect([terminal.isAlternate, terminal.wraps]).toEqual([false, true]);
    expect(written.lastIndexOf("\u001b[?25h")).toBeGreaterThan(written.lastIndexOf("\u001b[?25l"));
    return printed.replaceAll(MARKS, "").replaceAll("\r", "").trim();
  }

  const table = (screen: readonly string[]) => {
    const from = screen.findIndex((each) => each.includes("by bit/s")) + 2;
    return screen.slice(from, -1).filter((each) => each !== "");
  };

  test("shows flows with their names and rates, and at the end the sums", async () => {
    const terminal = await top(rx(...SB, "--utc"));
    const file = wire.file("seen.pcap");
    const stop = await wire.tcpdump("rx0", file, "udp dst port 6081");
    const perSecond = 4 * GENEVE;
    const times = 32;
    const sending = wire.sending(CAPTURE, times, 4 * FRAMES);
    await terminal.until("rates", ([, rates]) => {
      const [, packets] = /^(\d+) packets\/s/.exec(rates) ?? [];
      return Math.abs(Number(packets) - perSecond) <= perSecond / 4;
    });
    const screen = terminal.screen;
    expect(screen[0]).toMatch(/^rx0 {2}\d\d:\d\d:\d\d UTC, for 0:00:\d\d$/);
    expect(screen[2]).toBe(
      "dropped by the kernel 0  by the device 0  malformed 0  truncated 0  unresolved 0",
    );
    expect(screen[3]).toMatch(/^last record \d+ (s|min|h|days) ago: captures\/ha-gateway\/sb\.db$/);
    expect(screen[5]).toMatch(/^DATAPATH +INPORT +OUTPORT +BIT\/S +PACKETS\/S +BYTES +LAST MINUTE$/);
    await terminal.until("a flow", (lines) =>
      lines.some((each) =>
        /^network2 +net2-router1 +vm2 +\d+(\.\d+)?k +\d+ +\d+(\.\d+)?k.*[▁-█]$/.test(each),
      ),
    );
    await eventually("all sent", () => sending.exitCode !== null);
    await terminal.until(
      "all counted",
      ([, rates]) => rates.startsWith("0 packets/s") && rates.includes(` ${times * GENEVE} packets`),
    );
    await stop();
    terminal.type("q");
    const text = await expectRestored(terminal, 0);
    // What it says at the end is more than a screen: what analyze says of what tcpdump saw, but for the name.
    const wanted = ours("analyze", ...SB, "--utc", file)
      .split("\n")
      .slice(1);
    expect(text).toContain(wanted.join("\n"));
    expect(text).toMatch(
      new RegExp(
        `\\ngenevescope: rx0: ${times * GENEVE} packets received by the filter, 0 dropped by the kernel`,
      ),
    );
  });

  test("its keys turn to other tables, sort, filter and hold the picture", async () => {
    const terminal = await top(rx(...SB), { size: [100, 30] });
    const sending = wire.sending(CAPTURE, 1000, 4 * FRAMES);
    await terminal.until("flows", (screen) => table(screen).length === 5);
    const turned = async (key: string, title: string, row: RegExp) => {
      terminal.type(key);
      await terminal.until(
        title,
        (screen) => screen.join("\n").includes(`[${title}]`) && screen.some((each) => row.test(each)),
      );
    };
    await turned("o", "ports", /^vm3 +network1 +worker2 +\d/);
    await turned("\t", "tunnels", /^worker1 +worker2 +10\.127\.0\.3 +10\.127\.0\.4 +\d/);
    await turned("d", "datapaths", /^router1 +router +3 +\d/);
    await turned("\u001b[Z", "tunnels", /^worker2 +worker1 /);
    await turned("f", "flows", /^router1 +router1-net2 +cr-router1-public /);

    terminal.type("/VM2");
    await terminal.until(
      "the filter",
      (screen) => screen.at(-1) === "filter: VM2_" && table(screen).length === 1,
    );
    terminal.type("\r");
    expect(
      (await terminal.until("its end", (screen) => screen.at(-1)?.startsWith("q end") === true)).join("\n"),
    ).toContain('1 of 5 with "VM2"');
    terminal.type("\u001b");
    await terminal.until("all flows", (screen) => table(screen).length === 5);

    terminal.type("<");
    const sorted = await terminal.until("names", (screen) => screen.join("\n").includes("by name, a to z"));
    const names = (screen: readonly string[]) => screen.filter((each) => /^(network|router)\d /.test(each));
    expect(names(sorted)).toEqual([...names(sorted)].sort());
    terminal.type("r");
    const reversed = await terminal.until("the other way", (screen) =>
      screen.join("\n").includes("by name, z to a"),
    );
    expect(names(reversed)[0]).toMatch(/^router1 +router1-net2/);

    terminal.type(" ");
    const held = await terminal.until("the pause", ([title]) => title.startsWith("PAUSED rx0"));
    await new Promise((resolve) => setTimeout(resolve, 2200));
    expect(terminal.screen).toEqual(held);
    terminal.type("p");
    // Counting went on.
    const packets = (screen: string[]) =>
      Number(/([\d,]+) packets,/.exec(screen[1])?.[1].replaceAll(",", ""));
    const later = await terminal.until("its end", ([title]) => title.startsWith("rx0"));
    expect(packets(later)).toBeGreaterThan(packets(held) + 150);

    terminal.type("?");
    await terminal.until("help", (screen) =>
      screen.join("\n").includes("Tab, f o t d   flows, ports, tunnels, datapaths"),
    );
    terminal.type("x");
    await terminal.until("the table", (screen) => screen.join("\n").includes("[flows]"));
    sending.kill();
    terminal.type("\u0003");
    await expectRestored(terminal, 0);
  });

  test("fits the terminal, however small it becomes", async () => {
    const terminal = await top(rx(...SB), { size: [80, 24] });
    const sending = wire.sending(CAPTURE, 1000, 4 * FRAMES);
    await terminal.until("flows", (screen) => table(screen).length === 5);
    const foot = "q end  p pause  Tab next table  s sort  r reverse  / filter  ? help";
    for (const [columns, rows] of [
      [120, 40],
      [40, 10],
      [5, 2],
      [1, 1],
      [200, 5],
      [80, 24],
    ]) {
      terminal.resize(columns, rows);
      const short = foot.length > columns ? `${foot.slice(0, columns - 1)}…` : foot;
      const screen = await terminal.until(`${columns} by ${rows}`, (lines) => lines[rows - 1] === short);
      if (columns === 120) expect(table(screen)[0]).toMatch(/^router1 .*[▁-█]$/);
    }
    await terminal.until("flows again", (screen) => table(screen).length === 5);
    sending.kill();
    terminal.type("q");
    await expectRestored(terminal, 0);
  });

  test.each([
    ["SIGTERM", 0],
    ["SIGINT", 0],
    ["SIGHUP", 0],
  ] as const)("%s ends it with the sums", async (signal, status) => {
    const terminal = await top(rx(...SB));
    wire.send(CAPTURE);
    await terminal.until("packets", ([, rates]) => rates.includes(` ${GENEVE} packets`));
    terminal.signal(signal);
    const text = await expectRestored(terminal, status);
    expect(text).toMatch(/\n +router1 +router +3 +\d+ +[\d,]+\n/);
    expect(text).toMatch(/rx0: 28 packets received/);
  });

  test("ends after --duration and -c, of what the filters leave, beside metrics", async () => {
    const timed = await top(rx("--duration", "1500ms", "-n", "2"));
    wire.send(CAPTURE);
    expect(await expectRestored(timed, 0)).toContain("\nFlows (2 of 5, by bytes)\n");
    const counted = await top(rx(...SB, "-c", "5", "--outport", "vm2", "--metrics", "0"));
    wire.send(CAPTURE);
    wire.send(CAPTURE);
    const text = await expectRestored(counted, 0);
    expect(counted.written).toMatch(/metrics at http:\/\/127\.0\.0\.1:\d+\/metrics/);
    expect(text).toMatch(/\n +network2 +net2-router1 +vm2 +2 +2 +1 +5 +/);
  });

  test("a byte that is no character does not stop it", async () => {
    const terminal = await top(rx());
    terminal.type(new Uint8Array([0xa0, 0xff, 0xc3]));
    wire.send(CAPTURE);
    await terminal.until("packets", ([, rates]) => rates.includes(` ${GENEVE} packets`));
    terminal.type("q");
    await expectRestored(terminal, 0);
  });

  test("shows a device that is down, and says it afterwards", async () => {
    const terminal = await top(rx());
    wire.ip("link", "set", "rx0", "down");
    await terminal.until("the gap", (screen) =>
      screen.some((each) => /^rx0: down for \d+\.\d s$/.test(each)),
    );
    wire.ip("link", "set", "rx0", "up");
    const screen = await terminal.until("its end", (lines) =>
      lines.some((each) => each.startsWith("gaps: 1, ")),
    );
    wire.send(CAPTURE);
    // What is said meanwhile is one line of the screen.
    expect(screen.filter((each) => each.includes("rx0: back"))).toEqual([
      expect.stringMatching(/^said: rx0: back; nothing captured for/),
    ]);
    terminal.type("q");
    const text = await expectRestored(terminal, 0);
    expect(text).toMatch(
      /genevescope: rx0: down since \S+; waiting for it\ngenevescope: rx0: back; nothing captured for \d+\.\d s\n/,
    );
  });

  test("has no colours with NO_COLOR, and no screen on a dumb terminal", async () => {
    // Bold headings are no colour, but the convention is to leave them out as well.
    const marks = /\u001b\[(1|2|3\d)m/;
    const coloured = await top(rx());
    coloured.type("q");
    await coloured.left();
    expect(coloured.written).toMatch(marks);
    const plain = await top(rx(), { env: { NO_COLOR: "1" } });
    plain.type("q");
    await plain.left();
    expect(plain.written).not.toMatch(marks);
    const command = ["env", "TERM=dumb", process.execPath, MAIN, "live", "-i", "rx0", "--top"];
    const dumb = new Terminal((...words) => wire.start(...words), command);
    expect(await dumb.left()).toEqual({ status: 2, echo: true, lines: true });
    expect(dumb.written).toMatch(/^genevescope: --top needs a terminal, [^\n]+\r\n$/);
  });

  /** A script that Node runs first. */
  function before(script: string): string[] {
    const file = wire.file("before.cjs");
    writeFileSync(file, script);
    return ["--require", file];
  }

  test("gives the terminal back where something throws that nobody catches", async () => {
    const node = before('setTimeout(() => { throw new Error("out of nowhere"); }, 2000);');
    const text = await expectRestored(await top(rx(), { node }), 1);
    expect(text).toContain("Error: out of nowhere");
  });

  test("ends with the reason where the page cannot be made", async () => {
    const node = before(`
      const { padStart } = String.prototype;
      setTimeout(() => { String.prototype.padStart = () => { throw new Error("no page"); }; }, 2000);
      process.on("exit", () => { String.prototype.padStart = padStart; });
    `);
    const text = await expectRestored(await top(rx(), { node }), 2);
    expect(text).toMatch(/genevescope: no page$/);
  });

  test("works as another user, who may not capture again", async () => {
    const terminal = await top(rx("-Z", "nobody"));
    wire.send(CAPTURE);
    await terminal.until("packets", ([, rates]) => rates.includes(` ${GENEVE} packets`));
    wire.ip("link", "del", "rx0");
    const text = await expectRestored(terminal, 0);
    expect(text).toMatch(/rx0: gone since \S+, and not captured from again/);
  });

  describeOvsdb("beside a server that is followed", () => {
    let server: OvsdbServer;
    beforeEach(async () => {
      server = new OvsdbServer();
      await server.start();
    });
    afterEach(() => server?.stop());

    test("names follow it, and cannot do anything to the terminal; its loss is shown", async () => {
      const terminal = await top(rx("--sb", server.remote), { env: { TERM: "xterm" } });
      await terminal.until("the server", (screen) =>
        screen.some((each) => /^connected, heard \d+\.\d s ago: unix:/.test(each)),
      );
      const sending = wire.sending("captures/routed-ping/hv2.pcap", 1000, 50);
      await terminal.until("keys", (screen) =>
        screen.some((each) => /^\? \(key 2\) +\? \(key 2\) +\? \(key 1\) /.test(each)),
      );
      const name = "虚拟机\u001b[2J\u001b]0;x\u0007\u202etxt";
      const network = ["named-uuid", "network"];
      const port = (key: number, logical: string) => ({
        op: "insert",
        table: "Port_Binding",
        row: { datapath: network, tunnel_key: key, logical_port: logical },
      });
      expect(
        server.transact([
          {
            op: "insert",
            table: "Datapath_Binding",
            "uuid-name": "network",
            row: { tunnel_key: 2, external_ids: ["map", [["name", "blue"]]] },
          },
          port(1, name),
          port(2, "n".repeat(500)),
        ]),
      ).toBe(null);
      const screen = await terminal.until("names", (lines) => lines.some((each) => each.startsWith("blue ")));
      const row = screen.find((each) => each.startsWith("blue ")) as string;
      expect(row).toMatch(/^blue +n+… +虚拟机\\x1b.*… +\d/);
      // Wide characters move nothing: numbers end where their headings do.
      const heading = screen.find((each) => each.startsWith("DATAPATH")) as string;
      const wide = 3;
      expect(/^.*?\d(?= {2})/.exec(row.slice(row.lastIndexOf("…") + 1))).not.toBe(null);
      const end = heading.indexOf("BIT/S") + "BIT/S".length - wide;
      expect(row.slice(end - 1, end + 1)).toMatch(/^[\dk] $/);
      expect(terminal.written).not.toContain("\u001b[2J\u001b]0");
      terminal.type("/虚拟");
      await terminal.until(
        "the filter",
        (lines) => lines.at(-1) === "filter: 虚拟_" && lines.join("\n").includes("1 of "),
      );
      await server.kill();
      await terminal.until("the loss", (lines) =>
        lines.some((each) => each.startsWith("not connected, names ")),
      );
      sending.kill();
      terminal.type("\u0003");
      const left = await terminal.left();
      expect([left.status, terminal.isAlternate]).toEqual([0, false]);
      expect(terminal.written).toContain("not connected at the end; names are as of ");
    });
  });
});
