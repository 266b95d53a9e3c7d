/* How things with two names are shown: the logical one, OVN's, and the one people know (docs/cli.md, --names). */
import type { FriendlyName, PortNames } from "../southbound/index.js";
import { printable } from "../text.js";

/** `--names`: which name text shows. */
export type NameChoice = "logical" | "friendly" | "both";

/** Which sources of further names there are; what they add is shown only where they are. */
export interface NameSources {
  readonly north: boolean;
  readonly vswitches: boolean;
}

export const NO_SOURCES: NameSources = { north: false, vswitches: false };

/**
 * The name to show, safe to print: `logical` alone, the friendly one alone, or `friendly (logical)`. A friendly
 * name that many share by design never stands alone. Null where there is no name at all. `aside` marks up the
 * logical name behind a friendly one.
 */
export function label(
  logical: string | null | undefined,
  friendly: FriendlyName | null | undefined,
  choice: NameChoice,
  aside: (text: string) => string = (text) => text,
): string | null {
  if (choice === "logical" || friendly == null) return logical == null ? null : printable(logical);
  const name = printable(friendly.name);
  const isPair = choice === "both" || friendly.isShared;
  return isPair && logical != null && logical !== friendly.name
    ? `${name}${aside(` (${printable(logical)})`)}`
    : name;
}

/** What JSON says of a port beside its logical name. */
export function portFields(names: PortNames | null, sources: NameSources): object {
  return {
    friendlyName: names?.friendly?.name ?? null,
    ...(sources.north ? { hostName: names?.hostName ?? null, addresses: names?.addresses ?? [] } : {}),
    ...(sources.vswitches ? { device: names?.device ?? null, instance: names?.instance ?? null } : {}),
  };
}
