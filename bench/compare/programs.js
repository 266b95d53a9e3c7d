/*
 * How each program is run on an input, and how what it says is checked. A program has
 *
 *   name, argv, env   the command
 *   packets           how many it takes: all of the input's, or those of its head, where it is slow
 *   startup           of a slow one: the command that takes a single packet; its time is taken off
 *   prove()           checks, once, everything the command finds against the truth
 *   check(file)       checks what a measured run wrote; absent where that goes to /dev/null
 */

import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { GENEVESCOPE, timed } from "./tools.js";
import {
  addressDigits,
  Counting,
  checkAnalyze,
  checkCounters,
  checkDecodeJson,
  checkDecodeText,
  countersOf,
  linesOf,
  same,
} from "./truth.js";

/** Times are printed in UTC, as the truth has them, and as they cost tcpdump least. */
const UTC = { TZ: "UTC0" };

export class Programs {
  #tools;
  #scratch;
  #help = {};

  /** `scratch`: a directory for outputs. */
  constructor(tools, scratch) {
    this.#tools = tools;
    this.#scratch = scratch;
  }

  /** Runs a command, then hands the file with its output to `check`. */
  #proved(argv, check, env = UTC) {
    const output = join(this.#scratch, "proved.out");
    timed(this.#tools, argv, { output, env });
    check(output);
  }

  /** True where the verb has a flag. */
  has(verb, flag) {
    this.#help[verb] ??= spawnSync(process.execPath, [GENEVESCOPE, verb, "--help"], {
      encoding: "utf8",
    }).stdout;
    return this.#help[verb].includes(flag);
  }

  /** `analyze` with one and two threads, where that can be told, and with names. */
  ours(input) {
    return this.has("analyze", "--workers")
      ? [
          this.analyze("genevescope, one thread", input, ["--workers", "1"]),
          this.analyze("genevescope, two threads", input, ["--workers", "2"]),
        ]
      : [this.analyze("genevescope", input)];
  }

  analyze(name, { capture, southbound, truth }, flags = [], { named = true } = {}) {
    const source = named ? ["--sb", southbound] : ["-n"];
    const argv = [process.execPath, GENEVESCOPE, "analyze", capture, ...source, ...flags];
    let text = null;
    return {
      name,
      argv,
      env: UTC,
      packets: truth.packets,
      prove: () => this.#proved([...argv, "-o", "json"], (file) => checkAnalyze(file, truth, { named })),
      // The same text in every run, of which the JSON has been checked.
      check: (file) => {
        const found = readFileSync(file, "utf8");
        const head = `: ${truth.packets.toLocaleString("en")} packets, ${truth.bytes.toLocaleString("en")} bytes`;
        same(`${name}: head of the text`, found.includes(head), true);
        text ??= found;
        same(`${name}: text as in the first run`, found === text, true);
      },
    };
  }

  /** A program that sums up as analyze does and prints what reader.c prints. */
  #reader(name, path, { capture, truth }) {
    const read = (file) => countersOf(JSON.parse(readFileSync(file, "utf8")));
    return {
      name,
      argv: [path, capture],
      packets: truth.packets,
      prove: () => this.#proved([path, capture, "--all"], (file) => checkCounters(name, read(file), truth)),
      check: (file) => checkCounters(name, read(file), truth, { part: true }),
    };
  }

  cReader(input) {
    return this.#reader("C reader", this.#tools.reader, input);
  }

  cat({ capture, truth }) {
    const size = () => same("cat: bytes of the file", statSync(capture).size, truth.fileBytes);
    return { name: "cat", argv: ["cat", capture], packets: truth.packets, prove: size };
  }

  /** The program that writes all Geneve packets again: what it writes, the C reader counts. */
  tcpdumpWrite({ name, capture, truth }) {
    const { tcpdump, reader } = this.#tools;
    // A filter looks behind a tag only where it says so.
    const filter = name === "vlan" ? "vlan and udp port 6081" : "udp port 6081";
    const counted = `"$0" -r "$1" -w - "$2" | "$3" /dev/stdin --all`;
    const read = (file) => countersOf(JSON.parse(readFileSync(file, "utf8")));
    return {
      name: "tcpdump -w with a filter",
      argv: [tcpdump, "-r", capture, "-w", "/dev/null", filter],
      packets: truth.packets,
      prove: () =>
        this.#proved(["sh", "-c", counted, tcpdump, capture, filter, reader], (file) =>
          checkCounters("tcpdump -w", read(file), truth),
        ),
    };
  }

  capinfos({ capture, truth }) {
    // Counts, sizes and times; no hashes of the file.
    const argv = [this.#tools.capinfos, "-M", "-c", "-d", "-S", "-a", "-e", capture];
    const check = (file) => {
      const text = readFileSync(file, "utf8");
      const value = (name) => new RegExp(`^${name}: +(\\S+)`, "m").exec(text)?.[1];
      const seconds = (time) => `${time.slice(0, 10)}.${time.slice(10)}`;
      same("capinfos: packets", value("Number of packets"), String(truth.packets));
      same("capinfos: bytes", value("Data size"), String(truth.bytes));
      same("capinfos: first time", value("First packet time")?.padEnd(20, "0"), seconds(truth.firstTime));
      same("capinfos: last time", value("Last packet time")?.padEnd(20, "0"), seconds(truth.lastTime));
    };
    return { name: "capinfos", argv, packets: truth.packets, prove: () => {}, check };
  }

  /** tshark printing what analyze needs of a packet; on a head of the capture, and without its start. */
  tsharkFields({ capture, truth }) {
    const fields = ["frame.time_epoch", "frame.len", "geneve.vni", "geneve.option.unknown.data"];
    const outer = ["ip.src", "ip.dst", "ip.len", "ipv6.src", "ipv6.dst", "ipv6.plen"];
    const argv = [this.#tools.tshark, "-n", "-r", capture, "-T", "fields"];
    for (const field of [...fields, ...outer]) argv.push("-e", field);
    return this.#tshark("tshark -T fields", argv, truth, (line) => {
      const [time, length, vni, option, ...addresses] = line.split("\t");
      const [source, destination, ipLength, source6, destination6, length6] = addresses.map(
        (field) => field.split(",")[0],
      );
      const v6 = source6 !== "";
      return {
        ...keysOf(vni, option),
        bytes: Number(length),
        time: time.replace(".", ""),
        source: addressDigits(v6 ? source6 : source),
        destination: addressDigits(v6 ? destination6 : destination),
        outerBytes: v6 ? Number(length6) + 40 : Number(ipLength),
      };
    });
  }

  /**
   * tshark's JSON lines with the fields that `decode -o json` has and tshark knows (no names), checksums verified
   * as there. `-T ek` of all it knows is three times as slow.
   */
  tsharkEk({ capture, truth }) {
    const argv = [this.#tools.tshark, "-n", "-r", capture, "-T", "ek"];
    for (const layer of ["ip", "udp"]) argv.push("-o", `${layer}.check_checksum:TRUE`);
    for (const field of EK_FIELDS) argv.push("-e", field);
    return this.#tshark("tshark -T ek -e ...", argv, truth, (line) => {
      const { layers } = JSON.parse(line);
      if (layers === undefined) return null;
      const first = (field) => layers[field.replaceAll(".", "_")]?.[0];
      return {
        ...keysOf(first("geneve.vni"), first("geneve.option.unknown.data")),
        bytes: Number(first("frame.len")),
        time: first("frame.time_epoch").replace(".", ""),
        source: addressDigits(first("ip.src")),
        destination: addressDigits(first("ip.dst")),
        outerBytes: Number(first("ip.len")),
      };
    });
  }

  #tshark(name, argv, truth, packetOf) {
    return {
      name,
      argv,
      env: UTC,
      packets: truth.packets,
      startup: [...argv, "-c", "1"],
      prove: () =>
        this.#proved(argv, (file) => {
          const counting = new Counting();
          for (const line of linesOf(file)) {
            const packet = packetOf(line);
            if (packet !== null) counting.add(packet);
          }
          checkCounters(name, counting.counters(), truth);
        }),
    };
  }

  /** Everything that sums up or reads an input, as far as it is installed; `head`: its first packets. */
  all(input, head) {
    const { libpcap, gopacket, tcpdump, capinfos, tshark } = this.#tools;
    return [
      ...this.ours(input),
      this.cReader(input),
      this.cat(input),
      libpcap && this.#reader("C with libpcap", libpcap, input),
      tcpdump && this.tcpdumpWrite(input),
      capinfos && this.capinfos(input),
      gopacket && this.#reader("gopacket", gopacket, input),
      tshark && head && this.tsharkFields(head),
    ].filter(Boolean);
  }

  /** `decode` into lines of text. */
  decodeText(name, { capture, southbound, truth }, flags = [], { named = true } = {}) {
    const source = named ? ["--sb", southbound] : ["-n"];
    const argv = [process.execPath, GENEVESCOPE, "decode", capture, ...source, ...flags];
    return {
      name,
      argv,
      env: UTC,
      packets: truth.packets,
      prove: () => this.#proved(argv, (file) => checkDecodeText(file, truth, { named })),
    };
  }

  /** `decode` into JSON Lines; `head`: a shorter input on which every line is checked. */
  decodeJson(name, { capture, southbound, truth }, head) {
    const command = (file) => [
      process.execPath,
      GENEVESCOPE,
      "decode",
      file,
      "--sb",
      southbound,
      "-o",
      "json",
    ];
    const lines = ["sh", "-c", `"$@" | wc -l`, "sh", ...command(capture)];
    return {
      name,
      argv: command(capture),
      env: UTC,
      packets: truth.packets,
      prove: () => {
        this.#proved(command(head.capture), (file) => checkDecodeJson(file, head.truth));
        this.#proved(lines, (file) =>
          same(`${name}: lines`, Number(readFileSync(file, "utf8")), truth.packets),
        );
      },
    };
  }

  /** tcpdump's lines, one a packet. */
  tcpdumpText({ capture, truth }) {
    const argv = [this.#tools.tcpdump, "-nn", "-r", capture];
    const line = /^(\S+) IP (\S+)\.\d+ > (\S+)\.6081: Geneve, .* vni 0x([0-9a-f]+), /;
    return {
      name: "tcpdump -nn",
      argv,
      env: UTC,
      packets: truth.packets,
      prove: () =>
        this.#proved(argv, (file) => {
          // It prints no keys: packets of each network and tunnel.
          const found = new Map();
          const wanted = new Map();
          const add = (map, key, packets) => map.set(key, (map.get(key) ?? 0) + packets);
          for (const text of linesOf(file)) {
            const [, , source, destination, vni] = line.exec(text) ?? [];
            add(found, `vni ${Number.parseInt(vni, 16)}`, 1);
            add(found, `${source} ${destination}`, 1);
          }
          for (const [vni, , , packets] of truth.flows) add(wanted, `vni ${vni}`, packets);
          for (const [source, destination, packets] of truth.tunnels)
            add(wanted, `${source} ${destination}`, packets);
          same("tcpdump -nn: networks and tunnels", found.size, wanted.size);
          for (const [key, packets] of wanted) same(`tcpdump -nn: ${key}`, found.get(key), packets);
        }),
    };
  }

  /** A program whose output goes through a pipe. What it says has been proved without. */
  piped(program) {
    return {
      ...program,
      name: `${program.name} | cat`,
      argv: ["sh", "-c", `"$@" | cat`, "sh", ...program.argv],
      prove: () => {},
    };
  }

  /** Node alone, and genevescope doing next to nothing. */
  start(version) {
    const check = (file) => same("genevescope --version", readFileSync(file, "utf8").trim(), version);
    return [
      {
        name: "genevescope --version",
        argv: [process.execPath, GENEVESCOPE, "--version"],
        prove: () => {},
        check,
      },
      { name: "node -e 0", argv: [process.execPath, "-e", "0"], prove: () => {} },
    ];
  }
}

