/*
 * Finds the members of a JSON object (RFC 8259) byte by byte and parses only those that are wanted. A
 * southbound database holds a few megabytes that name things and hundreds that do not (Logical_Flow); those
 * are passed over without becoming strings.
 */

/** What is to be done with a member or element. */
export type Take =
  /** Pass over it. */
  | "skip"
  /** Parse it whole. */
  | "whole"
  /** The same, of what should be an object without others in it, and is taken apart at once. */
  | "row"
  /** It is an object or array: go through its members or elements. Anything else is taken whole. */
  | "parts";

/** The name of a member, or the index of an element. */
export type ScanKey = string | number;

/** Told what is found, in order. `depth` is 1 for the members of the outermost object, 2 for theirs, ... */
export interface ScanHandler {
  take(depth: number, key: ScanKey): Take;
  /** `offset` is that of the value's first byte. */
  whole(depth: number, key: ScanKey, json: unknown, offset: number): void;
  /**
   * The container whose members have this depth is complete: 1 for the outermost object, which another may
   * follow.
   */
  end(depth: number): void;
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
const LARGEST_VALUE = 64 * 1024 * 1024;
/** Containers within containers that are gone through; readers need five. */
const DEEPEST = 16;
/** Containers within a value that is parsed: whoever writes it again (JSON.stringify recurses) must be able to. */
const DEEPEST_VALUE = 100;
const NOT_ARRAY = -2;
/** Names and rows that did not end where they seemed to, after which none are expected to: to try costs time. */
const MOST_MISSES = 100;

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
  /** 0 outside, 1 in the object, 2 in a member of it that is gone through, ... */
  #depth = 0;
  /** By depth from 1: the index of the element at hand, or NOT_ARRAY in an object. */
  readonly #index = new Int32Array(DEEPEST + 1);
  #inArray = false;
  /** Of the member or element at hand. */
  #key: ScanKey = "";
  #take: Take = "skip";
  /** The leaf at hand: is it a key, is it wanted, where did it begin, what of it lies in earlier chunks. */
  #isKey = false;
  #wanted = false;
  #leafOffset = 0;
  #pieces: Buffer[] = [];
  #piecesBytes = 0;
  #nested = 0;
  #inString = false;
  #escaped = false;
  #misses = 0;
  /** The chunk at hand as text, if a row was met in it (`isText`) and each character is a byte; else empty. */
  #text = "";
  #isText = false;

  constructor(handler: ScanHandler) {
    this.#handler = handler;
  }

  /** Whether everything fed so far made whole objects. */
  get complete(): boolean {
    return this.#state === "object";
  }

  /** Scans the next bytes; `offset` is the absolute position of the first. The chunk may be reused after. */
  feed(chunk: Buffer, offset: number): void {
    this.#text = "";
    this.#isText = false;
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
        this.objectOffset = offset;
        return this.#open(false, offset);
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
    if (this.#inArray) {
      if (byte === CLOSE_ARRAY) return this.#close();
      this.#key = ++this.#index[this.#depth];
      this.#take = this.#handler.take(this.#depth, this.#key);
    }
    if (this.#take === "parts" && (byte === OPEN_OBJECT || byte === OPEN_ARRAY))
      return this.#open(byte === OPEN_ARRAY, offset);
    this.#beginLeaf(offset, false, this.#take !== "skip");
    return false;
  }

  #open(isArray: boolean, offset: number): true {
    if (this.#depth === DEEPEST) throw new ScanError(offset, "JSON is nested too deep here");
    this.#index[++this.#depth] = isArray ? -1 : NOT_ARRAY;
    this.#inArray = isArray;
    this.#state = isArray ? "value" : "key";
    return true;
  }

  #close(): true {
    this.#handler.end(this.#depth--);
    this.#inArray = this.#depth > 0 && this.#index[this.#depth] !== NOT_ARRAY;
    this.#state = this.#depth === 0 ? "object" : "next";
    if (this.#depth === 0) this.objects++;
    return true;
  }

  #beginLeaf(offset: number, isKey: boolean, wanted: boolean): void {
    this.#state = "leaf";
    this.#isKey = isKey;
    this.#wanted = wanted;
    this.#leafOffset = offset;
    this.#nested = 0;
    this.#inString = false;
    this.#escaped = false;
  }

