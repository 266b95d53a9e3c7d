/* tshark's dissection of a capture (`-T pdml`): every protocol of every packet, in order. */
import { execFileSync } from "node:child_process";
import { findCommand, peer } from "../setup/peer.js";

export const describeTshark = peer("tshark", ["tshark"]);

/** A field: `show` as tshark prints it, `value` its bytes in hexadecimal (of a bit field: its number). */
export interface Field {
  show: string;
  value: string;
}

/** A protocol of a packet; fields by name, in the order of the packet. */
export class Protocol {
  readonly name: string;
  /** Byte offset in the frame. */
  readonly offset: number;
  readonly fields = new Map<string, Field[]>();

  constructor(name: string, offset: number) {
    this.name = name;
    this.offset = offset;
  }

  all(name: string): Field[] {
    return this.fields.get(name) ?? [];
  }

  has(name: string): boolean {
    return this.fields.has(name);
  }

  /** The first field of a name. */
  show(name: string): string {
    const [field] = this.all(name);
    if (field === undefined) throw new Error(`tshark has no ${name} in ${this.name}`);
    return field.show;
  }

  number(name: string): number {
    return Number(this.show(name));
  }

  /** Its bytes in hexadecimal. */
  hex(name: string): string {
    this.show(name);
    return this.all(name)[0].value;
  }
}

export interface Dissection {
  protocols: Protocol[];
}

const PREFERENCES = [
  "tcp.desegment_tcp_streams:FALSE",
  "tcp.relative_sequence_numbers:FALSE",
  "tcp.analyze_sequence_numbers:FALSE",
  "tcp.check_checksum:TRUE",
  "udp.check_checksum:TRUE",
  "ip.check_checksum:TRUE",
  "ip.defragment:FALSE",
  "ipv6.defragment:FALSE",
];

const dissected = new Map<string, Dissection[]>();

/** Every packet of a capture as tshark sees it, with further `preferences`; asked once for each capture. */
export function tshark(capture: string, ...preferences: string[]): Dissection[] {
  const known = dissected.get(capture);
  if (known !== undefined) return known;
  const all = [...PREFERENCES, ...preferences];
  const args = ["-n", "-r", capture, "-T", "pdml", ...all.flatMap((each) => ["-o", each])];
  const text = execFileSync(findCommand("tshark") ?? "tshark", args, {
    encoding: "utf8",
    maxBuffer: 1 << 29,
    stdio: ["ignore", "pipe", "ignore"],
    // Nobody's own preferences.
    env: { ...process.env, HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent", LC_ALL: "C" },
  });
  const packets = parse(text);
  dissected.set(capture, packets);
  return packets;
}

/** PDML has one element a line. A protocol within another (what an ICMP error quotes) is left out. */
function parse(text: string): Dissection[] {
  const packets: Dissection[] = [];
  let depth = 0;
  let protocol: Protocol | null = null;
  for (const line of text.split("\n")) {
    const element = /^\s*<(\/?)(\w+)/.exec(line);
    if (element === null) continue;
    const [, closing, tag] = element;
    if (tag === "packet" && closing === "") packets.push({ protocols: [] });
    else if (tag === "proto" && closing !== "") depth--;
    else if (tag === "proto") {
      if (depth === 0) {
        protocol = new Protocol(attribute(line, "name"), Number(attribute(line, "pos")));
        packets[packets.length - 1].protocols.push(protocol);
      }
      if (!line.endsWith("/>")) depth++;
    } else if (tag === "field" && closing === "" && depth === 1 && protocol !== null) {
      const name = attribute(line, "name");
      const field = { show: attribute(line, "show"), value: attribute(line, "value") };
      const list = protocol.fields.get(name);
      if (list === undefined) protocol.fields.set(name, [field]);
      else list.push(field);
    }
  }
  // A tunnel in what an ICMP error quotes stands beside the ICMP, not within it.
  return packets.map(({ protocols }) => {
    const icmp = protocols.findIndex(({ name }) => name === "icmp" || name === "icmpv6");
    return { protocols: icmp < 0 ? protocols : protocols.slice(0, icmp + 1) };
  });
}

function attribute(line: string, name: string): string {
  return new RegExp(` ${name}="([^"]*)"`).exec(line)?.[1] ?? "";
}
