/*
 * What is said of a source beside its rows.
 */

/** What kind of source rows came from. */
export type SourceFormat = "journal" | "cluster" | "backup" | "dump" | "snapshot" | "server";

/** Something odd in a source that was read nevertheless: one entry a kind. */
export interface SourceWarning {
  /** Stable. */
  readonly code: WarningCode;
  /** How often it was met, at least 1. */
  readonly count: number;
  /** The first case in words, on one line, safe to print. */
  readonly text: string;
}

export type WarningCode =
  | "duplicate-key"
  | "clock-backwards"
  | "undated"
  | "bad-value"
  | "unknown-row"
  | "uncommitted"
  | "forgotten"
  | "missing-datapath"
  | "missing-column"
  | "missing-table";

/** Where a source stopped making sense. Everything before it was read. */
export interface SourceDamage {
  /** Byte offset of the first record (or value) that could not be used. */
  readonly offset: number;
  /** One line, safe to print. */
  readonly reason: string;
  /** True where the file just ends within its last record: usual in a journal copied while it was written. */
  readonly torn?: boolean;
}
