import { type KeyHolder, type Port, type PortEvent, portEncaps } from "../southbound/index.js";
import { safeJson } from "./json.js";
import { tunnelsJson } from "./sb-fields.js";
import { eventEncaps, type KeyHistory, type PortHistory } from "./sb-history.js";
import { momentJson } from "./time.js";

/** The answer of `sb history -o json` (docs/cli.md) in pieces: one object, an event a line. */
export function* sbHistoryJson(history: PortHistory | KeyHistory): Generator<string> {
  const { inventory, events } = history;
  const { source, hasHistory, historyStart, latestDate } = inventory;
  const whose =
    history.kind === "port"
      ? { port: history.name }
      : { datapathKey: history.datapathKey, key: history.key, holders: history.holders.map(holderJson) };
  const head = {
    ...whose,
    source,
    hasHistory,
    historyStart: momentJson(historyStart),
    latestDate: momentJson(latestDate),
  };
  yield `${safeJson(head).slice(0, -1)},\n "events": [`;
  for (let i = 0; i < events.length; i++) yield `${i === 0 ? "" : ","}\n  ${safeJson(eventJson(events[i]))}`;
  yield events.length === 0 ? "]}\n" : "\n ]}\n";
}

function eventJson(event: PortEvent): object {
  const { time, subject } = event;
  const port = subject.kind === "port" ? subject : null;
  return {
    time: momentJson(time),
    event: event.event,
    ...details(event),
    name: subject.name,
    type: port === null ? "multicast" : port.type,
    datapathKey: port?.datapathKey,
    datapath: port?.datapath?.name ?? null,
    tunnelKey: subject.tunnelKey,
    chassis: port?.chassis?.name ?? null,
    uuid: subject.uuid,
  };
}

/** What changed, `from` and `to`; who else is concerned. */
function details(happened: PortEvent): object {
  const { event, subject, before, chassis, lastBinding, holder } = happened;
  const change = (pick: (port: Port) => unknown): object => ({
    from: before?.kind === "port" ? pick(before) : null,
    to: subject.kind === "port" ? pick(subject) : null,
  });
  switch (event) {
    case "known":
    case "created":
      return { previousHolder: holder && holderJson(holder) };
    case "key-changed":
      return {
        ...change(({ datapathKey, tunnelKey }) => ({ datapathKey, tunnelKey })),
        previousHolder: holder && holderJson(holder),
      };
    case "key-reused":
      return { holder: holder && holderJson(holder) };
    case "renamed":
      return { from: before?.name ?? null, to: subject.name, previousHolder: holder && holderJson(holder) };
    case "type-changed":
      return change(({ type }) => type);
    case "addresses-changed":
      return change(({ mac }) => mac);
    case "tunnel-changed":
      return change((port) => tunnelsJson(portEncaps(port)));
    case "bound":
    case "also-bound":
      return { to: chassis?.name ?? null, tunnels: tunnelsJson(eventEncaps(happened)) };
    case "moved":
      return {
        from: lastBinding?.chassis.name ?? null,
        fromUntil: momentJson(lastBinding?.until ?? null),
        to: chassis?.name ?? null,
        tunnels: tunnelsJson(eventEncaps(happened)),
      };
    case "unbound":
    case "also-unbound":
      return { from: chassis?.name ?? null, tunnels: tunnelsJson(eventEncaps(happened)) };
    default:
      return {};
  }
}

function holderJson({ owner, from, until }: KeyHolder): object {
  return {
    name: owner.name,
    type: owner.kind === "port" ? owner.type : "multicast",
    uuid: owner.uuid,
    from: momentJson(from),
    until: momentJson(until),
  };
}
