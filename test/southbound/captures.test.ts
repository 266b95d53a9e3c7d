/* The databases of the lab's captures, against what ovn-sbctl and ovsdb-client said of them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openSouthbound } from "../../src/southbound/index.js";
import { picture, pictureOfDump } from "./picture.js";

const CAPTURES = join(import.meta.dirname, "../../captures");
const NOW = Number.POSITIVE_INFINITY;
const scenarios = readdirSync(CAPTURES).filter((name) => existsSync(join(CAPTURES, name, "sb.db")));

/** ovn-sbctl.json ({table: {data, headings}}) in the form of a dump. */
function asDump(file: string): string {
  const tables: [string, object][] = Object.entries(JSON.parse(readFileSync(file, "utf8")));
  return tables.map(([name, table]) => JSON.stringify({ caption: `${name} table`, ...table })).join("\n");
}

describe.each(scenarios)("captures/%s", (scenario) => {
  const file = (name: string) => join(CAPTURES, scenario, name);
  /** A test of a file that not every scenario has. */
  const testWith = (name: string, title: string, body: () => Promise<void>) => {
    if (existsSync(file(name))) test(title, body);
  };

  test("sb.db is whole and without oddities", async () => {
    const inventory = await openSouthbound(file("sb.db"));
    expect(inventory.damage).toBe(null);
    expect(inventory.warnings).toEqual([]);
    expect(inventory.format).toBe("journal");
    expect(inventory.hasHistory).toBe(true);
    expect(inventory.latestDate).toBeGreaterThan(inventory.historyStart);
  });

  testWith(
    "ovn-sbctl.json",
    "SB_Global and the owners of inner addresses are what ovn-sbctl said",
    async () => {
      const inventory = await openSouthbound(file("sb.db"));
      const tables = JSON.parse(readFileSync(file("ovn-sbctl.json"), "utf8"));
      const columns = (table: string): Record<string, unknown>[] =>
        tables[table].data.map((row: unknown[]) =>
          Object.fromEntries(tables[table].headings.map((name: string, i: number) => [name, row[i]])),
        );
      const [global] = columns("SB_Global");
      const options = (global.options as [string, [string, string][]])[1];
      expect(Object.fromEntries(inventory.global(NOW)?.options ?? [])).toEqual(Object.fromEntries(options));

      // Each VIF's own addresses lead back to it from its own datapath, unless another VIF has them too.
      const keys = new Map(inventory.ports(NOW).map((port) => [port.name, port.datapathKey]));
      const owners = new Map<string, string[]>();
      for (const { type, mac, logical_port } of columns("Port_Binding")) {
        const entries = Array.isArray(mac) ? mac[1].flat() : [mac];
        if (type === "")
          for (const address of entries.flatMap((entry: string) => entry.split(" ").slice(1)))
            owners.set(address, [...(owners.get(address) ?? []), logical_port as string]);
      }
      expect(owners.size).toBeGreaterThan(0);
      for (const [address, names] of owners)
        expect(inventory.endpoint(address, keys.get(names[0]) ?? 0, NOW).port?.name ?? null).toBe(
          names.length === 1 ? names[0] : null,
        );
      expect(inventory.endpoint([...owners.keys()][0], 4_000_000, NOW).port).toBe(null);
      expect(inventory.endpoint("203.0.113.250", 1, NOW).port).toBe(null);
    },
  );

  testWith("ovn-sbctl.json", "ends as ovn-sbctl saw it", async () => {
    const inventory = await openSouthbound(file("sb.db"));
    expect(picture(inventory, NOW)).toEqual(pictureOfDump(asDump(file("ovn-sbctl.json"))));
  });

  testWith("sb.dump.json", "the dump says what it says", async () => {
    const inventory = await openSouthbound(file("sb.dump.json"));
    expect(picture(inventory, NOW)).toEqual(pictureOfDump(readFileSync(file("sb.dump.json"), "utf8")));
    expect(inventory.warnings).toEqual([]);
  });

  testWith("sb.backup.db", "the backup is the journal of its moment", async () => {
    const backup = await openSouthbound(file("sb.backup.db"));
    const journal = await openSouthbound(file("sb.db"));
    expect(backup.format).toBe("backup");
    expect(picture(backup, NOW)).toEqual(picture(journal, backup.latestDate ?? 0));
  });

  test("every change of a port's chassis is in force from its millisecond on", async () => {
    const inventory = await openSouthbound(file("sb.db"));
    let moves = 0;
    for (const line of readFileSync(file("sb.db"), "utf8").split("\n")) {
      if (!line.startsWith("{") || !line.includes('"_date"')) continue;
      const record = JSON.parse(line);
      for (const [uuid, row] of Object.entries<Record<string, unknown> | null>(record.Port_Binding ?? {})) {
        if (row?.chassis === undefined) continue;
        const [kind, value] = row.chassis as [string, string];
        const port = inventory.ports(record._date).find((each) => each.uuid === uuid);
        expect(port?.chassis?.uuid ?? null).toBe(kind === "uuid" ? value : null);
        const before = inventory.ports(record._date - 0.001).find((each) => each.uuid === uuid);
        expect(before?.chassis?.uuid).not.toBe(port?.chassis?.uuid);
        moves++;
      }
    }
    expect(moves).toBeGreaterThan(0);
  });
});

test("there are captures", () => {
  expect(scenarios).toContain("routed-ping");
});
