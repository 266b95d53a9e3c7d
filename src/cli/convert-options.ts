/* The flags of `convert`. */
import { type Command, Option } from "commander";
import { type EncapKind, encapKinds } from "../encode/kinds.js";
import {
  addReaderOption,
  addTakeOptions,
  CAPTURES,
  lengthArgument,
  type ReaderOptions,
  type TakeOptions,
} from "./options.js";
import type { GroupKind } from "./packet-groups.js";

/** Capture files that can be written. */
export type WrittenFormat = "pcap" | "pcapng";

export type ConvertOptions = TakeOptions &
  ReaderOptions & {
    /** Of the output; by default what its name says. */
    format?: WrittenFormat;
    /** Inner frames in the place of the packets. */
    decapsulate?: boolean;
    /** Packets that are out of order within a capture are put right. */
    sort?: boolean;
    /** A file for each of these. */
    split?: GroupKind;
    /** Nothing behind the headers; so many bytes at most. */
    stripPayload?: boolean;
    snapLength?: number;
    /** Frames are put into tunnels: with the keys that filters would ask for, and between these addresses. */
    encapsulate?: boolean;
    encap?: EncapKind;
    tunnel?: string;
    /** Other addresses: with the key in this file, or one made up. Where the southbound goes that has them, too. */
    anonymize?: string;
    anonymizedSb?: string;
    /** Comments on packets. */
    annotate?: boolean;
  };

/** Adds `convert` to `program`. `done` gets its exit status. */
export function addConvert(program: Command, done: (status: number) => void): void {
  const convert = program
    .command("convert")
    .usage("[options] [IN...] OUT")
    .description("write packets of captures, merged by time, into another one")
    .argument(
      "<files...>",
      `${CAPTURES}. The last one is written: a pcap where its name ends in .pcap, else a pcapng; - is stdout`,
    );
  addReaderOption(addTakeOptions(convert, "stop after so many packets"))
    .addOption(new Option("-F, --format <format>", "what to write").choices(["pcap", "pcapng"]))
    .option(
      "--decapsulate",
      "write the inner frames; in a pcapng on one interface a logical port, the packet's ingress port",
    )
    .option(
      "--encapsulate",
      "put Ethernet frames into packets of a tunnel, with the keys of --vni, --inport and --outport (a port's name tells the datapath)",
    )
    .addOption(
      new Option("--encap <kind>", "what tunnel it is, with --encapsulate (default: geneve)").choices(
        Object.keys(encapKinds),
      ),
    )
    .option(
      "--tunnel <source,destination>",
      "outer addresses for --encapsulate (default: those of the chassis of ports that are given by name)",
    )
    .option(
      "--anonymize <keyfile>",
      "replace addresses, prefix-preservingly (Crypto-PAn); a file of 32 bytes or 64 hexadecimal digits, or `generate`",
    )
    .option(
      "--anonymized-sb <file>",
      "write the southbound with the same addresses, and pseudonyms for names",
    )
    .option("--sort", "packets of a capture may be out of order: put them right")
    .addOption(
      new Option(
        "--split <by>",
        "a file for each: OUT is a directory, or a name into which theirs are put, out.pcap becoming out-vm1.pcap",
      ).choices(["tunnel", "datapath", "port"]),
    )
    .option("--strip-payload", "cut packets behind their innermost header")
    .option("-s, --snap-length <bytes>", "cut packets after so many bytes", lengthArgument)
    .option(
      "--annotate",
      "put names and what is wrong with a packet into its comment, chassis beside addresses",
    )
    .action(async (files: string[], options: ConvertOptions) => {
      const { convert } = await import("./convert.js");
      done(await convert(files, options));
    });
}
