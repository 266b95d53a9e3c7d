import { shown } from "../../text.js";
import { ByteSource } from "./byte-source.js";
import { readDump } from "./dump.js";
import { SouthboundError } from "./error.js";
import { readJournal } from "./journal.js";
import { describeUnknown, recognise } from "./recognise.js";
import type { DatabaseSpec } from "./schema.js";
import type { Begin, TransactionSink } from "./sink.js";

/**
 * Reads the file `source` whole into the sink that `begin` makes: a standalone database file, the output of
 * `ovsdb-client backup` or of `ovsdb-client -f json dump`; which, its content says.
 *
 * A file that is damaged or still being written is read as far as it is good. Throws a {@link SouthboundError}
 * where there is nothing to be had.
 */
export async function readDatabaseFile<S extends TransactionSink>(
  source: string,
  spec: DatabaseSpec,
  begin: Begin<S>,
): Promise<S> {
  const bytes = await ByteSource.open(source);
  try {
    const head = await bytes.head();
    const kind = recognise(head);
    if (kind === "json") return await readDump(bytes, source, spec, begin);
    bytes.forget();
    if (kind === "log") return await readJournal(bytes, source, spec, begin);
    if (kind === "cluster") throw clustered(source);
    throw new SouthboundError("ERR_SB_FORMAT", source, describeUnknown(head, spec));
  } finally {
    await bytes.close();
  }
}

function clustered(source: string): SouthboundError {
  return new SouthboundError(
    "ERR_SB_UNSUPPORTED",
    source,
    "is a clustered (RAFT) database, which a later version will read; use ovsdb-client backup unix:SOCKET " +
      `OVN_Southbound > FILE, or ovsdb-tool cluster-to-standalone FILE ${shown(source, 100)}, and give FILE`,
  );
}
