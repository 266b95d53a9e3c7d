import { createHmac, randomBytes } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { AddressMap } from "../encode/address-map.js";
import { CRYPTO_PAN_KEY_BYTES } from "../encode/crypto-pan.js";
import { fileReason } from "../file-reason.js";
import { shown } from "../text.js";
import { CliError } from "./fault.js";
import type { Naming } from "./names.js";

/** The word for a key that nobody keeps, in the place of a file's name. */
const GENERATE = "generate";
/** Hexadecimal digits of a pseudonym: two of a hundred thousand names are hardly ever the same. */
const DIGITS = 12;

/** The key of `--anonymize`: 32 bytes of a file, as they are or as 64 hexadecimal digits, or ones made up. */
export async function anonymizeKey(path: string): Promise<Uint8Array> {
  if (path === GENERATE) return randomBytes(CRYPTO_PAN_KEY_BYTES);
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    throw new CliError(
      `--anonymize ${shown(path)}: the key cannot be read: ${fileReason(error, { ENOENT: "there is no such file" })}`,
      { cause: error },
    );
  }
  if (content.length === CRYPTO_PAN_KEY_BYTES) return content;
  const text = content.length > 256 ? "" : content.toString("latin1").trim();
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  throw new CliError(
    `--anonymize ${shown(path)}: a key is ${CRYPTO_PAN_KEY_BYTES} bytes, or 64 hexadecimal digits; make one with \`openssl rand -hex 32\``,
  );
}

/** Writes the southbound as it goes with packets whose addresses have become others, into a file that is not there. */
export async function saveAnonymous(
  { inventory }: Naming,
  key: Uint8Array,
  map: AddressMap,
  target: string,
): Promise<void> {
  if (inventory === null) throw new CliError("--anonymized-sb needs the southbound that it is made of: --sb");
  if (target === "" || target === "-") throw new CliError("--anonymized-sb needs a file to write");
  if ((await stat(target).catch(() => null))?.isFile())
    throw new CliError(`${shown(target)}: cannot be written: it exists, and what exists is not written over`);
  const { saveSnapshot } = await import("../southbound/snapshot.js");
  const { anonymousSource } = await import("../southbound/anonymous.js");
  const pseudonyms = {
    address: (text: string): string | null => map.text(text),
    name: (kind: string, text: string): string => {
      const digest = createHmac("sha256", key).update(`${kind}\0${text}`).digest("hex");
      return `${kind}-${digest.slice(0, DIGITS)}`;
    },
  };
  await saveSnapshot(anonymousSource(inventory, pseudonyms), target);
}
