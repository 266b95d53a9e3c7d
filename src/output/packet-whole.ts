/* What makes the object of a packet say the whole packet: the bytes behind its headers, or all of them. */
import { bytesFromJson } from "../encode/from-json.js";
import { type Layer, type TrailerLayer, TUNNEL_HEADERS } from "../frame/layers.js";
import { FrameStatus } from "../frame/status.js";
import { type Fields, trailerFields } from "./fields.js";
import { hexOf } from "./hex.js";

/** What JSON says of a packet (docs/cli.md). */
export interface PacketObject {
  [field: string]: unknown;
  outer: Fields | null;
  geneve: Fields | null;
  ovn: object | null;
  inner: Fields | null;
}

/**
 * What is behind the headers of a depth: `payload`, where they are the innermost that are shown, and `trailers`.
 */
export function restFields(
  bytes: Uint8Array,
  layers: readonly Layer[],
  depth: 0 | 1,
  isInnermost: boolean,
): Fields {
  const isHere = (layer: Layer): boolean => layer.depth <= depth;
  const trailers = layers.filter(
    (layer): layer is TrailerLayer => layer.layer === "trailer" && layer.depth === depth,
  );
  const last = layers.findLastIndex((layer) => isHeader(layer) && isHere(layer));
  const start = layers[last + 1]?.offset ?? bytes.length;
  const end = layers.find((layer) => layer.layer === "trailer" && isHere(layer))?.offset ?? bytes.length;
  return {
    ...(isInnermost && start < end ? { payload: hexOf(bytes.subarray(start, end)) } : {}),
    ...(trailers.length > 0 ? { trailers: trailers.map(trailerFields) } : {}),
  };
}

function isHeader({ layer }: Layer): boolean {
  return layer !== "payload" && layer !== "trailer";
}

/** What packets are whose headers are whole, one after the other. */
const ORDINARY: ReadonlySet<number> = new Set([FrameStatus.ok, FrameStatus.truncated, FrameStatus.notGeneve]);

/** Whether an object shows all headers that a frame has, so that its lengths and checksums alone could be odd. */
export function isOrdinary(status: number, said: PacketObject, layers: readonly Layer[]): boolean {
  if (said.outer === null || !ORDINARY.has(status)) return false;
  if (said.inner === null && layers.some(({ depth }) => depth === 1)) return false;
  const saysTunnel = said.geneve !== null || "vxlan" in said || "stt" in said;
  return layers.some(({ layer }) => TUNNEL_HEADERS.has(layer)) === saysTunnel;
}

/** Whether `encode` makes these bytes of an object. */
export function saysAll(said: PacketObject, bytes: Uint8Array): boolean {
  try {
    return Buffer.compare(bytesFromJson(said), bytes) === 0;
  } catch {
    return false;
  }
}

/** The object with all bytes, in the place of those behind its headers. */
export function withFrame(said: PacketObject, bytes: Uint8Array): PacketObject {
  return { ...said, outer: withoutRest(said.outer), inner: withoutRest(said.inner), frame: hexOf(bytes) };
}

function withoutRest(headers: Fields | null): Fields | null {
  if (headers === null) return null;
  const { payload: _, trailers: __, ...rest } = headers;
  return rest;
}
