/* The capture files around frames. */

const WORD = 2 ** 32;

/** The file's header, and records around frames; times in microseconds since 1970. */
export class PcapWriter {
  before = 16;

  constructor(view) {
    this.view = view;
  }

  header() {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(262144, 16);
    header.writeUInt32LE(1, 20);
    return header;
  }

  /** Completes the record at `at` around its frame; returns its length. */
  record(at, time, length) {
    const { view } = this;
    view.setUint32(at, Math.floor(time / 1e6), true);
    view.setUint32(at + 4, time % 1e6, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, length, true);
    return 16 + length;
  }
}

/** The same as pcapng, as dumpcap writes it: one interface, times in nanoseconds. */
export class PcapngWriter {
  before = 28;

  constructor(view) {
    this.view = view;
  }

  header() {
    // Section header; interface description with if_name "eth1" and if_tsresol 9.
    const section = "0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000";
    const name = "0200040065746831";
    const resolution = "0900010009000000";
    return Buffer.from(
      `${section}01000000280000000100000000000400${name}${resolution}0000000028000000`,
      "hex",
    );
  }

  record(at, time, length) {
    const { view } = this;
    const padded = (length + 3) & ~3;
    // Nanoseconds, which pass 2^53, in two words.
    const low = (time % WORD) * 1000;
    view.setUint32(at, 6, true);
    view.setUint32(at + 4, padded + 32, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, Math.floor(time / WORD) * 1000 + Math.floor(low / WORD), true);
    view.setUint32(at + 16, low % WORD, true);
    view.setUint32(at + 20, length, true);
    view.setUint32(at + 24, length, true);
    for (let i = length; i < padded; i++) view.setUint8(at + 28 + i, 0);
    view.setUint32(at + 28 + padded, padded + 32, true);
    return padded + 32;
  }
}
