import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSouthbound } from "../../src/southbound/index.js";
import { TempDirectory } from "./ovsdb.js";
import { picture } from "./picture.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());
const ROUTED_PING = join(import.meta.dirname, "../../captures/routed-ping");

test.each(["sb.db", "sb.backup.db", "sb.dump.json"])("%s may come from a pipe", async (name) => {
  const pipe = directory.file(`pipe-${name}`);
  execFileSync("mkfifo", [pipe]);
  const writer = spawn("sh", ["-c", `cat "$1" > "$2"`, "sh", join(ROUTED_PING, name), pipe]);
  const inventory = await openSouthbound(pipe);
  expect(writer.signalCode).toBe(null);
  const file = await openSouthbound(join(ROUTED_PING, name));
  const now = Number.POSITIVE_INFINITY;
  expect(picture(inventory, now)).toEqual(picture(file, now));
  expect(inventory.format).toBe(file.format);
});