/** What tshark calls the fields of `decode -o json`, for pings. */
const EK_FIELDS = [
  ...["frame.number", "frame.time_epoch", "frame.interface_name", "frame.cap_len", "frame.len"],
  ...["eth.src", "eth.dst", "eth.type"],
  ...["ip.version", "ip.src", "ip.dst", "ip.ttl", "ip.dsfield", "ip.id", "ip.len", "ip.proto", "ip.flags.df"],
  ...["ip.checksum.status", "udp.srcport", "udp.dstport", "udp.length", "udp.checksum.status"],
  ...["geneve.version", "geneve.flags.oam", "geneve.flags.critical", "geneve.proto_type", "geneve.vni"],
  ...[
    "geneve.option.class",
    "geneve.option.type",
    "geneve.option.type.critical",
    "geneve.option.unknown.data",
  ],
  ...["icmp.type", "icmp.code", "icmp.ident", "icmp.seq", "icmp.checksum.status", "_ws.col.Info"],
];

/** The keys in tshark's words: the VNI in hexadecimal, the option's data. */
function keysOf(vni, data) {
  const keys = Number.parseInt(data, 16);
  return { vni: Number.parseInt(vni, 16), ingress: (keys >>> 16) & 0x7fff, egress: keys & 0xffff };
}
