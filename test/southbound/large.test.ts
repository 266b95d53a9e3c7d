import { afterAll, expect, test } from "vitest";
import { openSouthbound, type Port } from "../../src/southbound/index.js";
import { writeLargeDatabase } from "./large.js";
import { TempDirectory } from "./ovsdb.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());

test("a database of 20,000 ports and 100 MB of logical flows takes the memory of its ports", async () => {
  const path = directory.file("large.db");
  writeLargeDatabase(path, 20_000, 100_000_000);
  const before = process.memoryUsage().rss;
  let peak = before;
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 20);
  const inventory = await openSouthbound(path);
  clearInterval(sampler);
  peak = Math.max(peak, process.memoryUsage().rss);
  const growth = (peak - before) / 1e6;
  expect(inventory.warnings).toEqual([]);
  expect(inventory.damage).toBe(null);
  const { datapath, inport, outport, until } = inventory.resolve(1, 1, 100, 1700000000500);
  expect([datapath?.name, inport?.chassis?.name, until]).toEqual(["net-0", "hv0", 1700000001000]);
  expect((outport as Port).chassis?.encaps[0].ip).toBe("10.1.0.99");
  expect(inventory.port(1, 1, 1700000001000)?.chassis?.name).toBe("hv1");
  expect(inventory.port(200, 100, Number.POSITIVE_INFINITY)?.externalIds.get("name")).toBe("port-19999");
  // Measured: some 50 MB. To hold the record, let alone to parse it, would take several times its size.
  expect(growth).toBeLessThan(300);
});
