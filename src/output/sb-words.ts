/*
 * How the verbs of `sb` say things: names as ovn-sbctl(8) writes them, moments, tunnels.
 */
import { type Chassis, type Encap, type Inventory, type Port, portEncaps } from "../southbound/index.js";
import { printable } from "../text.js";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A string as ovn-sbctl prints it: bare where it is an identifier and no UUID, else in double quotes. */
export function ovsString(text: string): string {
  const bare = /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(text) && text !== "true" && text !== "false";
  return bare && !uuid.test(text) ? text : `"${printable(text.replace(/["\\]/g, "\\$&"))}"`;
}

/** A map as ovn-sbctl prints it: `{csum="true", dst_port="6081"}`. */
export function ovsMap(map: ReadonlyMap<string, string>): string {
  return `{${[...map].map(([key, value]) => `${ovsString(key)}=${ovsString(value)}`).join(", ")}}`;
}

/**
 * The moment that an answer as of `at` tells of, null where nobody knows: what was after the last record is not
 * known, and a source without a history tells of its one moment, whatever is asked.
 */
export function momentOf({ hasHistory, latestDate }: Inventory, at: number): number | null {
  return !hasHistory || (latestDate !== null && at > latestDate) ? latestDate : at;
}

/** How long something took: `1.021 s`, `3 min 2 s`, `2 d 5 h`. */
export function durationText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 60) return `${Math.round(milliseconds) / 1000} s`;
  const units = [
    [86400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  const first = units.findIndex(([unit]) => seconds >= unit);
  return units
    .slice(first, first + 2)
    .map(([unit, word], i) => {
      const whole = i === 0 ? seconds : seconds % units[first][0];
      return `${Math.floor(whole / unit)} ${word}`;
    })
    .filter((text) => !text.startsWith("0 "))
    .join(" ");
}

/** Tunnel end points: `geneve 10.127.0.3, vxlan 10.127.0.3`. */
export function encapsText(encaps: readonly Encap[]): string {
  return encaps.map(({ type, ip }) => `${printable(type)} ${printable(ip)}`).join(", ");
}

/** A chassis with its tunnel end points: `worker1 (geneve 10.127.0.3)`. */
export function chassisText(chassis: Chassis, encaps: readonly Encap[] = chassis.encaps): string {
  const name = printable(chassis.name);
  return encaps.length === 0 ? name : `${name} (${encapsText(encaps)})`;
}

/** Where a port is bound, with the way there. */
export function bindingText(port: Port): string {
  const at = port.chassis === null ? "unbound" : chassisText(port.chassis, portEncaps(port));
  return [at, ...port.additionalChassis.map((chassis) => `also ${chassisText(chassis)}`)].join(", ");
}
