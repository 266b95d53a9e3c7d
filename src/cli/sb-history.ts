import type { KeyHistory, PortHistory } from "../output/sb-history.js";
import type { Inventory } from "../southbound/index.js";
import { quoted, shown } from "../text.js";
import { CliError, Exit } from "./fault.js";
import { egressArgument, isNumber, vniArgument } from "./key-argument.js";
import { openSb, report, type SbOptions } from "./sb-open.js";
import { print } from "./stdout.js";
import { outputStyle } from "./terminal.js";

/** The verb `sb history`: tells what happened to a port, or who had a key. Returns the exit status. */
export async function sbHistory(words: readonly string[], options: SbOptions): Promise<number> {
  if (words.length !== 1 && words.length !== 2)
    throw new CliError("sb history: give the name of a port, or VNI KEY");
  const keys = words.length === 2 ? ([vniArgument(words[0]), egressArgument(words[1])] as const) : null;
  const { inventory, names, sound } = await openSb(options);
  const history = keys === null ? ofPort(inventory, words[0]) : ofKey(inventory, ...keys);
  const found = history.events.length > 0;
  if (options.output === "json") {
    const { sbHistoryJson } = await import("../output/sb-history-json.js");
    await print(sbHistoryJson(history));
  } else if (found) {
    const { sbHistoryText } = await import("../output/sb-history-text.js");
    const style = outputStyle();
    await print(sbHistoryText(history, { utc: options.utc === true, names, style }));
  }
  if (!found) await report(`${shown(inventory.source)}: ${unknown(history, words[0])}`);
  return found && sound ? Exit.done : Exit.failed;
}

function ofPort(inventory: Inventory, name: string): PortHistory {
  return { kind: "port", name, events: inventory.portEvents(name), inventory };
}

function ofKey(inventory: Inventory, datapathKey: number, key: number): KeyHistory {
  const holders = inventory.keyHolders(datapathKey, key);
  return { kind: "key", datapathKey, key, holders, events: inventory.keyEvents(datapathKey, key), inventory };
}

function unknown(history: PortHistory | KeyHistory, word: string): string {
  const { inventory } = history;
  const where = inventory.hasHistory ? "in all that is recorded" : "at the source's one moment";
  if (history.kind === "key")
    return `nothing has the key ${history.key} of vni ${history.datapathKey} ${where}`;
  const hint = isNumber(word) ? "; for a key give both: sb history VNI KEY" : "";
  return `no port has the name ${quoted(history.name)} ${where}${hint}`;
}
