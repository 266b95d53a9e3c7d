/*
 * Writes a southbound database as ovsdb-server keeps it, of the schema that OVN installs: switches with VIFs
 * whose rows are as long as Neutron makes them. Fixed seed, so every run gives the same bytes.
 *
 *   node bench/southbound-generate.js FILE [--ports 200000] [--datapaths 2000] [--chassis 1000]
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";

export const SCHEMA = "/usr/share/ovn/ovn-sb.ovsschema";
/** The date of the first transaction, in milliseconds since 1970: a day before the packets of generate.js. */
const FIRST_DATE = 1_763_613_600_000;
const ROWS_A_TRANSACTION = 5000;

/** What a uuid is of. */
const OF = {
  datapath: 1,
  port: 2,
  chassis: 3,
  encap: 4,
  group: 5,
  network: 6,
  device: 7,
  global: 8,
  security: 9,
  encapIpv6: 11,
};
const LOGICAL_PORT = 10;

/** The finaliser of MurmurHash3: every bit of `word` changes half of the bits. */
function mixed(word) {
  let hash = word;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * A uuid that looks random in all its parts: ovsdb-server finds rows by the first 32 bits, and becomes very slow
 * where those are the same.
 */
function uuid(kind, number) {
  let hex = "";
  for (let part = 0; part < 4; part++)
    hex += mixed(Math.imul(number, 0x9e3779b1) ^ mixed(kind * 4 + part + 1))
      .toString(16)
      .padStart(8, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const ref = (text) => ["uuid", text];
const pairs = (object) => ["map", Object.entries(object)];
const byte = (number) => (number & 255).toString(16).padStart(2, "0");

/** The database as a description: what is where, and the rows. */
export class GeneratedSouthbound {
  /** `dualStack`: the chassis have an IPv6 address for tunnels, too. */
  constructor({ ports = 200_000, datapaths = 2000, chassis = 1000, dualStack = false } = {}) {
    this.dualStack = dualStack;
    this.ports = ports;
    this.datapaths = datapaths;
    this.chassis = chassis;
    this.portsPerDatapath = Math.ceil(ports / datapaths);
  }

  /** VNI and key of the port with this index. */
  keysOf(index) {
    return [Math.floor(index / this.portsPerDatapath) + 1, (index % this.portsPerDatapath) + 1];
  }

  /** The index of the port with this key. */
  indexOf(vni, key) {
    return (vni - 1) * this.portsPerDatapath + key - 1;
  }

  portUuid(index) {
    return uuid(OF.port, index);
  }

  /** The `logical_port` of the port with this index. */
  portName(index) {
    return uuid(LOGICAL_PORT, index);
  }

  chassisUuid(index) {
    return uuid(OF.chassis, index);
  }

  /** The columns of the Port_Binding with this index. */
  portRow(index) {
    const [vni, key] = this.keysOf(index);
    const ip = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
    const chassis = index % this.chassis;
    return {
      logical_port: this.portName(index),
      datapath: ref(uuid(OF.datapath, vni)),
      tunnel_key: key,
      chassis: ref(this.chassisUuid(chassis)),
      requested_chassis: ref(this.chassisUuid(chassis)),
      up: true,
      mac: `fa:16:3e:${byte(index >> 16)}:${byte(index >> 8)}:${byte(index)} ${ip}`,
      options: pairs({ mcast_flood_reports: "true", "requested-chassis": `hv${chassis}` }),
      external_ids: pairs({
        name: `port-${index}`,
        "neutron:cidrs": `${ip}/24`,
        "neutron:device_id": uuid(OF.device, index),
        "neutron:device_owner": "compute:nova",
        "neutron:network_name": this.datapathName(vni),
        "neutron:port_name": `port-${index}`,
        "neutron:project_id": uuid(OF.device, vni % 50).replaceAll("-", ""),
        "neutron:revision_number": "4",
        "neutron:security_group_ids": uuid(OF.security, vni % 50),
      }),
    };
  }

  /** The logical name of the datapath with this VNI. */
  datapathName(vni) {
    return `neutron-${uuid(OF.network, vni)}`;
  }

  datapathRow(vni) {
    const ids = {
      "logical-switch": uuid(OF.network, vni),
      name: this.datapathName(vni),
      name2: `net-${vni}`,
    };
    return { tunnel_key: vni, external_ids: pairs(ids) };
  }

  chassisRow(index) {
    return {
      name: `hv${index}`,
      hostname: `hv${index}.example`,
      encaps: this.dualStack
        ? ["set", [ref(uuid(OF.encap, index)), ref(uuid(OF.encapIpv6, index))]]
        : ref(uuid(OF.encap, index)),
      other_config: pairs({
        "datapath-type": "system",
        "iface-types": "erspan,geneve,gre,gtpu,internal,ip6erspan,ip6gre,lisp,patch,stt,system,tap,vxlan",
        "ovn-bridge-mappings": "physnet1:br-ex",
        "port-up-notif": "true",
      }),
    };
  }

  /** The tunnel address of a chassis. */
  encapIp(index) {
    const host = index + 100;
    return `192.168.${50 + (host >> 8)}.${host & 255}`;
  }

  encapIpv6(index) {
    return `fd00:0:0:50:0:0:0:${(index + 0x100).toString(16)}`;
  }

  encapRow(index) {
    const ip = this.encapIp(index);
    return { type: "geneve", ip, chassis_name: `hv${index}`, options: pairs({ csum: "true" }) };
  }

  encapIpv6Row(index) {
    return { ...this.encapRow(index), ip: this.encapIpv6(index) };
  }

  groupRow(vni) {
    return { name: "_MC_flood", datapath: ref(uuid(OF.datapath, vni)), tunnel_key: 32768 };
  }

  /** The transactions of the journal. */
  *transactions() {
    const table = (kind, from, to, row) => {
      const rows = {};
      for (let number = from; number < to; number++) rows[uuid(kind, number)] = row.call(this, number);
      return rows;
    };
    let _date = FIRST_DATE;
    yield {
      _date,
      _is_diff: true,
      SB_Global: { [uuid(OF.global, 0)]: { options: pairs({ northd_probe_interval: "5000" }) } },
      Datapath_Binding: table(OF.datapath, 1, this.datapaths + 1, this.datapathRow),
      Multicast_Group: table(OF.group, 1, this.datapaths + 1, this.groupRow),
      Encap: {
        ...table(OF.encap, 0, this.chassis, this.encapRow),
        ...(this.dualStack ? table(OF.encapIpv6, 0, this.chassis, this.encapIpv6Row) : {}),
      },
      Chassis: table(OF.chassis, 0, this.chassis, this.chassisRow),
    };
    for (let from = 0; from < this.ports; from += ROWS_A_TRANSACTION) {
      _date += 1000;
      const to = Math.min(from + ROWS_A_TRANSACTION, this.ports);
      yield { _date, _is_diff: true, Port_Binding: table(OF.port, from, to, this.portRow) };
    }
  }

  /** Writes it as a standalone database file, ovsdb(5). Returns its size in bytes. */
  write(file, schema = JSON.parse(readFileSync(SCHEMA, "utf8"))) {
    const out = openSync(file, "w");
    let bytes = 0;
    const write = (json) => {
      const body = `${JSON.stringify(json)}\n`;
      const digest = createHash("sha1").update(body).digest("hex");
      bytes += writeSync(out, `OVSDB JSON ${Buffer.byteLength(body)} ${digest}\n${body}`);
    };
    try {
      write(schema);
      for (const transaction of this.transactions()) write(transaction);
    } finally {
      closeSync(out);
    }
    return bytes;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { parseArgs } = await import("node:util");
  const option = { type: "string" };
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { ports: option, datapaths: option, chassis: option },
  });
  if (positionals.length !== 1) {
    process.stderr.write(
      "usage: node bench/southbound-generate.js FILE [--ports N] [--datapaths N] [--chassis N]\n",
    );
    process.exit(2);
  }
  const size = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
  const southbound = new GeneratedSouthbound(size);
  process.stdout.write(`${JSON.stringify({ ...southbound, bytes: southbound.write(positionals[0]) })}\n`);
}
