import type { Datapath } from "../southbound/index.js";
import { safeJson } from "./json.js";
import { chassisJson, datapathJson, groupJson, portJson } from "./sb-fields.js";
import type { SbPicture } from "./sb-show.js";
import { momentOf } from "./sb-words.js";
import { momentJson } from "./time.js";

/** The answer of `sb show -o json` (docs/cli.md) in pieces: one object, a chassis, port or group a line. */
export function* sbShowJson(picture: SbPicture): Generator<string> {
  const { inventory, names, at, chassis, datapaths, strays } = picture;
  const { source, format, schemaVersion, latestDate, historyStart, warnings, damage } = inventory;
  const global = inventory.global(at);
  const facts = {
    source,
    format,
    schemaVersion,
    time: momentJson(momentOf(inventory, at)),
    historyStart: momentJson(historyStart),
    latestDate: momentJson(latestDate),
    beforeHistory: at < historyStart,
    global: global && {
      options: Object.fromEntries(global.options),
      externalIds: Object.fromEntries(global.externalIds),
    },
    warnings,
    damage,
  };
  yield `{${members(facts)},\n`;
  yield* list(" ", "chassis", chassis, function* (each) {
    yield safeJson({ ...chassisJson(each), ports: picture.boundTo(each).map(({ name }) => name) });
  });
  yield ",\n";
  yield* list(" ", "datapaths", datapaths, (datapath) => datapathPieces(picture, datapath));
  yield ",\n";
  yield* list(" ", "portsWithoutDatapath", strays, function* (port) {
    yield safeJson({ ...portJson(port), ...names.portFields(port) });
  });
  yield "\n}\n";
}

function* datapathPieces(picture: SbPicture, datapath: Datapath): Generator<string> {
  const { names } = picture;
  yield `{${members({ ...datapathJson(datapath), ...names.datapathFields(datapath) })},\n`;
  yield* list("   ", "ports", picture.portsOf(datapath), function* (port) {
    yield safeJson({ ...portJson(port), ...names.portFields(port) });
  });
  yield ",\n";
  yield* list("   ", "multicastGroups", picture.groupsOf(datapath), function* (group) {
    yield safeJson(groupJson(group));
  });
  yield "}";
}

/** The members of an object without its braces. */
function members(object: object): string {
  return safeJson(object).slice(1, -1);
}

function* list<T>(
  indent: string,
  name: string,
  elements: readonly T[],
  pieces: (element: T) => Generator<string>,
): Generator<string> {
  yield `${indent}"${name}": [`;
  for (let i = 0; i < elements.length; i++) {
    yield `${i === 0 ? "" : ","}\n${indent} `;
    yield* pieces(elements[i]);
  }
  yield elements.length === 0 ? "]" : `\n${indent}]`;
}
