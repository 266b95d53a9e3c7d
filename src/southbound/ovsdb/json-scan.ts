/*
 * Finds the members of a JSON object (RFC 8259) byte by byte and parses only those that are wanted. A
 * southbound database holds a few megabytes that name things and hundreds that do not (Logical_Flow); those
 * are passed over without becoming strings.
 */

/** What is to be done with a member of the outermost object. */
export type Take =
  /** Pass over it. */
  | "skip"
  /** Parse it whole. */
  | "whole"
  /** It is an object or array: parse its members or elements one by one. Anything else is taken whole. */
  | "parts";

/** Told what is found, in order. `offset` is that of the value's first byte. */
export interface ScanHandler {
  member(key: string): Take;
  whole(key: string, json: unknown, offset: number): void;
  /** `name` is the member's key, or null for the element of an array. */
  part(key: string, name: string | null, json: unknown, offset: number): void;
  /** The object is complete; another may follow. */
  end(): void;
}

/** The bytes are not what they should be. `offset` is absolute. */
export class ScanError extends Error {
  readonly offset: number;

  constructor(offset: number, reason: string) {
    super(reason);
    this.offset = offset;
  }
}

/** A value that is parsed must be in memory as one string; no honest row comes near this. */
const LARGEST_VALUE = 256 * 1024 * 1024;

type State =
  /** Before an object. */
  | "object"
  /** Before a key or the end of an object. */
  | "key"
  /** Before the colon behind a key. */
  | "colon"
  /** Before a value, or in an array its end. */
  | "value"
  /** Within a key or a value. */
  | "leaf"
  /** Behind a value. */
  | "next";

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Scans a sequence of JSON objects fed in chunks of any size. Throws a {@link ScanError} where the structure
 * breaks, which it may do later than a strict parser: values that are passed over are not examined.
 */
