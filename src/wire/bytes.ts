/** Copies between records and views: variable-length parts (options, addresses) of every header. */
import { room } from "./error.js";

/** What a view shows before it is bound: zeros, and enough of them for any fixed header. */
export const UNBOUND = new DataView(new ArrayBuffer(64));

/** The bytes `start` to `end` of `view`, copied. */
export function copyBytes(view: DataView, start: number, end: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, end - start).slice();
}

/** Writes all of `bytes` at `offset` and returns their number; a WireError of `layer` if they do not fit. */
export function putBytes(layer: string, view: DataView, offset: number, bytes: Uint8Array): number {
  room(layer, view, offset, bytes.length);
  new Uint8Array(view.buffer, view.byteOffset + offset, bytes.length).set(bytes);
  return bytes.length;
}
