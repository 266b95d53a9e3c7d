/*
 * Time stamps of pcapng, draft-ietf-opsawg-pcapng sections 4.2 (if_tsresol, if_tsoffset) and 4.3: a 64-bit
 * count of units since 1970, in two halves. The unit is a power of ten or of two of a second.
 *
 * All arithmetic here is exact and without BigInt: every intermediate value is an integer below 2^53.
 */

const TWO_16 = 65_536;
const TWO_32 = 4_294_967_296;
const TWO_53 = 9_007_199_254_740_992;
const NANO = 1_000_000_000;

/** The resolution where an interface names none: microseconds. */
export const DEFAULT_RESOLUTION = 6;

/**
 * Turns the time stamps of one interface into whole seconds and nanoseconds: `convert`, then read
 * `seconds` and `nanoseconds`. What is finer than a nanosecond is cut off. Seconds are exact up to 2^53.
 */
export class TimestampClock {
  seconds = 0;
  nanoseconds = 0;
  /** Exponent of the unit: 10^-exponent or 2^-exponent seconds, 0 to 127. */
  readonly #exponent: number;
  readonly #binary: boolean;
  readonly #offsetSeconds: number;
  /** The time stamp at which the second of the last one began, and that second. */
  #baseHigh = 0;
  #baseLow = 0;
  #baseSeconds = 0;
  /** Units in a second where the short way is exact, else 0. */
  readonly #span: number;
  /** Nanoseconds of a unit, as multiplier for units of a nanosecond or more, as divisor for finer ones. */
  readonly #multiplier: number;
  readonly #divisor: number;
  /** Result of `#divide`. */
  #high = 0;
  #low = 0;

  /**
   * `resolution` is if_tsresol's byte: the highest bit chooses powers of two, the rest is the exponent.
   * `offsetSeconds` is if_tsoffset.
   */
  constructor(resolution: number = DEFAULT_RESOLUTION, offsetSeconds = 0) {
    const exponent = resolution & 0x7f;
    this.#exponent = exponent;
    this.#binary = (resolution & 0x80) !== 0;
    this.#offsetSeconds = offsetSeconds;
    if (this.#binary) {
      // 10^9 / 2^exponent has 21 significant bits.
      this.#span = exponent <= 32 ? 2 ** exponent : 0;
      this.#multiplier = NANO / 2 ** exponent;
      this.#divisor = 1;
    } else {
      this.#span = exponent <= 15 ? 10 ** exponent : 0;
      this.#multiplier = exponent <= 9 ? 10 ** (9 - exponent) : 1;
      this.#divisor = exponent <= 9 ? 1 : 10 ** Math.min(6, exponent - 9);
    }
    this.#baseSeconds = offsetSeconds;
  }

  /** Converts the time stamp with these halves, each 0 to 2^32 - 1. */
  convert(high: number, low: number): void {
    const units = (high - this.#baseHigh) * TWO_32 + (low - this.#baseLow);
    if (units >= 0 && units < this.#span) {
      this.seconds = this.#baseSeconds;
      this.nanoseconds =
        this.#divisor === 1 ? Math.floor(units * this.#multiplier) : Math.floor(units / this.#divisor);
      return;
    }
    const fraction = this.#binary ? this.#convertBinary(high, low) : this.#convertDecimal(high, low);
    this.seconds += this.#offsetSeconds;
    // Where this second began; the low half may become negative, the difference above is exact all the same.
    const fractionHigh = Math.floor(fraction / TWO_32);
    this.#baseHigh = high - fractionHigh;
    this.#baseLow = low - (fraction - fractionHigh * TWO_32);
    this.#baseSeconds = this.seconds;
  }

  /** Sets both results and returns the units since the second began, where they are below 2^53. */
  #convertDecimal(high: number, low: number): number {
    let remainder = 0;
    let step = 1;
    this.#high = high;
    this.#low = low;
    // Cutting off in several steps is the same as cutting off once.
    for (let finer = this.#exponent - 9; finer > 0; finer -= 9) {
      step = 10 ** Math.min(9, finer);
      remainder = this.#divide(this.#high, this.#low, step);
    }
    const perSecond = 10 ** Math.min(9, this.#exponent);
    const fraction = this.#divide(this.#high, this.#low, perSecond);
    this.seconds = this.#high * TWO_32 + this.#low;
    this.nanoseconds = fraction * (NANO / perSecond);
    return fraction * step + remainder;
  }

  /** Leaves the quotient of the 64-bit number by `divisor`, at most 10^9, in `#high` and `#low`; returns the remainder. */
  #divide(high: number, low: number, divisor: number): number {
    const quotientHigh = Math.floor(high / divisor);
    const upper = (high - quotientHigh * divisor) * TWO_16 + (low >>> 16);
    const quotientUpper = Math.floor(upper / divisor);
    const lower = (upper - quotientUpper * divisor) * TWO_16 + (low & 0xffff);
    const quotientLower = Math.floor(lower / divisor);
    this.#high = quotientHigh;
    this.#low = quotientUpper * TWO_16 + quotientLower;
    return lower - quotientLower * divisor;
  }

  /** Sets both results and returns the units since the second began, where they are below 2^53. */
  #convertBinary(high: number, low: number): number {
    const exponent = this.#exponent;
    let fractionHigh = high;
    let fractionLow = low;
    this.seconds = 0;
    if (exponent <= 32) {
      const perSecond = 2 ** exponent;
      const lowSeconds = Math.floor(low / perSecond);
      this.seconds = high * (TWO_32 / perSecond) + lowSeconds;
      fractionHigh = 0;
      fractionLow = low - lowSeconds * perSecond;
    } else if (exponent < 64) {
      const perSecond = 2 ** (exponent - 32);
      this.seconds = Math.floor(high / perSecond);
      fractionHigh = high - this.seconds * perSecond;
    }
    const fraction = fractionHigh * TWO_32 + fractionLow;
    this.nanoseconds = nanosecondsOf(fractionHigh, fractionLow, exponent);
    return fraction < TWO_53 ? fraction : 0;
  }
}

/** Nanoseconds in `high`:`low` units of 2^-exponent seconds, which together are less than a second. */
function nanosecondsOf(high: number, low: number, exponent: number): number {
  let upper = high;
  let lower = low;
  if (exponent <= 32) {
    upper = low * 2 ** (32 - exponent);
    lower = 0;
  } else if (exponent < 64) {
    const shift = 64 - exponent;
    upper = high * 2 ** shift + (low >>> (32 - shift));
    lower = (low << shift) >>> 0;
  }
  // A fraction of 64 bits times 10^9, in digits of 16 bits; the carry out of the highest is the result.
  let carry = Math.floor(((lower & 0xffff) * NANO) / TWO_16);
  carry = Math.floor(((lower >>> 16) * NANO + carry) / TWO_16);
  carry = Math.floor(((upper & 0xffff) * NANO + carry) / TWO_16);
  carry = Math.floor(((upper >>> 16) * NANO + carry) / TWO_16);
  return exponent <= 64 ? carry : Math.floor(carry / 2 ** (exponent - 64));
}
