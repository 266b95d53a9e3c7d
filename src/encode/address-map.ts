/*
 * Addresses of a network to those under which it is shared: by Crypto-PAn, so that what is in one network stays in
 * one, and each MAC with its vendor's others; every address stays one of its own.
 *
 * Some addresses say what a packet is and not whose: they stay. Of the others no bit is turned that would make one of
 * these of them.
 */
import { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from "../wire/address.js";
import { CryptoPan } from "./crypto-pan.js";

/** A prefix that stays, and its bits. What is behind them changes. */
interface Kept {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

const kept = (bytes: readonly number[] | Uint8Array, bits: number): Kept => ({
  bytes: Uint8Array.from(bytes),
  bits,
});

/** Unspecified, loopback, link-local, multicast, broadcast. */
const KEPT_IPV4: readonly Kept[] = [
  kept([0, 0, 0, 0], 32),
  kept([127, 0, 0, 0], 8),
  kept([169, 254, 0, 0], 16),
  kept([224, 0, 0, 0], 4),
  kept([255, 255, 255, 255], 32),
];
/** Unspecified, loopback, link-local, multicast. */
const KEPT_IPV6: readonly Kept[] = [
  kept(parseIpv6("::"), 128),
  kept(parseIpv6("::1"), 128),
  kept(parseIpv6("fe80::"), 64),
  kept(parseIpv6("ff00::"), 8),
];
const KEPT_MAC: readonly Kept[] = [kept([0, 0, 0, 0, 0, 0], 48)];
/** The bits for "locally administered" and "group" of a MAC, which never change. */
const MAC_FLAG_BITS = [6, 7];
/** ff02::1:ff00:0/104: the group of an address, whose last three bytes it ends with (RFC 4291 section 2.7.1). */
const SOLICITED = parseIpv6("ff02::1:ff00:0");
const SOLICITED_BYTES = 13;

/** Addresses that are remembered, of each kind. */
const REMEMBERED = 1 << 17;
const TWO_24 = 1 << 24;

export class AddressMap {
  readonly #ip: CryptoPan;
  readonly #ether: CryptoPan;
  readonly #ipv4 = new Map<number, number>();
  readonly #ipv6 = new Map<string, Uint8Array>();
  readonly #mac = new Map<number, number>();

  /** `key`: 32 bytes. */
  constructor(key: Uint8Array) {
    this.#ip = new CryptoPan(key);
    this.#ether = new CryptoPan(key, 1);
  }

  /** An IPv4 address, as an unsigned number. */
  ipv4(bits: number): number {
    const known = this.#ipv4.get(bits);
    if (known !== undefined) return known;
    const bytes = Uint8Array.of(bits >>> 24, bits >>> 16, bits >>> 8, bits);
    // Multicast groups stay whole.
    if (bytes[0] >> 4 !== 0xe) this.#ip.anonymize(bytes, keptBits(bytes, KEPT_IPV4));
    const found = ((bytes[0] << 24) | (bytes[1] << 16) | (bytes[2] << 8) | bytes[3]) >>> 0;
    return remember(this.#ipv4, bits, found);
  }

  /** The IPv6 address at `at`. The bytes that it gives are not to be changed. */
  ipv6(view: DataView, at: number): Uint8Array {
    const key = `${view.getInt32(at)} ${view.getInt32(at + 4)} ${view.getInt32(at + 8)} ${view.getInt32(at + 12)}`;
    const known = this.#ipv6.get(key);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(view.buffer, view.byteOffset + at, 16).slice();
    if (bytes[0] !== 0xff) this.#ip.anonymize(bytes, keptBits(bytes, KEPT_IPV6));
    else if (SOLICITED.subarray(0, SOLICITED_BYTES).every((byte, index) => byte === bytes[index]))
      this.#ip.anonymize(bytes, new Uint8Array(128).fill(1, 0, 8 * SOLICITED_BYTES));
    return remember(this.#ipv6, key, bytes);
  }

  /** An Ethernet address, as a number of 48 bits. */
  mac(bits: number): number {
    const known = this.#mac.get(bits);
    if (known !== undefined) return known;
    return remember(this.#mac, bits, this.#macOf(bits));
  }

  #macOf(bits: number): number {
    const bytes = macBytes(bits);
    if ((bytes[0] & 1) === 0) {
      const keeps = keptBits(bytes, KEPT_MAC);
      for (const bit of MAC_FLAG_BITS) keeps[bit] = 1;
      this.#ether.anonymize(bytes, keeps);
    } else if (bytes[0] === 0x33 && bytes[1] === 0x33 && bytes[2] === 0xff) {
      // The group of an address has the address's last three bytes, here too.
      const group = SOLICITED.slice();
      group.set(bytes.subarray(3), SOLICITED_BYTES);
      bytes.set(this.ipv6(new DataView(group.buffer), 0).subarray(SOLICITED_BYTES), 3);
    }
    return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  }

  /** An address as text, IPv4, IPv6 or MAC, in its canonical form; anything else gives null. */
  text(address: string): string | null {
    if (/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(address)) {
      const padded = address.split(":").map((byte) => byte.padStart(2, "0"));
      return formatMac(this.mac(parseMac(padded.join(":"))));
    }
    try {
      if (!address.includes(":")) return formatIpv4(this.ipv4(parseIpv4(address)));
      const bytes = Uint8Array.from(parseIpv6(address));
      return formatIpv6(this.ipv6(new DataView(bytes.buffer), 0));
    } catch {
      return null;
    }
  }
}

function macBytes(bits: number): Uint8Array {
  const high = Math.floor(bits / TWO_24);
  const low = bits % TWO_24;
  return Uint8Array.of(high >>> 16, high >>> 8, high, low >>> 16, low >>> 8, low);
}

/** A 1 for each bit that may not change, so that prefixes that stay are nobody else's. */
function keptBits(address: Uint8Array, all: readonly Kept[]): Uint8Array {
  const keeps = new Uint8Array(8 * address.length);
  for (const { bytes, bits } of all) {
    let common = 0;
    while (common < bits && bit(address, common) === bit(bytes, common)) common++;
    keeps.fill(1, 0, Math.min(common + 1, bits));
  }
  return keeps;
}

function bit(bytes: Uint8Array, position: number): number {
  return (bytes[position >> 3] >> (7 - (position & 7))) & 1;
}

function remember<K, V>(map: Map<K, V>, key: K, value: V): V {
  if (map.size >= REMEMBERED) map.clear();
  map.set(key, value);
  return value;
}
