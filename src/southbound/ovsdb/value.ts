/*
 * OVSDB values: RFC 7047 section 5.1 (notation <value>) and 3.2 (<type>), and how a difference is applied.
 */

/**
 * A column's value: an atom, an atom or nothing, a set of strings (sorted), or a map from string to string as
 * its pairs in a row (key, value, key, value, ..., sorted by key): a database has hundreds of thousands of
 * small maps, and a Map costs several times as much. Never changed once made; {@link pairsOf} gives a Map.
 */
export type Datum = string | number | boolean | null | readonly string[];

/** The shape a column has in this room. Sets and maps hold strings; uuids are strings too. */
export type Shape = "one" | "optional" | "set" | "map";
export type AtomType = "integer" | "string" | "boolean" | "uuid";

/** A column as this room keeps it. */
export interface Column {
  readonly name: string;
  readonly shape: Shape;
  readonly atom: AtomType;
  /**
   * Whether more than one element is allowed. Then a modified value is stored as a difference, otherwise as
   * the new value.
   */
  readonly composite: boolean;
}

/** The set, and the map, without elements. */
export const EMPTY: readonly string[] = Object.freeze([]);
const EMPTY_MAP: ReadonlyMap<string, string> = new Map();

/** A map's value as a Map. */
export function pairsOf(datum: Datum): ReadonlyMap<string, string> {
  const flat = datum as readonly string[];
  if (flat.length === 0) return EMPTY_MAP;
  const map = new Map<string, string>();
  for (let index = 0; index < flat.length; index += 2) map.set(flat[index], flat[index + 1]);
  return map;
}

/** What a map's value has under `key`. */
export function pairValue(datum: Datum, key: string): string | undefined {
  const flat = datum as readonly string[];
  for (let index = 0; index < flat.length; index += 2) if (flat[index] === key) return flat[index + 1];
  return undefined;
}

/** The value of a column that a new row does not mention, RFC 7047 section 5.2.1. */
export function defaultDatum(column: Column): Datum {
  if (column.shape === "set" || column.shape === "map") return EMPTY;
  if (column.shape === "optional") return null;
  if (column.atom === "integer") return 0;
  if (column.atom === "boolean") return false;
  return column.atom === "uuid" ? "00000000-0000-0000-0000-000000000000" : "";
}

/*
 * Map keys, referenced uuids, words like "patch" and names of networks repeat in row after row, and JSON.parse
 * makes a new string each time. What is met again soon is kept; what is unique is forgotten in time.
 */
const GENERATION = 1 << 14;
const LONGEST_SHARED = 128;
/** Longer ones that are no uuid and in no map are names and addresses, each its own. */
const LONGEST_WORD = 16;

/** Gives equal strings one object, so that a big database fits. Holds at most 2^15 strings. */
export class StringPool {
  #recent = new Map<string, string>();
  #older = new Map<string, string>();

  share(text: string): string {
    const known = this.#recent.get(text);
    if (known !== undefined) return known;
    if (text.length > LONGEST_SHARED) return text;
    const old = this.#older.get(text) ?? text;
    if (this.#recent.size === GENERATION) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(old, old);
    return old;
  }
}

/**
 * The value that `json` (as parsed from OVSDB's notation) has in `column`, or undefined where it is not of
 * the column's type. Sets come sorted, maps sorted by key.
 */
export function readDatum(column: Column, json: unknown, pool: StringPool): Datum | undefined {
  if (column.shape === "map") return readMap(json, pool);
  if (column.shape === "set") return readSet(column, json, pool);
  const elements = setElements(json);
  if (elements === null) return readAtom(column.atom, json, pool);
  if (elements.length === 0) return column.shape === "optional" ? null : undefined;
  return elements.length === 1 ? readAtom(column.atom, elements[0], pool) : undefined;
}

/**
 * `difference` applied to `old`, both of `column`. In a set, an element of the difference is added if absent
 * and removed if present; in a map, a pair is added where its key is absent, removed where it is there with
 * that value, and replaces one with another value. Any other column takes the new value.
 *
 * Differences are found the same way: of a column that is `composite`, `applyDifference(column, to, from)` is the
 * difference that makes `from` of `to`.
 */
export function applyDifference(column: Column, old: Datum, difference: Datum): Datum {
  if (!column.composite) return difference;
  const step = column.shape === "map" ? 2 : 1;
  const a = old as readonly string[];
  const b = difference as readonly string[];
  if (a.length === 0) return difference;
  const result: string[] = [];
  // Both are sorted: they are merged.
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (j >= b.length || (i < a.length && a[i] < b[j])) {
      take(result, a, i, step);
      i += step;
    } else if (i >= a.length || b[j] < a[i]) {
      take(result, b, j, step);
      j += step;
    } else {
      if (step === 2 && a[i + 1] !== b[j + 1]) take(result, b, j, step);
      i += step;
      j += step;
    }
  }
  return result.length === 0 ? EMPTY : result.slice();
}

