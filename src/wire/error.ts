/**
 * A value that does not fit the wire: thrown by writers and by the parsers of textual addresses.
 * `code` is stable; `field` names the field as RFCs and OVN do; `limit` is the largest value allowed
 * (or the number of bytes available, for `ERR_WIRE_SPACE`).
 */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly code: "ERR_WIRE_RANGE" | "ERR_WIRE_SPACE" | "ERR_WIRE_SYNTAX";
  readonly layer: string;
  readonly field: string;
  readonly limit: number | undefined;

  constructor(
    code: "ERR_WIRE_RANGE" | "ERR_WIRE_SPACE" | "ERR_WIRE_SYNTAX",
    layer: string,
    field: string,
    message: string,
    limit?: number,
  ) {
    super(`${layer} ${field}: ${message}`);
    this.code = code;
    this.layer = layer;
    this.field = field;
    this.limit = limit;
  }
}

/** `value` if it is an integer from 0 to `max`; otherwise a {@link WireError} that names the field. */
export function ranged(layer: string, field: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new WireError("ERR_WIRE_RANGE", layer, field, `${value} is not an integer from 0 to ${max}`, max);
}

/** Throws unless `needed` bytes fit into `view` at `offset`. */
export function room(layer: string, view: DataView, offset: number, needed: number): void {
  const available = view.byteLength - offset;
  if (offset < 0 || needed > available)
    throw new WireError(
      "ERR_WIRE_SPACE",
      layer,
      "buffer",
      `${needed} bytes needed at offset ${offset}, ${Math.max(0, available)} available`,
      Math.max(0, available),
    );
}
