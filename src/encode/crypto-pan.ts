/*
 * Crypto-PAn: prefix-preserving anonymisation of addresses (Xu, Fan, Ammar, Moon: "Prefix-preserving IP address
 * anonymization", ICNP 2002). Two addresses that have their first k bits in common, and not the next, still do
 * afterwards. Whether bit k is turned over is the first bit of AES over the k bits before it, which are followed by
 * those of a secret pad.
 */
import { type Cipher, createCipheriv } from "node:crypto";

/** Bytes of a key: 16 for AES, 16 from which the pad is made. */
export const CRYPTO_PAN_KEY_BYTES = 32;
const BLOCK = 16;

export class CryptoPan {
  readonly #aes: Cipher;
  readonly #pad: Uint8Array;

  /** `domain`: other ones turn other bits of the same addresses. The published method has 0. */
  constructor(key: Uint8Array, domain = 0) {
    if (key.length !== CRYPTO_PAN_KEY_BYTES)
      throw new RangeError(`a key has ${CRYPTO_PAN_KEY_BYTES} bytes, not ${key.length}`);
    this.#aes = createCipheriv("aes-128-ecb", key.subarray(0, BLOCK), null).setAutoPadding(false);
    let pad: Uint8Array = this.#aes.update(key.subarray(BLOCK));
    for (let n = 0; n < domain; n++) pad = this.#aes.update(pad);
    this.#pad = pad;
  }

  /** Turns bits of an address over, in place, but for those whose positions have a 1 in `keeps`. */
  anonymize(address: Uint8Array, keeps: Uint8Array): void {
    const bits = 8 * address.length;
    const blocks = new Uint8Array(BLOCK * bits);
    for (let bit = 0; bit < bits; bit++) {
      const at = BLOCK * bit;
      blocks.set(this.#pad, at);
      const whole = bit >> 3;
      for (let byte = 0; byte < whole; byte++) blocks[at + byte] = address[byte];
      const mask = 0xff00 >> (bit & 7);
      blocks[at + whole] = (address[whole] & mask & 0xff) | (this.#pad[whole] & ~mask & 0xff);
    }
    const turns = this.#aes.update(blocks);
    for (let bit = 0; bit < bits; bit++)
      if (keeps[bit] === 0) address[bit >> 3] ^= (turns[BLOCK * bit] & 0x80) >> (bit & 7);
  }
}
