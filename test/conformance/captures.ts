/* The captures in captures/, and what OVN itself said of each (its ovn-sbctl.json and the journal sb.db). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const CAPTURES = join(import.meta.dirname, "../../captures");

export interface Capture {
  /** The folder. */
  scenario: string;
  /** Of the file, within the folder. */
  name: string;
  /** `scenario/name`, to tell it in a title. */
  title: string;
  path: string;
  /** The southbound database that names what is in it. */
  sb: string;
}

/** The folders with captures, by name. */
export const scenarios: string[] = readdirSync(CAPTURES)
  .filter((name) => existsSync(join(CAPTURES, name, "sb.db")))
  .sort();

/** Every capture of every folder. */
export const captures: Capture[] = scenarios.flatMap((scenario) =>
  readdirSync(join(CAPTURES, scenario))
    .filter((name) => name.endsWith(".pcap"))
    .sort()
    .map((name) => ({
      scenario,
      name,
      title: `${scenario}/${name}`,
      path: join(CAPTURES, scenario, name),
      sb: join(CAPTURES, scenario, "sb.db"),
    })),
);

type Row = Record<string, unknown>;

export interface TruePort {
  uuid: string;
  name: string;
  /** What the cloud calls it. */
  friendlyName: string | null;
  type: string;
  datapathKey: number;
  portKey: number;
  /** Entries of "MAC [IP...]". */
  mac: string[];
  /** The chassis it was bound to at a time, by name. */
  chassisAt(milliseconds: number): string | null;
}

/** What ovn-sbctl and the journal say, read by nothing of src. */
export interface Truth {
  datapaths: Map<
    number,
    { uuid: string; name: string; friendlyName: string | null; kind: "switch" | "router" }
  >;
  /** By `datapath key:port key`. */
  ports: Map<string, TruePort>;
  /** By `datapath key:group key`. */
  groups: Map<string, string>;
  /** Chassis name by tunnel address. */
  chassis: Map<string, string>;
  /** Names of chassis that are VTEP gateways. */
  vteps: Set<string>;
}

const uuidOf = (value: unknown): string => (value as [string, string])[1];
const mapOf = (value: unknown): Record<string, string> =>
  Object.fromEntries((value as [string, [string, string][]])[1]);

function tables(file: string): (name: string) => Row[] {
  const all = JSON.parse(readFileSync(file, "utf8")) as Record<
    string,
    { headings: string[]; data: unknown[][] }
  >;
  return (name) =>
    all[name].data.map((row) =>
      Object.fromEntries(row.map((value, index) => [all[name].headings[index], value])),
    );
}

/** Every change of a port's chassis in the journal, by the port's uuid, in order. */
function journal(file: string): Map<string, { at: number; chassis: string | null }[]> {
  const changes = new Map<string, { at: number; chassis: string | null }[]>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (!line.startsWith('{"')) continue;
    const record = JSON.parse(line) as {
      _date?: number;
      Port_Binding?: Record<string, { chassis?: [string, unknown] } | null>;
    };
    for (const [uuid, row] of Object.entries(record.Port_Binding ?? {})) {
      if (row?.chassis === undefined) continue;
      const list = changes.get(uuid) ?? [];
      const chassis = row.chassis[0] === "uuid" ? (row.chassis[1] as string) : null;
      list.push({ at: record._date ?? Number.NaN, chassis });
      changes.set(uuid, list);
    }
  }
  return changes;
}

export function truth(scenario: string): Truth {
  return truthIn(join(CAPTURES, scenario));
}

/** The same of any folder that `lab.sh snapshot` has filled. */
export function truthIn(folder: string): Truth {
  const table = tables(join(folder, "ovn-sbctl.json"));
  const moves = journal(join(folder, "sb.db"));
  const chassisName = new Map(table("Chassis").map((row) => [uuidOf(row._uuid), row.name as string]));
  const keys = new Map(table("Datapath_Binding").map((row) => [uuidOf(row._uuid), row.tunnel_key as number]));
  const key = (row: Row) => `${keys.get(uuidOf(row.datapath))}:${row.tunnel_key}`;
  return {
    datapaths: new Map(
      table("Datapath_Binding").map((row) => {
        const ids = mapOf(row.external_ids);
        const kind = "logical-switch" in ids ? "switch" : "router";
        const names = { name: ids.name, friendlyName: ids.name2 ?? null };
        return [row.tunnel_key as number, { uuid: uuidOf(row._uuid), ...names, kind }];
      }),
    ),
    ports: new Map(
      table("Port_Binding").map((row) => {
        const uuid = uuidOf(row._uuid);
        const { mac } = row;
        return [
          key(row),
          {
            uuid,
            name: row.logical_port as string,
            friendlyName: mapOf(row.external_ids).name ?? null,
            type: row.type as string,
            datapathKey: keys.get(uuidOf(row.datapath)) as number,
            portKey: row.tunnel_key as number,
            mac: typeof mac === "string" ? [mac] : (mac as [string, string[]])[1],
            chassisAt: (milliseconds) => {
              const last = (moves.get(uuid) ?? []).filter(({ at }) => at <= milliseconds).at(-1);
              return last?.chassis == null ? null : (chassisName.get(last.chassis) ?? null);
            },
          },
        ];
      }),
    ),
    groups: new Map(table("Multicast_Group").map((row) => [key(row), row.name as string])),
    chassis: new Map(table("Encap").map((row) => [row.ip as string, row.chassis_name as string])),
    vteps: new Set(
      table("Chassis")
        .filter((row) => mapOf(row.other_config)["is-vtep"] === "true")
        .map((row) => row.name as string),
    ),
  };
}
