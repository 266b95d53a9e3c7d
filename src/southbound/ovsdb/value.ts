/*
 * OVSDB values: RFC 7047 section 5.1 (notation <value>) and 3.2 (<type>), and how a difference is applied.
 */

/** A column's value: an atom, an atom or nothing, a set of strings, or a map from string to string. */
export type Datum = string | number | boolean | null | readonly string[] | ReadonlyMap<string, string>;

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

export const EMPTY_SET: readonly string[] = Object.freeze([]);
export const EMPTY_MAP: ReadonlyMap<string, string> = new Map();

/** The value of a column that a new row does not mention, RFC 7047 section 5.2.1. */
export function defaultDatum(column: Column): Datum {
  if (column.shape === "set") return EMPTY_SET;
  if (column.shape === "map") return EMPTY_MAP;
  if (column.shape === "optional") return null;
  if (column.atom === "integer") return 0;
  if (column.atom === "boolean") return false;
  return column.atom === "uuid" ? "00000000-0000-0000-0000-000000000000" : "";
}

/*
 * Map keys, referenced uuids and words like "patch" or "true" repeat in every row, and JSON.parse makes a new
 * string each time. Longer values are mostly unique: to remember them would cost more than it saves.
 */
const POOL_LIMIT = 1 << 17;
const SHORT = 12;

/** Gives equal strings one object, so that a big database fits. */
export class StringPool {
  readonly #strings = new Map<string, string>();

  /** `text`, shared only where it is short. */
  shareShort(text: string): string {
    return text.length > SHORT ? text : this.share(text);
  }

  share(text: string): string {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    if (this.#strings.size < POOL_LIMIT) this.#strings.set(text, text);
    return text;
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
 */
export function applyDifference(column: Column, old: Datum, difference: Datum): Datum {
  if (!column.composite) return difference;
  if (column.shape === "set") {
    const result = new Set(old as readonly string[]);
    for (const element of difference as readonly string[]) if (!result.delete(element)) result.add(element);
    return result.size === 0 ? EMPTY_SET : [...result].sort();
  }
  const result = new Map(old as ReadonlyMap<string, string>);
  for (const [key, value] of difference as ReadonlyMap<string, string>)
    if (result.get(key) === value) result.delete(key);
    else result.set(key, value);
  return sortedMap(result);
}

/** Whether two values of one column are the same. */
export function sameDatum(a: Datum, b: Datum): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((element, index) => element === b[index]);
  if (!(a instanceof Map && b instanceof Map) || a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}

/** The uuid in `["uuid", text]`, or null. */
export function readUuid(json: unknown): string | null {
  return Array.isArray(json) && json.length === 2 && json[0] === "uuid" && typeof json[1] === "string"
    ? json[1]
    : null;
}

function readAtom(type: AtomType, json: unknown, pool: StringPool): string | number | boolean | undefined {
  if (type === "uuid") {
    const uuid = readUuid(json);
    return uuid === null ? undefined : pool.share(uuid);
  }
  if (type === "string") return typeof json === "string" ? pool.shareShort(json) : undefined;
  if (type === "boolean") return typeof json === "boolean" ? json : undefined;
  return Number.isSafeInteger(json) ? (json as number) : undefined;
}

/** The elements of `["set", [...]]`, or null where `json` is something else. */
function setElements(json: unknown): unknown[] | null {
  return Array.isArray(json) && json.length === 2 && json[0] === "set" && Array.isArray(json[1])
    ? json[1]
    : null;
}

function readSet(column: Column, json: unknown, pool: StringPool): readonly string[] | undefined {
  const elements = setElements(json) ?? [json];
  if (elements.length === 0) return EMPTY_SET;
  const result: string[] = [];
  for (const element of elements) {
    const atom = readAtom(column.atom, element, pool);
    if (typeof atom !== "string") return undefined;
    result.push(atom);
  }
  return result.length > 1 ? result.sort() : result;
}

function readMap(json: unknown, pool: StringPool): ReadonlyMap<string, string> | undefined {
  if (!Array.isArray(json) || json.length !== 2 || json[0] !== "map" || !Array.isArray(json[1]))
    return undefined;
  const result = new Map<string, string>();
  for (const pair of json[1] as unknown[]) {
    if (!Array.isArray(pair) || typeof pair[0] !== "string" || typeof pair[1] !== "string") return undefined;
    result.set(pool.share(pair[0]), pool.shareShort(pair[1]));
  }
  return sortedMap(result);
}

function sortedMap(map: Map<string, string>): ReadonlyMap<string, string> {
  if (map.size === 0) return EMPTY_MAP;
  let last = "";
  for (const key of map.keys()) {
    if (key < last) return new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
    last = key;
  }
  return map;
}
