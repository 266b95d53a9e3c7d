/* The state of a database as plain values, once from an inventory and once, independently, from a dump. */
import type { Chassis, Encap, Inventory } from "../../src/southbound/index.js";

type Json = unknown;
type Row = Record<string, Json>;
const object = (map: ReadonlyMap<string, string>) => Object.fromEntries([...map].sort());
const byText = (a: unknown, b: unknown) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

function encapPicture({ uuid, type, ip, options, chassisName }: Encap) {
  return { uuid, type, ip, options: object(options), chassisName };
}

function chassisPicture({ uuid, name, hostname, encaps, otherConfig, isVtep }: Chassis) {
  return {
    uuid,
    name,
    hostname,
    encaps: encaps.map(encapPicture).sort(byText),
    otherConfig: object(otherConfig),
    isVtep,
  };
}

/** Everything an inventory says of the time `at`. */
export function picture(inventory: Inventory, at: number) {
  const datapaths = inventory.datapaths(at);
  return {
    datapaths: datapaths
      .map(({ uuid, tunnelKey, name, kind, externalIds }) => {
        return { uuid, tunnelKey, name, kind, externalIds: object(externalIds) };
      })
      .sort(byText),
    groups: datapaths
      .flatMap(({ tunnelKey: datapathKey }) =>
        inventory
          .multicastGroups(at, datapathKey)
          .map(({ uuid, name, tunnelKey }) => ({ uuid, name, tunnelKey, datapathKey })),
      )
      .sort(byText),
    chassis: inventory.chassis(at).map(chassisPicture).sort(byText),
    ports: inventory
      .ports(at)
      .map((port) => ({
        uuid: port.uuid,
        datapathKey: port.datapathKey,
        tunnelKey: port.tunnelKey,
        name: port.name,
        type: port.type,
        chassis: port.chassis && chassisPicture(port.chassis),
        additionalChassis: port.additionalChassis.map(({ name }) => name).sort(),
        requestedChassis: port.requestedChassis?.name ?? null,
        encap: port.encap?.ip ?? null,
        additionalEncap: port.additionalEncap.map(({ ip }) => ip).sort(),
        mac: [...port.mac],
        natAddresses: [...port.natAddresses],
        parentPort: port.parentPort,
        virtualParent: port.virtualParent,
        up: port.up,
        options: object(port.options),
        externalIds: object(port.externalIds),
      }))
      .sort(byText),
  };
}

export type Picture = ReturnType<typeof picture>;

/** The tables of `ovsdb-client -f json dump`, as rows by column. */
export function dumpTables(text: string): Map<string, Row[]> {
  const tables = new Map<string, Row[]>();
  for (const line of text.trim().split("\n")) {
    const { caption, headings, data } = JSON.parse(line);
    const rows = data.map((row: Json[]) =>
      Object.fromEntries(headings.map((name: string, index: number) => [name, row[index]])),
    );
    tables.set(caption.replace(/ table$/, ""), rows);
  }
  return tables;
}

const id = (value: Json) => (value as string[])[1];
const list = (value: Json): string[] => {
  if (value === undefined) return [];
  const elements = (value as Json[])[0] === "set" ? ((value as Json[])[1] as Json[]) : [value];
  return elements.map((element) => (typeof element === "string" ? element : id(element))).sort();
};
const optional = (value: Json) => (Array.isArray(value) && value[0] === "set" ? null : value);
const strings = (value: Json): Record<string, string> =>
  Object.fromEntries(((value as Json[])[1] as [string, string][]).sort());

/** The picture that a dump's tables give. */
export function pictureOfDump(text: string): Picture {
  const tables = dumpTables(text);
  const rows = (name: string) => tables.get(name) ?? [];
  const find = (name: string, uuid: string) => rows(name).find((row) => id(row._uuid) === uuid);
  const encap = (row: Row) => ({
    uuid: id(row._uuid),
    type: row.type as string,
    ip: row.ip as string,
    options: strings(row.options),
    chassisName: row.chassis_name as string,
  });
  // A server may leave a weak reference to a row that went away in the transaction that made the reference.
  const found = (name: string, uuids: string[]) =>
    uuids.map((uuid) => find(name, uuid)).filter((row) => row !== undefined);
  const encaps = (uuids: string[]) => found("Encap", uuids).map(encap);
  const chassis = (row: Row) => ({
    uuid: id(row._uuid),
    name: row.name as string,
    hostname: row.hostname as string,
    encaps: encaps(list(row.encaps)).sort(byText),
    otherConfig: strings(row.other_config),
    isVtep: strings(row.other_config)["is-vtep"] === "true",
  });
  const chassisList = (value: Json) => found("Chassis", list(value)).map(chassis);
  const datapathKey = (row: Row) => find("Datapath_Binding", id(row.datapath))?.tunnel_key as number;
  const picture: Picture = {
    datapaths: rows("Datapath_Binding").map((row) => {
      const ids = strings(row.external_ids);
      const kind = ids["logical-switch"] ? "switch" : ids["logical-router"] ? "router" : "unknown";
      const name = ids.name ?? ids["logical-switch"] ?? ids["logical-router"] ?? null;
      return { uuid: id(row._uuid), tunnelKey: row.tunnel_key as number, name, kind, externalIds: ids };
    }),
    groups: rows("Multicast_Group").map((row) => ({
      uuid: id(row._uuid),
      name: row.name as string,
      tunnelKey: row.tunnel_key as number,
      datapathKey: datapathKey(row),
    })),
    chassis: rows("Chassis").map(chassis),
    ports: rows("Port_Binding").map((row) => ({
      uuid: id(row._uuid),
      datapathKey: datapathKey(row),
      tunnelKey: row.tunnel_key as number,
      name: row.logical_port as string,
      type: row.type as string,
      chassis: chassisList(row.chassis)[0] ?? null,
      additionalChassis: chassisList(row.additional_chassis)
        .map(({ name }) => name)
        .sort(),
      requestedChassis: chassisList(row.requested_chassis)[0]?.name ?? null,
      encap: encaps(list(row.encap))[0]?.ip ?? null,
      additionalEncap: encaps(list(row.additional_encap))
        .map(({ ip }) => ip)
        .sort(),
      mac: list(row.mac),
      natAddresses: list(row.nat_addresses),
      parentPort: optional(row.parent_port) as string | null,
      virtualParent: optional(row.virtual_parent) as string | null,
      up: optional(row.up) as boolean | null,
      options: strings(row.options),
      externalIds: strings(row.external_ids),
    })),
  };
  for (const part of Object.values(picture)) (part as unknown[]).sort(byText);
  return picture;
}
