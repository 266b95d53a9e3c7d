/*
 * An IP header on the way through a frame: where its payload lies, and what contradicts the bytes around it.
 */
import { IpProtocol } from "../wire/ethertype.js";
import { Reason } from "../wire/reason.js";
import { isExtension } from "./protocols.js";

/** Reads IPv4 and IPv6 headers; the fields hold what the last one said. */
export class IpReader {
  /** Protocol of the payload, behind any extension headers. */
  protocol = 0;
  /** Where the packet says it ends, be it within `limit` or not. */
  payloadLimit = 0;
  /** The length field is 0: the packet is longer than it can say, and ends at `limit`. */
  unbounded = false;
  /** 0 whole, 1 a first fragment, 2 a later one. */
  fragment = 0;
  /** Reason: what is wrong, also of a header that can be read; and the offset of the header it is about. */
  fault: number = Reason.ok;
  faultAt = 0;
  /** Bytes that a header cut short needs. */
  needed = 0;

  /**
   * IPv4 (RFC 791) at `at`, of which bytes are there up to `end`, and were on the wire up to `limit`. Returns
   * the offset of the payload, or -1 where the header cannot be read: then `fault` and `faultAt` say why, and
   * `needed` how many bytes there for `short`.
   */
  ipv4(view: DataView, at: number, end: number, limit: number): number {
    const bound = Math.min(end, limit);
    this.fault = Reason.ok;
    this.faultAt = at;
    if (at + 20 > bound) return this.#fail(Reason.short, 20);
    const first = view.getUint8(at);
    if (first >> 4 !== 4) return this.#fail(Reason.badVersion, 0);
    const headerBytes = (first & 0x0f) * 4;
    if (headerBytes < 20) return this.#fail(Reason.badHeaderLength, 0);
    if (at + headerBytes > bound)
      return this.#fail(at + headerBytes > limit ? Reason.badHeaderLength : Reason.short, headerBytes);
    const total = view.getUint16(at + 2);
    // 0: a segment still to be split by the sender's card, longer than the field can say.
    this.unbounded = total === 0;
    this.payloadLimit = total === 0 ? limit : at + total;
    const fragment = view.getUint16(at + 6);
    this.fragment = (fragment & 0x1fff) !== 0 ? 2 : (fragment & 0x2000) !== 0 ? 1 : 0;
    this.protocol = view.getUint8(at + 9);
    if (total !== 0 && total < headerBytes) {
      this.fault = Reason.badLength;
      this.payloadLimit = limit;
    } else if (this.payloadLimit > limit) this.fault = Reason.lengthBeyondData;
    return at + headerBytes;
  }

  /** IPv6 with its extension headers (RFC 8200); as ipv4. */
  ipv6(view: DataView, at: number, end: number, limit: number): number {
    this.fault = Reason.ok;
    this.faultAt = at;
    this.fragment = 0;
    if (at + 40 > Math.min(end, limit)) return this.#fail(Reason.short, 40);
    if (view.getUint8(at) >> 4 !== 6) return this.#fail(Reason.badVersion, 0);
    const length = view.getUint16(at + 4);
    this.unbounded = length === 0;
    this.payloadLimit = length === 0 ? limit : at + 40 + length;
    const fault = this.payloadLimit > limit ? Reason.lengthBeyondData : Reason.ok;
    const innerLimit = Math.min(this.payloadLimit, limit);
    const bound = Math.min(innerLimit, end);
    let protocol = view.getUint8(at + 6);
    let next = at + 40;
    while (isExtension[protocol] === 1) {
      this.faultAt = next;
      if (next + 8 > bound) return this.#fail(next + 8 > innerLimit ? Reason.badOption : Reason.short, 8);
      let bytes = 8;
      if (protocol === IpProtocol.fragment) {
        const fragment = view.getUint16(next + 2);
        this.fragment = (fragment & 0xfff8) !== 0 ? 2 : (fragment & 1) !== 0 ? 1 : 0;
      } else if (protocol === IpProtocol.authentication) bytes = (view.getUint8(next + 1) + 2) * 4;
      else bytes = (view.getUint8(next + 1) + 1) * 8;
      if (next + bytes > innerLimit) return this.#fail(Reason.badOption, 0);
      if (next + bytes > bound) return this.#fail(Reason.short, bytes);
      protocol = view.getUint8(next);
      next += bytes;
      if (this.fragment === 2) break;
    }
    this.faultAt = at;
    this.fault = fault;
    this.protocol = protocol;
    return next;
  }

  #fail(reason: number, needed: number): number {
    this.fault = reason;
    this.needed = needed;
    return -1;
  }
}
