/* Times of packets, straight into bytes. What is before the fraction is kept for the second. */
import { Literal, putLiteral, putSix, putThree } from "./digits.js";
import { isoSeconds, secondOfDay } from "./time.js";

const NO_TIME = new Literal(',"time":null');
const TIME_END = new Literal('Z"');

/** Writes what clockTime says. */
export class ClockWriter {
  readonly #utc: boolean;
  #sec = Number.NaN;
  /** `HH:M` and `M:SS`. */
  #first = 0;
  #second = 0;

  constructor(utc: boolean) {
    this.#utc = utc;
  }

  /** Returns the offset behind. */
  write(out: DataView, at: number, sec: number, nsec: number): number {
    if (sec !== this.#sec) this.#turn(sec);
    out.setInt32(at, this.#first);
    out.setInt32(at + 4, this.#second);
    out.setUint8(at + 8, 0x2e);
    const micros = (nsec / 1000) | 0;
    const next = putSix(out, at + 9, micros);
    return micros * 1000 === nsec ? next : putThree(out, next, nsec - micros * 1000);
  }

  #turn(sec: number): void {
    this.#sec = sec;
    const day = secondOfDay(sec, this.#utc);
    const hours = (day / 3600) | 0;
    const minutes = ((day / 60) | 0) % 60;
    const seconds = day % 60;
    const tens = (value: number): number => 0x30 + ((value / 10) | 0);
    const ones = (value: number): number => 0x30 + (value % 10);
    this.#first = (tens(hours) << 24) | (ones(hours) << 16) | (0x3a << 8) | tens(minutes);
    this.#second = (ones(minutes) << 24) | (0x3a << 16) | (tens(seconds) << 8) | ones(seconds);
  }
}

/** Writes what isoTime says as a JSON value, behind `"time":`. */
export class IsoWriter {
  #sec = Number.NaN;
  #text = new Literal("");

  /** Returns the offset behind. */
  write(out: DataView, at: number, sec: number, nsec: number): number {
    if (sec === 0 && nsec === 0) return putLiteral(out, at, NO_TIME);
    if (sec !== this.#sec) {
      this.#sec = sec;
      this.#text = new Literal(`,"time":"${isoSeconds(sec)}.`);
    }
    const micros = (nsec / 1000) | 0;
    const next = putSix(out, putLiteral(out, at, this.#text), micros);
    return putLiteral(out, putThree(out, next, nsec - micros * 1000), TIME_END);
  }
}
