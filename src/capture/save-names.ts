import { shown } from "../text.js";
import { CaptureError } from "./error.js";

/**
 * When a capture that is being written goes on in another file, and which of its files stay. All fields may
 * be absent; without any there is one file. Names are tcpdump's:
 *
 *  one file          FILE
 *  bytes             FILE, FILE1, FILE2, ...
 *  bytes, files N    FILE0 to FILE<N-1>, with as many digits as N-1 has, and again from 0
 *  seconds           FILE, in which strftime's conversions stand for local time; a number from 1 on behind a
 *                    name that has been used
 *  seconds, bytes    the same: the files of a period are told apart by their numbers; with files N they are
 *                    written from 0 on, with as many digits as N-1 has
 *
 * Unlike tcpdump's none of them ever stands for a file that is there and was not written here: a name that is
 * taken is passed over where numbers go on without end, and else refused.
 */
export interface Rotation {
  /** No file becomes larger, in bytes, unless one packet alone makes it so (`tcpdump -C`, in bytes). */
  readonly bytes?: number;
  /**
   * A period lasts so many seconds from its first packet on, by the packets' own times, and begins another
   * file (`tcpdump -G`). So does a packet as many seconds before that one: the clock has been set. The name
   * is a pattern of strftime(3) then, and stands for the time of the period's first packet.
   */
  readonly seconds?: number;
  /** So many files are kept: before another one begins, the oldest that was written here is removed (`tcpdump -W`). */
  readonly files?: number;
}

const LARGEST_FILES = 100_000;

type Conversion = (date: Date) => string;

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  Y: (date) => String(date.getFullYear()),
  y: (date) => two(date.getFullYear() % 100),
  m: (date) => two(date.getMonth() + 1),
  d: (date) => two(date.getDate()),
  H: (date) => two(date.getHours()),
  M: (date) => two(date.getMinutes()),
  S: (date) => two(date.getSeconds()),
  j: (date) => String(dayOfYear(date)).padStart(3, "0"),
  F: (date) => strftime("%Y-%m-%d", date),
  T: (date) => strftime("%H:%M:%S", date),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  z: (date) => zone(-date.getTimezoneOffset()),
  "%": () => "%",
};

/** Names of the files of one capture, one after the other; see {@link Rotation}. */
export class SaveNames {
  readonly #pattern: string;
  readonly #isTimed: boolean;
  /** Digits of every number, 0 where the first file has none. */
  readonly #digits: number;
  /** How many numbers there are. */
  readonly #numbers: number;
  #stem = "";
  #number = -1;

  /** Throws a {@link CaptureError} where the pattern or the rotation makes no sense. */
  constructor(pattern: string, { bytes, seconds, files }: Rotation) {
    checked(pattern, "bytes", bytes, Number.MAX_SAFE_INTEGER);
    checked(pattern, "seconds", seconds, 0xffff_ffff);
    checked(pattern, "files", files, LARGEST_FILES);
    if (files !== undefined && bytes === undefined && seconds === undefined)
      throw wrong(
        pattern,
        "a number of files to keep is given, but neither a size nor a time to begin another one",
      );
    this.#isTimed = seconds !== undefined;
    if (this.#isTimed) checkPattern(pattern);
    this.#pattern = pattern;
    // Of one file there is no other to be told from.
    this.#digits = bytes === undefined || files === undefined || files === 1 ? 0 : String(files - 1).length;
    this.#numbers =
      this.#isTimed || (bytes !== undefined && files === undefined) ? Number.POSITIVE_INFINITY : (files ?? 1);
  }

  /** Whether a name that is taken has another one behind it. */
  get goesOn(): boolean {
    return this.#numbers === Number.POSITIVE_INFINITY;
  }

  /** All names there can be, where a ring uses them again and again; else none. */
  *ring(): Generator<string> {
    if (this.goesOn) return;
    for (let number = 0; number < this.#numbers; number++) yield this.#name(this.#pattern, number);
  }

  /** The next name, for a file of a period that began in this second since 1970. */
  next(seconds: number): string {
    const stem = this.#isTimed ? strftime(this.#pattern, new Date(seconds * 1000)) : this.#pattern;
    this.#number = stem === this.#stem ? (this.#number + 1) % this.#numbers : 0;
    this.#stem = stem;
    return this.#name(stem, this.#number);
  }

  #name(stem: string, number: number): string {
    return number === 0 && this.#digits === 0 ? stem : stem + String(number).padStart(this.#digits, "0");
  }
}

function strftime(pattern: string, date: Date): string {
  return pattern.replace(/%(.)/gs, (_, letter: string) => (CONVERSIONS[letter] as Conversion)(date));
}

function checkPattern(pattern: string): void {
  for (const [conversion, letter] of pattern.matchAll(/%(.?)/gs))
    if (!Object.hasOwn(CONVERSIONS, letter)) {
      const known = Object.keys(CONVERSIONS).map((one) => `%${one}`);
      throw wrong(
        pattern,
        `${shown(conversion)} in the name stands for no part of a time; there are ${known.join(" ")}`,
      );
    }
}

function checked(name: string, option: string, value: number | undefined, largest: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= largest)) return;
  throw wrong(name, `${option} is ${value}, not an integer from 1 to ${largest}`);
}

function wrong(name: string, reason: string): CaptureError {
  return new CaptureError("ERR_CAPTURE_OPTION", name, reason);
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** Counted in calendar days, which are not all of 24 hours. */
function dayOfYear(date: Date): number {
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return (day - Date.UTC(date.getFullYear(), 0, 0)) / 86_400_000;
}

/** `+hhmm`, from minutes east of Greenwich. */
function zone(minutes: number): string {
  const east = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(east / 60))}${two(east % 60)}`;
}
