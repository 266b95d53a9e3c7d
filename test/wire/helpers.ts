/** What the tests of src/wire share: buffers in which an unwritten byte shows, and refusals by field. */
import fc from "fast-check";
import { expect } from "vitest";
import { formatIpv4, formatIpv6, formatMac, Reason, WireError } from "../../src/wire/index.js";
import { hexBytes } from "../vectors/packets.js";

/** What every byte of a target buffer holds before a writer runs. */
export const FILL = 0xa5;

/** Bytes before and behind what a test writes; odd, so that nothing is aligned. */
const BEFORE = 3;
const BEHIND = 5;

/** A view of the given bytes at an odd offset inside a larger buffer that is full of {@link FILL}. */
export function amid(bytes: Uint8Array): { view: DataView; start: number; end: number } {
  const all = new Uint8Array(BEFORE + bytes.length + BEHIND).fill(FILL);
  all.set(bytes, BEFORE);
  return { view: new DataView(all.buffer), start: BEFORE, end: BEFORE + bytes.length };
}

/** The bytes of hexadecimal digits with spaces, at an odd offset. */
export function amidHex(hex: string): { view: DataView; start: number; end: number } {
  return amid(hexBytes(hex.replaceAll(/\s/g, "")));
}

/**
 * Runs a writer at an odd offset into two buffers that were full of different bytes and returns what it
 * wrote. Fails where a byte was left unwritten, where one outside was touched, and where the size it
 * returned is not `size`.
 */
export function written(size: number, write: (view: DataView, offset: number) => number): Uint8Array {
  const results = [FILL, 0x5a].map((fill) => {
    const all = new Uint8Array(BEFORE + size + BEHIND).fill(fill);
    expect(write(new DataView(all.buffer), BEFORE)).toBe(size);
    const outside = [...all.slice(0, BEFORE), ...all.slice(BEFORE + size)];
    expect(outside).toEqual(outside.map(() => fill));
    return all.slice(BEFORE, BEFORE + size);
  });
  expect(results[0]).toEqual(results[1]);
  return results[0] as Uint8Array;
}

/** The WireError that `act` throws; fails if it throws none. */
export function refusal(act: () => unknown): WireError {
  try {
    act();
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

/** One numeric field of a record and the largest value that fits. */
export type FieldLimit<T> = readonly [key: keyof T & string, max: number, field: string];

/**
 * For each field: the largest value is taken; one more, a negative, a fraction and NaN are refused with an
 * error that names layer, field and limit. Then every buffer too short is refused.
 */
export function expectRefusals<T extends object>(
  layer: string,
  record: T,
  fields: readonly FieldLimit<T>[],
  size: number,
  write: (view: DataView, offset: number, record: T) => number,
): void {
  for (const [key, max, field] of fields) {
    const attempt = (value: number) => () =>
      write(new DataView(new ArrayBuffer(size)), 0, { ...record, [key]: value });
    expect(attempt(max)(), `${field} ${max}`).toBe(size);
    expect(attempt(0)(), `${field} 0`).toBe(size);
    for (const value of [max + 1, -1, 0.5, Number.NaN]) {
      const error = refusal(attempt(value));
      expect([error.code, error.layer, error.field, error.limit]).toEqual([
        "ERR_WIRE_RANGE",
        layer,
        field,
        max,
      ]);
    }
  }
  for (let space = 0; space < size; space++) {
    const error = refusal(() => write(new DataView(new ArrayBuffer(space + 2)), 2, record));
    expect([error.code, error.layer, error.limit]).toEqual(["ERR_WIRE_SPACE", layer, space]);
  }
}

/** What each length from 0 to all of `bytes` binds to, at an odd offset. */
export function bindEachLength(
  bytes: Uint8Array,
  bind: (view: DataView, start: number, end: number) => number,
): number[] {
  const reasons: number[] = [];
  for (let length = 0; length <= bytes.length; length++) {
    const { view, start, end } = amid(bytes.slice(0, length));
    reasons.push(bind(view, start, end));
  }
  return reasons;
}

/** A view class of src/wire, as the round trips below use it. */
export interface HeaderView<T> {
  readonly payloadStart: number;
  bind(view: DataView, start: number, end: number): number;
  toRecord(): T;
}

/** record → bytes → record: nothing is lost or changed, at an odd offset, in buffers full of other bytes. */
export function expectRecordRoundTrip<T extends object>(
  records: fc.Arbitrary<T>,
  bytesOf: (record: T) => number,
  write: (view: DataView, offset: number, record: T) => number,
  header: HeaderView<T>,
  isWhole: (reason: number) => boolean = (reason) => reason === Reason.ok,
): void {
  fc.assert(
    fc.property(records, (record) => {
      const bytes = written(bytesOf(record), (view, offset) => write(view, offset, record));
      const { view, start, end } = amid(bytes);
      expect(isWhole(header.bind(view, start, end))).toBe(true);
      expect(header.payloadStart).toBe(end);
      const back = header.toRecord();
      new Uint8Array(view.buffer).fill(0);
      expect(back).toEqual(record);
    }),
  );
}

/** bytes → record → bytes: for any bytes that bind to `ok` or a reason of `whole`, the header comes back as it was. */
export function expectBytesRoundTrip<T extends object>(
  packets: fc.Arbitrary<Uint8Array>,
  write: (view: DataView, offset: number, record: T) => number,
  header: HeaderView<T>,
  whole: readonly number[] = [],
): void {
  let bound = 0;
  fc.assert(
    fc.property(packets, (bytes) => {
      const { view, start, end } = amid(bytes);
      const reason = header.bind(view, start, end);
      if (reason !== Reason.ok && !whole.includes(reason)) return;
      bound++;
      const size = header.payloadStart - start;
      const record = header.toRecord();
      expect(written(size, (target, offset) => write(target, offset, record))).toEqual(bytes.slice(0, size));
    }),
    { numRuns: 300 },
  );
  expect(bound).toBeGreaterThan(100);
}

/** Bytes of which some are set: `fixed` maps offsets to values, the rest and the length are random. */
export function bytesWith(
  minLength: number,
  maxLength: number,
  fixed: Readonly<Record<number, number>> = {},
): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength, maxLength }).map((bytes) => {
    for (const [at, value] of Object.entries(fixed)) bytes[Number(at)] = value;
    return bytes;
  });
}

/** An integer of `bits` bits. */
export function uint(bits: number): fc.Arbitrary<number> {
  return fc.integer({ min: 0, max: 2 ** bits - 1 });
}

/** Addresses as text, canonical. */
export const macText = uint(48).map(formatMac);
export const ipv4Text = uint(32).map(formatIpv4);
export const ipv6Text = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatIpv6);

/** Raw options: a multiple of four bytes. */
export function words(maxWords: number): fc.Arbitrary<Uint8Array> {
  return fc
    .integer({ min: 0, max: maxWords })
    .chain((count) => fc.uint8Array({ minLength: 4 * count, maxLength: 4 * count }));
}

/** Up to four VLAN tags. */
export const vlanTags = fc.array(
  fc.record({
    tpid: fc.constantFrom(0x8100, 0x88a8, 0x9100),
    priority: uint(3),
    dropEligible: fc.boolean(),
    vlan: uint(12),
  }),
  { maxLength: 4 },
);

/** An EtherType that is neither a tag nor a length. */
export const plainEtherType = fc
  .integer({ min: 0x0600, max: 0xffff })
  .filter((type) => ![0x8100, 0x88a8, 0x9100].includes(type));
