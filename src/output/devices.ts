import type { ListedDevice } from "../native.js";
import { printable } from "../text.js";
import { safeJson } from "./json.js";
import { type Column, type Style, table } from "./table.js";

const COLUMNS: readonly Column[] = [
  { title: "device", align: "left" },
  { title: "state", align: "left" },
  { title: "addresses", align: "left" },
];

/** The answer of `devices` for people. */
export function devicesText(devices: readonly ListedDevice[], style: Style): string {
  const rows = devices.map(({ name, up, running, addresses }) => [
    printable(name),
    up ? (running ? "up" : "up, no link") : "down",
    name === "any" ? "(all devices)" : printable(addresses.join(", ")),
  ]);
  return table(COLUMNS, rows, style);
}

/** The answer of `devices -o json` (docs/cli.md): one object a line. */
export function devicesJson(devices: readonly ListedDevice[]): string {
  return devices
    .map(({ name, up, running, loopback, addresses }) =>
      safeJson({ name, up, running, loopback, addresses }).concat("\n"),
    )
    .join("");
}
