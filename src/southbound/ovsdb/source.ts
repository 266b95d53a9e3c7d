import { type ByteSource, FileBytes } from "./byte-source.js";
import { SouthboundError } from "./error.js";
import { readJournal } from "./journal.js";
import { ScanError } from "./json-scan.js";
import { describeUnknown, recognise } from "./recognise.js";
import type { DatabaseSpec } from "./schema.js";
import type { Begin, TransactionSink } from "./sink.js";

/**
 * Reads the file `source` whole into the sink that `begin` makes: a database file, standalone or clustered, the
 * output of `ovsdb-client backup` or of `ovsdb-client -f json dump`, or a snapshot, each as it is or compressed
 * with gzip; which, its content says.
 *
 * A file that is damaged or still being written is read as far as it is good. Throws a {@link SouthboundError}
 * where there is nothing to be had.
 */
export async function readDatabaseFile<S extends TransactionSink>(
  source: string,
  spec: DatabaseSpec,
  begin: Begin<S>,
): Promise<S> {
  const file = await FileBytes.open(source);
  let bytes: ByteSource = file;
  // What is not the usual kind of file is loaded when it is met: each module costs a start half a millisecond.
  try {
    let head = await bytes.head();
    if (recognise(head) === "gzip") {
      file.rewind();
      const { GunzipBytes } = await import("./gunzip.js");
      bytes = new GunzipBytes(file);
      head = await bytes.head();
    }
    const kind = recognise(head);
    if (kind === "json") {
      const { readDump } = await import("./dump.js");
      return await readDump(bytes, source, spec, begin);
    }
    bytes.forget();
    if (kind === "log") return await readJournal(bytes, source, spec, begin);
    if (kind === "cluster") {
      const { readCluster } = await import("./raft.js");
      return await readCluster(bytes, source, spec, begin);
    }
    throw new SouthboundError("ERR_SB_FORMAT", source, describeUnknown(head, spec));
  } catch (error) {
    if (!(error instanceof ScanError)) throw error;
    throw new SouthboundError("ERR_SB_FORMAT", source, `${error.message}; take another copy`, error);
  } finally {
    await bytes.close();
  }
}
