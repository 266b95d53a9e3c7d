/* For the tests, which are type-checked. */
import type { GeneratedSouthbound } from "./southbound-generate.js";

export const SEQUENCE: string;

export class Writer {
  static connect(path: string): Promise<Writer>;
  transact(sequence: number, operations: readonly object[]): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

export class PortChanges {
  constructor(southbound: GeneratedSouthbound);
  next(rows: number): { operations: object[]; committed: (results: readonly unknown[]) => void };
}
