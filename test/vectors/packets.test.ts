import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { packets } from "./packets.js";

it.each([
  ["ovn-echo-request.txt", packets.echoRequest.hex],
  ["ovn-echo-reply.txt", packets.echoReply.hex],
])("%s is the vector of the published capture", (file, hex) => {
  const text = readFileSync(new URL(file, import.meta.url), "utf8");
  const digits = text.replaceAll(/^0x[0-9a-f]{4}:|\s/gm, "");
  expect(digits).toBe(hex);
  expect(digits).toHaveLength(2 * 156);
});
