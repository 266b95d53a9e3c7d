/* For the tests, which are type-checked. */
export type Tools = Record<string, string | null>;
export function buildReaders(directory: string): Tools;
