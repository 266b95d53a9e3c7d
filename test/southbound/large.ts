/* A big southbound database, written piece by piece so that making it takes no memory. */
import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { record, smallSchema, uuid } from "./ovsdb.js";

const HYPERVISORS = 500;
const PORTS_PER_SWITCH = 100;

/** A row with the columns and text lengths that Neutron gives a port. */
function portRow(index: number): string {
  const id = (kind: number) => uuid(kind, index);
  return `"${id(2)}":{"logical_port":"${id(20)}","datapath":["uuid","${uuid(1, Math.floor(index / PORTS_PER_SWITCH))}"],"tunnel_key":${
    (index % PORTS_PER_SWITCH) + 1
  },"chassis":["uuid","${uuid(3, index % HYPERVISORS)}"],"up":true,"mac":"fa:16:3e:${(index % 256)
    .toString(16)
    .padStart(
      2,
      "0",
    )}:00:01 10.${index >> 16}.${(index >> 8) & 255}.${index & 255}","options":["map",[["mcast_flood_reports","true"],["requested-chassis","hv${
    index % HYPERVISORS
  }"]]],"external_ids":["map",[["name","port-${index}"],["neutron:cidrs","10.0.0.1/24"],["neutron:device_id","${id(21)}"],["neutron:device_owner","compute:nova"],["neutron:network_name","neutron-${id(22)}"],["neutron:port_name","port-${index}"],["neutron:project_id","0123456789abcdef0123456789abcdef"],["neutron:revision_number","4"],["neutron:security_group_ids","${id(23)}"]]]}`;
}

function flowRow(index: number): string {
  return `"${uuid(8, index)}":{"actions":"reg0[5] = 1; ct_lb_mark { \\"quoted } ] \\\\\\" }; next;","external_ids":["map",[["source","northd.c:8021"],["stage-hint","0b5ff4b0"],["stage-name","ls_in_acl"]]],"logical_datapath":["uuid","${uuid(1, index % 200)}"],"match":"reg0[7] == 1 && (outport == @pg_${index} && ip4 && ip4.src == $pg_${index}_ip4 && tcp.dst == {80,443})","pipeline":"ingress","priority":2002,"table_id":8}`;
}

export function* body(ports: number, junkBytes: number): Generator<string> {
  const rows = function* (number: number, row: (index: number) => string) {
    for (let index = 0; index < number; index += 100) {
      const part = [];
      for (let each = index; each < Math.min(index + 100, number); each++) part.push(row(each));
      yield (index === 0 ? "" : ",") + part.join(",");
    }
  };
  yield '{"_date":1700000000000,"_comment":"compacting database online","Logical_Flow":{';
  yield* rows(Math.ceil(junkBytes / flowRow(1000).length), flowRow);
  yield '},"Datapath_Binding":{';
  yield* rows(Math.ceil(ports / PORTS_PER_SWITCH), (index) => {
    return `"${uuid(1, index)}":{"tunnel_key":${index + 1},"external_ids":["map",[["logical-switch","${uuid(9, index)}"],["name","net-${index}"]]]}`;
  });
  yield '},"Encap":{';
  yield* rows(HYPERVISORS, (index) => {
    return `"${uuid(4, index)}":{"type":"geneve","ip":"10.1.${index >> 8}.${index & 255}","chassis_name":"hv${index}"}`;
  });
  yield '},"Chassis":{';
  yield* rows(HYPERVISORS, (index) => {
    return `"${uuid(3, index)}":{"name":"hv${index}","hostname":"hv${index}","encaps":["uuid","${uuid(4, index)}"]}`;
  });
  yield '},"Port_Binding":{';
  yield* rows(ports, portRow);
  yield '},"_is_diff":true}\n';
}

/** Writes a database of `ports` ports and so many bytes of logical flows. Returns its size in bytes. */
export function writeLargeDatabase(path: string, ports: number, junkBytes: number): number {
  const hash = createHash("sha1");
  let bytes = 0;
  for (const part of body(ports, junkBytes)) {
    hash.update(part);
    bytes += Buffer.byteLength(part);
  }
  const file = openSync(path, "w");
  writeSync(file, record(smallSchema()));
  writeSync(file, `OVSDB JSON ${bytes} ${hash.digest("hex")}\n`);
  for (const part of body(ports, junkBytes)) writeSync(file, part);
  const change = { Port_Binding: { [uuid(2, 0)]: { chassis: ["uuid", uuid(3, 1)] } } };
  writeSync(file, record({ _date: 1700000001000, _is_diff: true, ...change }));
  closeSync(file);
  return bytes;
}