export class JsonScanner {
  readonly #handler: ScanHandler;
  #state: State = "object";
  /** How many objects were complete. */
  objects = 0;
  /** Offset of the object at hand, or of the last one. */
  objectOffset = 0;
  /** 0 outside, 1 in the object, 2 in a member taken in parts. */
  #level = 0;
  #inArray = false;
  #key = "";
  #name: string | null = null;
  #take: Take = "skip";
  /** The leaf at hand: is it a key, is it wanted, where did it begin, what of it lies in earlier chunks. */
  #isKey = false;
  #wanted = false;
  #leafOffset = 0;
  #pieces: Buffer[] = [];
  #piecesBytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(handler: ScanHandler) {
    this.#handler = handler;
  }

  /** Whether everything fed so far made whole objects. */
  get complete(): boolean {
    return this.#state === "object";
  }

  /** Scans the next bytes; `offset` is the absolute position of the first. The chunk may be reused after. */
  feed(chunk: Buffer, offset: number): void {
    let position = 0;
    while (position < chunk.length) {
      if (this.#state === "leaf") {
        position = this.#leaf(chunk, position, offset);
        continue;
      }
      const byte = chunk[position];
      if (byte <= SPACE) position++;
      else if (this.#structure(byte, offset + position)) position++;
    }
  }

  /** Handles a byte outside keys and values. Returns false where the byte belongs to what follows. */
  #structure(byte: number, offset: number): boolean {
    switch (this.#state) {
      case "object":
        if (byte !== OPEN_OBJECT) throw new ScanError(offset, "a JSON object should begin here");
        this.#level = 1;
        this.objectOffset = offset;
        this.#inArray = false;
        this.#state = "key";
        return true;
      case "key":
        if (byte === CLOSE_OBJECT) return this.#close();
        if (byte !== QUOTE) throw new ScanError(offset, "a JSON member name should begin here");
        this.#beginLeaf(offset, true, true);
        return false;
      case "colon":
        if (byte !== COLON) throw new ScanError(offset, "a JSON member name has no value");
        this.#state = "value";
        return true;
      case "value":
        return this.#value(byte, offset);
      default:
        if (byte === COMMA) {
          this.#state = this.#inArray ? "value" : "key";
          return true;
        }
        if (byte === (this.#inArray ? CLOSE_ARRAY : CLOSE_OBJECT)) return this.#close();
        throw new ScanError(offset, "a JSON value is followed by neither comma nor end");
    }
  }

  #value(byte: number, offset: number): boolean {
    if (this.#inArray && byte === CLOSE_ARRAY) return this.#close();
    const container = byte === OPEN_OBJECT || byte === OPEN_ARRAY;
    if (this.#level === 1 && this.#take === "parts" && container) {
      this.#level = 2;
      this.#inArray = byte === OPEN_ARRAY;
      this.#name = null;
      this.#state = this.#inArray ? "value" : "key";
      return true;
    }
    this.#beginLeaf(offset, false, this.#take !== "skip");
    return false;
  }

  #close(): true {
    this.#level--;
    this.#inArray = false;
    this.#state = this.#level === 0 ? "object" : "next";
    if (this.#level === 0) {
      this.objects++;
      this.#handler.end();
    }
    return true;
  }

  #beginLeaf(offset: number, isKey: boolean, wanted: boolean): void {
    this.#state = "leaf";
    this.#isKey = isKey;
    this.#wanted = wanted;
    this.#leafOffset = offset;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
  }

  /** Goes through a key or value from `start`. Returns the position behind it, or the chunk's length. */
  #leaf(chunk: Buffer, start: number, offset: number): number {
    const length = chunk.length;
    let position = start;
    let depth = this.#depth;
    let inString = this.#inString;
    if (this.#escaped) {
      position++;
      this.#escaped = false;
    }
    while (position < length) {
      const byte = chunk[position++];
      if (inString) {
        if (byte === BACKSLASH) {
          if (position === length) this.#escaped = true;
          else position++;
        } else if (byte === QUOTE) {
          inString = false;
          if (depth === 0) return this.#endLeaf(chunk, start, position);
        }
      } else if (byte === QUOTE) {
        inString = true;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        depth++;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (depth === 0) return this.#endLeaf(chunk, start, position - 1);
        if (--depth === 0) return this.#endLeaf(chunk, start, position);
      } else if (depth === 0) {
        if (byte === COMMA || byte <= SPACE) return this.#endLeaf(chunk, start, position - 1);
      }
    }
    this.#depth = depth;
    this.#inString = inString;
    if (this.#wanted) this.#keep(chunk.subarray(start), offset + start);
    return length;
  }

  /** Remembers the part of a leaf that lies in a chunk which will be overwritten. */
  #keep(part: Buffer, offset: number): void {
    this.#piecesBytes += part.length;
    if (this.#piecesBytes > LARGEST_VALUE)
      throw new ScanError(offset, `a value is longer than ${LARGEST_VALUE} bytes`);
    this.#pieces.push(Buffer.from(part));
  }

  #endLeaf(chunk: Buffer, start: number, end: number): number {
    this.#state = this.#isKey ? "colon" : "next";
    if (!this.#wanted) return end;
    let text: string;
    if (this.#pieces.length === 0) text = chunk.toString("utf8", start, end);
    else {
      text = Buffer.concat([...this.#pieces, chunk.subarray(start, end)]).toString("utf8");
      this.#pieces = [];
      this.#piecesBytes = 0;
    }
    const json = this.#parse(text);
    if (this.#isKey) this.#takeKey(json);
    else if (this.#level === 1) this.#handler.whole(this.#key, json, this.#leafOffset);
    else this.#handler.part(this.#key, this.#name, json, this.#leafOffset);
    return end;
  }

  #takeKey(json: unknown): void {
    const key = String(json);
    if (this.#level === 2) {
      this.#name = key;
      return;
    }
    this.#key = key;
    this.#take = this.#handler.member(key);
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new ScanError(this.#leafOffset, "this is not valid JSON");
    }
  }
}