  /**
   * The key or row that begins at `start`, where it ends with the first character that may be its end: most names
   * hold no quotes, and most rows no braces. That is found, and what is before it parsed, by the engine, which is
   * fast from the first byte on. Returns the position behind it, or 0 where it is not so.
   */
  #plainLeaf(text: string, start: number): number {
    const last = text.indexOf(this.#isKey ? '"' : "}", start + 1);
    if (last < 0 || text[last - 1] === "\\") return 0;
    let json: unknown;
    try {
      json = JSON.parse(text.slice(start, last + 1));
    } catch {
      this.#misses++;
      return 0;
    }
    this.#found(json);
    return last + 1;
  }

  /** Whether the leaf that begins here may be plain; #text is then the chunk, byte by character. */
  #mayBePlain(chunk: Buffer, start: number): boolean {
    if (this.#misses >= MOST_MISSES) return false;
    if (this.#isKey) return this.#text !== "";
    if (this.#take !== "row" || chunk[start] !== OPEN_OBJECT) return false;
    if (!this.#isText) {
      const text = chunk.toString("utf8");
      this.#isText = true;
      // Where a character takes several bytes, positions differ.
      this.#text = text.length === chunk.length ? text : "";
    }
    return this.#text !== "";
  }

  /** Goes through a key or value from `start`. Returns the position behind it, or the chunk's length. */
  #leaf(chunk: Buffer, start: number, offset: number): number {
    if (offset + start === this.#leafOffset && this.#mayBePlain(chunk, start)) {
      const end = this.#plainLeaf(this.#text, start);
      if (end > 0) return end;
    }
    const length = chunk.length;
    let position = start;
    let nested = this.#nested;
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
          if (nested === 0) return this.#endLeaf(chunk, start, position);
        }
      } else if (byte === QUOTE) {
        inString = true;
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (++nested > DEEPEST_VALUE && this.#wanted)
          throw new ScanError(offset + position - 1, "JSON is nested too deep here");
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
        if (nested === 0) return this.#endLeaf(chunk, start, position - 1);
        if (--nested === 0) return this.#endLeaf(chunk, start, position);
      } else if (nested === 0) {
        if (byte === COMMA || byte <= SPACE) return this.#endLeaf(chunk, start, position - 1);
      }
    }
    this.#nested = nested;
    this.#inString = inString;
    if (this.#wanted) this.#keep(chunk.subarray(start), offset + start);
    return length;
  }

  /** Remembers the part of a leaf that lies in a chunk which will be overwritten. */
  #keep(part: Buffer, offset: number): void {
    this.#piecesBytes += part.length;
    if (this.#piecesBytes > LARGEST_VALUE)
      throw new ScanError(offset, `a value is longer than ${LARGEST_VALUE} bytes`);
    let piece = Buffer.from(part);
    // Pieces of a byte each must not cost a hundred: like sizes are joined, so that there are never many.
    for (let last = this.#pieces.at(-1); last && last.length <= piece.length; last = this.#pieces.at(-1))
      piece = Buffer.concat([this.#pieces.pop() ?? last, piece]);
    this.#pieces.push(piece);
  }

  #endLeaf(chunk: Buffer, start: number, end: number): number {
    let text: string | null = null;
    if (this.#pieces.length > 0) {
      text = Buffer.concat([...this.#pieces, chunk.subarray(start, end)]).toString("utf8");
      this.#pieces = [];
      this.#piecesBytes = 0;
    } else if (this.#wanted) text = chunk.toString("utf8", start, end);
    this.#found(text === null ? undefined : this.#parse(text));
    return end;
  }

  /** The leaf at hand is complete; `json` is what it says where it is wanted. */
  #found(json: unknown): void {
    if (this.#isKey) {
      this.#state = "colon";
      this.#key = String(json);
      this.#take = this.#handler.take(this.#depth, this.#key);
      return;
    }
    this.#state = "next";
    if (this.#wanted) this.#handler.whole(this.#depth, this.#key, json, this.#leafOffset);
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new ScanError(this.#leafOffset, "this is not valid JSON");
    }
  }
}
