/*
 * What is said of a list of servers, out of what is wrong with each.
 */

import { type LinkError, SouthboundError, type SouthboundErrorCode } from "./error.js";
import type { Remote } from "./remote.js";

/** Why a member cannot be used. */
export interface Failure {
  readonly remote: Remote;
  readonly error: LinkError;
}

const MEMBERS_SHOWN = 5;

/** The error that says most about a list of servers comes first. */
const TELLING: readonly SouthboundErrorCode[] = [
  "ERR_SB_SCHEMA",
  "ERR_SB_DATABASE",
  "ERR_SB_TLS",
  "ERR_SB_CLUSTER",
  "ERR_SB_PROTOCOL",
  "ERR_SB_CONNECT",
];

/** The error where each of the `members` that `source` names, or the last tried of them, failed: at least one. */
export function allFailed(source: string, failures: readonly Failure[], members: number): SouthboundError {
  const [{ error: told }] = [...failures].sort(
    (a, b) => TELLING.indexOf(a.error.code) - TELLING.indexOf(b.error.code),
  );
  const advice = told.advice === "" ? "" : `; ${told.advice}`;
  if (members === 1) return new SouthboundError(told.code, source, `${told.message}${advice}`, told);
  const reasons = failures
    .slice(0, MEMBERS_SHOWN)
    .map(({ remote, error }) => `${remote.text}: ${error.message}`);
  if (failures.length > MEMBERS_SHOWN) reasons.push(`and ${failures.length - MEMBERS_SHOWN} more`);
  const message = `no server can be used: ${reasons.join("; ")}${advice}`;
  return new SouthboundError(told.code, source, message, told);
}

/** The error of a connection that was good: what helps to make one does not help here. */
export function lost(source: string, { remote, error }: Failure, members: number): SouthboundError {
  const member = members === 1 ? "" : `${remote.text}: `;
  return new SouthboundError(error.code, source, `${member}${error.message}`, error);
}