function take(result: string[], from: readonly string[], index: number, step: number): void {
  result.push(from[index]);
  if (step === 2) result.push(from[index + 1]);
}

/** Whether two values of one column are the same. */
export function sameDatum(a: Datum, b: Datum): boolean {
  if (a === b) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** `datum` in OVSDB's notation, as `readDatum` reads it. */
export function writeDatum(column: Column, datum: Datum): unknown {
  const atom = (value: Datum): unknown => (column.atom === "uuid" ? ["uuid", value] : value);
  if (column.shape === "map") {
    const flat = datum as readonly string[];
    const pairs: [string, string][] = [];
    for (let index = 0; index < flat.length; index += 2) pairs.push([flat[index], flat[index + 1]]);
    return ["map", pairs];
  }
  if (column.shape === "set") return ["set", (datum as readonly string[]).map(atom)];
  return datum === null ? ["set", []] : atom(datum);
}

/** The uuid in `["uuid", text]`, or null. */
export function readUuid(json: unknown): string | null {
  return Array.isArray(json) && json.length === 2 && json[0] === "uuid" && typeof json[1] === "string"
    ? json[1]
    : null;
}

/** Whether `text` is a uuid as OVSDB writes it. */
export function isUuid(text: string): boolean {
  return /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/.test(text);
}

/** Whether `json` is a JSON object. Its members may still be those of its prototype. */
export function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function readAtom(type: AtomType, json: unknown, pool: StringPool): string | number | boolean | undefined {
  if (type === "uuid") {
    const uuid = readUuid(json);
    return uuid === null ? undefined : pool.share(uuid);
  }
  if (type === "string") {
    if (typeof json !== "string") return undefined;
    return json.length > LONGEST_WORD ? json : pool.share(json);
  }
  if (type === "boolean") return typeof json === "boolean" ? json : undefined;
  return Number.isSafeInteger(json) ? (json as number) : undefined;
}

/** The elements of `["set", [...]]`, or null where `json` is something else. */
function setElements(json: unknown): unknown[] | null {
  return Array.isArray(json) && json.length === 2 && json[0] === "set" && Array.isArray(json[1])
    ? json[1]
    : null;
}

// Arrays are made with their length: those that grow keep room for more, and there are a million of them.

function readSet(column: Column, json: unknown, pool: StringPool): readonly string[] | undefined {
  const elements = setElements(json);
  if (elements === null) {
    const atom = readAtom(column.atom, json, pool);
    return typeof atom === "string" ? [atom] : undefined;
  }
  if (elements.length === 0) return EMPTY;
  const result = new Array<string>(elements.length);
  let sorted = true;
  for (let index = 0; index < elements.length; index++) {
    const atom = readAtom(column.atom, elements[index], pool);
    if (typeof atom !== "string") return undefined;
    if (index > 0 && atom <= result[index - 1]) sorted = false;
    result[index] = atom;
  }
  return sorted ? result : [...new Set(result)].sort();
}

function readMap(json: unknown, pool: StringPool): readonly string[] | undefined {
  if (!Array.isArray(json) || json.length !== 2 || json[0] !== "map" || !Array.isArray(json[1]))
    return undefined;
  const pairs = json[1] as unknown[];
  if (pairs.length === 0) return EMPTY;
  const result = new Array<string>(pairs.length * 2);
  let sorted = true;
  for (let index = 0; index < pairs.length; index++) {
    const pair = pairs[index];
    if (!Array.isArray(pair) || typeof pair[0] !== "string" || typeof pair[1] !== "string") return undefined;
    if (index > 0 && pair[0] <= result[index * 2 - 2]) sorted = false;
    result[index * 2] = pool.share(pair[0]);
    result[index * 2 + 1] = pool.share(pair[1]);
  }
  return sorted ? result : [...new Map(pairs as [string, string][])].sort(byKey).flat();
}

function byKey([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
