import { shown } from "../text.js";
import { ipVersion } from "../wire/address.js";

const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/**
 * What is wrong with an object to encode: `field` is the path to it, such as `outer.ip.ttl`, and `limit` the largest
 * value that it can have, where that is what is wrong.
 */
export class JsonFieldError extends Error {
  override readonly name = "JsonFieldError";
  readonly field: string;
  readonly limit: number | undefined;

  constructor(field: string, message: string, limit?: number) {
    super(field === "" ? message : `${field}: ${message}`);
    this.field = field;
    this.limit = limit;
  }
}

/** The largest values of fields with so many bits. */
export const Largest = { byte: 0xff, short: 0xffff, long: 0xffff_ffff } as const;

/**
 * The fields of a JSON object, read with what they must be: anything else throws a JsonFieldError. Each is to be
 * asked for once, so that `end` can tell those that nobody knows.
 */
export class JsonFields {
  readonly #object: Record<string, unknown>;
  readonly #path: string;
  readonly #asked: string[] = [];

  constructor(value: unknown, path: string) {
    if (!isObject(value)) throw new JsonFieldError(path, `${said(value)} is not an object`);
    this.#object = value;
    this.#path = path;
  }

  /** The path of a field, or of the object itself. */
  path(name = ""): string {
    return this.#path === "" || name === "" ? this.#path + name : `${this.#path}.${name}`;
  }

  /** An error of a field. */
  wrong(name: string, message: string, limit?: number): JsonFieldError {
    return new JsonFieldError(this.path(name), message, limit);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  /** Whether a field is there, but null. */
  isNull(name: string): boolean {
    return this.has(name) && this.#object[name] === null;
  }

  /** Leaves a field unread. */
  skip(...names: readonly string[]): void {
    for (const name of names) this.#take(name);
  }

  /** Throws where there are fields that were not asked for. */
  end(): void {
    const names = Object.keys(this.#object);
    if (names.length === this.#asked.length) return;
    const name = names.find((each) => !this.#asked.includes(each)) ?? "";
    throw this.wrong(shown(name, 40), "there is no such field here");
  }

  /** A whole number from 0 to `limit`, or undefined where it is absent. */
  given(name: string, limit: number): number | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= limit) return value;
    throw this.wrong(name, `${said(value)} is not a whole number from 0 to ${limit}`, limit);
  }

  /** The same; one that is absent has the `usual` value, or is an error where there is none. */
  number(name: string, limit: number, usual?: number): number {
    return this.given(name, limit) ?? usual ?? this.#missing(name);
  }

  /** `true` or `false`, or undefined where it is absent. */
  givenFlag(name: string): boolean | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.wrong(name, `${said(value)} is not true or false`);
  }

  flag(name: string): boolean {
    return this.givenFlag(name) ?? false;
  }

  /** Text, or undefined where it is absent or null. */
  text(name: string): string | undefined {
    const value = this.#take(name) ?? undefined;
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(name, `${said(value)} is not text`);
  }

  /** One of some words. */
  word<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const value = this.text(name);
    const word = words.find((each) => each === value);
    if (value === undefined || word !== undefined) return word;
    throw this.wrong(name, `${said(value)} is none of ${words.join(", ")}`);
  }

  /** Words in any order. */
  words<Word extends string>(name: string, words: readonly Word[]): Word[] {
    return this.#list(name).map((value) => {
      const word = words.find((each) => each === value);
      if (word !== undefined) return word;
      throw this.wrong(name, `${said(value)} is none of ${words.join(", ")}`);
    });
  }

  /** Bytes as hexadecimal digits, none where it is absent. */
  bytes(name: string): Uint8Array {
    const text = this.text(name) ?? "";
    if (text.length % 2 !== 0 || /[^0-9a-f]/i.test(text))
      throw this.wrong(name, `${said(text)} is not hexadecimal digits, two a byte`);
    return new Uint8Array(Buffer.from(text, "hex"));
  }

  /** Bytes that come in units of `unit`, `limit` at most. */
  units(name: string, unit: number, limit: number): Uint8Array {
    const bytes = this.bytes(name);
    if (bytes.length <= limit && bytes.length % unit === 0) return bytes;
    throw this.wrong(name, `${bytes.length} bytes, not a multiple of ${unit} up to ${limit}`, limit);
  }

  /** A MAC address. */
  mac(name: string): string {
    const text = this.text(name) ?? this.#missing(name);
    if (isMac(text)) return text;
    throw this.wrong(name, `${said(text)} is not a MAC address`);
  }

  /** An IP address of this version. */
  ip(name: string, version: 4 | 6): string {
    const text = this.text(name) ?? this.#missing(name);
    if (ipVersion(text) === version) return text;
    throw this.wrong(name, `${said(text)} is not an IPv${version} address`);
  }

  /** An object, or null where it is absent or null. */
  object(name: string): JsonFields | null {
    const value = this.#take(name) ?? null;
    return value === null ? null : new JsonFields(value, this.path(name));
  }

  /** An object that is there. */
  needed(name: string): JsonFields {
    return this.object(name) ?? this.#missing(name);
  }

  /** An object that will be asked for again, or null where it is absent. */
  peek(name: string): JsonFields | null {
    return this.has(name) ? new JsonFields(this.#object[name], this.path(name)) : null;
  }

  /** A list of objects, empty where it is absent. */
  objects(name: string): JsonFields[] {
    return this.#list(name).map((value, index) => new JsonFields(value, `${this.path(name)}[${index}]`));
  }

  #list(name: string): unknown[] {
    const value = this.#take(name) ?? [];
    if (Array.isArray(value)) return value;
    throw this.wrong(name, `${said(value)} is not a list`);
  }

  #take(name: string): unknown {
    if (!this.has(name)) return undefined;
    this.#asked.push(name);
    return this.#object[name];
  }

  #missing(name: string): never {
    throw this.wrong(name, "is missing");
  }
}

/** Whether it is a MAC address of six bytes. */
export function isMac(text: string): boolean {
  return MAC.test(text);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value for a message. */
function said(value: unknown): string {
  return shown(JSON.stringify(value) ?? "nothing", 60);
}
