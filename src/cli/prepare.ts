import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { train } from "../analysis/training.js";
import { isPcapMagic } from "../capture/pcap-source.js";
import { isPcapngMagic } from "../capture/pcapng-section.js";

/** Bytes from which on a few milliseconds to begin with save more than that later. */
const LARGE_BYTES = 8 * 1024 * 1024;

/** Gets the fast way through captures ready for a file like this one, if it is large and a plain capture. */
export function prepareFor(name: string): void {
  try {
    const file = openSync(name, "r");
    try {
      const magic = new Uint8Array(4);
      if (fstatSync(file).size < LARGE_BYTES || readSync(file, magic) < magic.length) return;
      if (isPcapngMagic(magic)) train(true);
      else if (isPcapMagic(magic)) train(false);
    } finally {
      closeSync(file);
    }
  } catch {
    // Whoever reads it says what is wrong.
  }
}
