/** Bytes as hexadecimal digits, two each. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** Bytes `start` to `end` as `tcpdump -xx` prints them: sixteen a line, in pairs, behind their offset. */
export function hexDump(bytes: Uint8Array, start: number, end: number): string {
  const lines: string[] = [];
  for (let at = start; at < end; at += 16) {
    let line = `\t0x${(at - start).toString(16).padStart(4, "0")}: `;
    for (let i = at; i < Math.min(at + 16, end); i++)
      line += ((i - at) % 2 === 0 ? " " : "") + bytes[i].toString(16).padStart(2, "0");
    lines.push(`${line}\n`);
  }
  return lines.join("");
}
