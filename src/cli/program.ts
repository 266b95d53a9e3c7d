import { Command, CommanderError, Option } from "commander";
import { withDefaults } from "./arguments.js";
import { addConvert } from "./convert-options.js";
import type { EncodeOptions } from "./encode.js";
import { addFrameOptions, givenFrameFlag } from "./encode-options.js";
import type { ExtcapOptions } from "./extcap.js";
import { Exit } from "./fault.js";
import { addFilterOptions } from "./filter-options.js";
import { listenArgument } from "./listen-argument.js";
import type { LiveOptions } from "./live.js";
import {
  addCommonOptions,
  addFormatOption,
  addNameOptions,
  addPacketOptions,
  addPortOptions,
  addSourceOptions,
  bufferArgument,
  CAPTURES,
  type CommonOptions,
  countArgument,
  durationArgument,
  type Format,
  lengthArgument,
  rateArgument,
  repeated,
} from "./options.js";
import { addSbVerbs } from "./sb-verbs.js";
import { writeError } from "./stderr.js";
import { Stdout } from "./stdout.js";
import { version } from "./version.js";
import type { WiresharkOptions } from "./wireshark.js";

/** Adds a verb to `program`, which calls `done` with its exit status where it is run. */
type AddVerb = (program: Command, done: (status: number) => void) => void;

const VERBS = {
  decode: addDecode,
  analyze: addAnalyze,
  live: addLive,
  encode: addEncode,
  convert: addConvert,
  sb: addSbVerbs,
  wireshark: addWireshark,
  extcap: addExtcap,
  devices: addDevices,
  doctor: addDoctor,
} satisfies Record<string, AddVerb>;
type Verb = keyof typeof VERBS;

/** Takes `args` (without node and script) apart, runs the verb they name and returns its exit status. */
export async function runProgram(given: readonly string[]): Promise<number> {
  // Wireshark starts what it finds in its directory for such programs, which is this one under any name.
  const args = given.some((word) => word.startsWith("--extcap-")) ? ["extcap", ...given] : given;
  let status: number = Exit.done;
  const stdout = new Stdout();
  const programOf = (verbs: readonly Verb[]): Command => {
    const program = emptyProgram(stdout);
    for (const verb of verbs)
      VERBS[verb](program, (exit) => {
        status = exit;
      });
    return program;
  };
  // To set all verbs up takes some milliseconds: that is done only where it is not the likely one, or for help.
  const likely = args.find((word): word is Verb => Object.hasOwn(VERBS, word)) ?? "analyze";
  let program = programOf([likely]);
  let words = withDefaults(program, args);
  if (words[0] !== likely) {
    program = programOf(Object.keys(VERBS) as Verb[]);
    words = withDefaults(program, args);
  }
  try {
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    status = error.exitCode === 0 ? Exit.done : Exit.failed;
  }
  // Help, or the version.
  await stdout.flush();
  return status;
}

/** The program without a verb. What it prints itself goes to `stdout`. */
function emptyProgram(stdout: Stdout): Command {
  return new Command("genevescope")
    .description("Geneve packets of an OVN network, with the logical names their keys stand for")
    .option("-V, --version", "print the version")
    .on("option:version", () => {
      stdout.write(`${version()}\n`);
      throw new CommanderError(0, "commander.version", "");
    })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: writeError,
      outputError: (text, write) => write(`genevescope: ${text.replace(/^error: /, "")}`),
    })
    .addHelpText("after", "\n`genevescope FILE` alone means `genevescope analyze FILE`.");
}

function addDecode(program: Command, done: (status: number) => void): void {
  const decode = program
    .command("decode")
    .description("print packets, one line each")
    .argument("[files...]", CAPTURES);
  addCommonOptions(decode, "stop after so many packets")
    .option("-v, --verbose", "the layers of each packet below its line")
    .option("-x, --hex", "the bytes of each packet below its line")
    .action(async (files: string[], options: CommonOptions & { verbose?: boolean; hex?: boolean }) => {
      const { decode } = await import("./decode.js");
      done(await decode(files, options));
    });
}

function addAnalyze(program: Command, done: (status: number) => void): void {
  const analyze = program
    .command("analyze")
    .description("sum up: flows, ports, datapaths, tunnels")
    .argument("[files...]", CAPTURES);
  addCommonOptions(analyze, "stop after so many packets")
    .option(
      "--top <n>",
      "list so many flows (`-n N` for short; default: 20 as text, all as JSON)",
      countArgument,
    )
    .option(
      "--workers <n>",
      "threads to read with (default: 2 for captures of 1.5 GiB and more)",
      countArgument,
    )
    .action(async (files: string[], options: CommonOptions & { top?: number; workers?: number }) => {
      const { analyze } = await import("./analyze.js");
      done(await analyze(files, options));
    });
}

function addEncode(program: Command, done: (status: number) => void): void {
  const encode = program
    .command("encode")
    .description("write packets: the way back from `decode -o json`, or from flags that describe frames")
    .argument("[files...]", "JSON Lines as `decode -o json` prints them; - is stdin")
    .option(
      "-w, --write <file>",
      "a capture: a pcap where the name ends in .pcap, else a pcapng; - is standard output",
    )
    .addOption(
      new Option(
        "-o, --output <format>",
        "in the place of a file, on standard output: hexadecimal digits, a packet a line (default), arrays of C, or a capture",
      )
        .choices(["hex", "c", "pcap", "pcapng"])
        .conflicts("write"),
    )
    .addOption(
      new Option(
        "--send <device>",
        "in the place of a file, by this Ethernet device; takes --rate and --count",
      ).conflicts(["write", "output"]),
    )
    .option("--rate <n>", "send so many packets a second", rateArgument)
    .option(
      "-c, --count <n>",
      "so many packets (default: all; of frames that flags describe one)",
      countArgument,
    );
  addFrameOptions(encode).action(async (files: string[], options: EncodeOptions) => {
    const { encode: run } = await import("./encode.js");
    done(await run(files, options, givenFrameFlag(encode)));
  });
}

function addWireshark(program: Command, done: (status: number) => void): void {
  const wireshark = program
    .command("wireshark")
    .description("write a script with which Wireshark and tshark show and filter by logical names");
  addPortOptions(addNameOptions(addSourceOptions(wireshark, "-c, --certificate")))
    .option(
      "--sb-time <when>",
      "name keys as of `packet` (each packet's own time), `latest`, or a time such as 2026-11-21T07:20:00Z (default: packet where the source has history, else latest)",
    )
    .option("-w, --write <file>", "where to; - is standard output, the default")
    .option("--colors", "in the place of the script, rules that colour packets by datapath")
    .action(async (options: WiresharkOptions) => {
      const { wireshark } = await import("./wireshark.js");
      done(await wireshark(options));
    });
}

function addExtcap(program: Command, done: (status: number) => void): void {
  const extcap = program
    .command("extcap")
    .description(
      "the capture interface that Wireshark offers: started by Wireshark itself (docs/wireshark.md)",
    )
    // Versions of Wireshark to come may say more.
    .allowUnknownOption()
    .allowExcessArguments()
    .option("--extcap-interfaces", "list the interface")
    .option("--extcap-interface <name>", "which interface the others are about")
    .option("--extcap-dlts", "list its link types")
    .option("--extcap-config", "list its options")
    .option(
      "--extcap-capture-filter <filter>",
      "of pcap-filter(7); without --capture: say what is wrong with it",
    )
    .option("--capture", "capture into the pipe")
    .option("--fifo <path>", "the pipe")
    .option("--device <name>", "what to capture from")
    .option("--all", "packets that are no tunnel's too")
    .option("--promiscuous", "frames for others too")
    .option("--annotate", "names as comments of packets, where --sb tells names");
  addFilterOptions(addSourceOptions(extcap, "-c, --certificate")).action(async (options: ExtcapOptions) => {
    const { extcap } = await import("./extcap.js");
    done(await extcap(options));
  });
}

function addDevices(program: Command, done: (status: number) => void): void {
  const devices = program.command("devices").description("list the devices that can be captured from");
  addFormatOption(devices).action(async (options: { output: Format }) => {
    const { devices } = await import("./devices.js");
    done(await devices(options));
  });
}

function addDoctor(program: Command, done: (status: number) => void): void {
  const doctor = program.command("doctor").description("say which parts work here and what others lack");
  addFormatOption(doctor).action(async (options: { output: Format }) => {
    const { doctor } = await import("./doctor.js");
    done(await doctor(options));
  });
}

function addLive(program: Command, done: (status: number) => void): void {
  const live = program
    .command("live")
    .description("capture from devices and print packets as they come, or sums now and then");
  addPacketOptions(live, "stop after so many packets")
    .option(
      "-i, --interface <device>",
      "a device that carries tunnels, or frames without theirs: genev_sys_6081, a VM's; repeatable (default: those with the addresses that this host's Open_vSwitch database gives as ovn-encap-ip)",
      repeated((text) => text),
    )
    .option(
      "--bpf <filter>",
      "what the kernel lets through, as in pcap-filter(7) (default: Geneve and fragments; with --all everything)",
    )
    .option("--snap-length <bytes>", "keep so many bytes of a packet (default: all)", lengthArgument)
    .option("-B, --buffer-size <kib>", "the kernel's ring (default: 8192)", bufferArgument)
    .option("--promiscuous", "frames for others too")
    .option("--immediate", "each packet as it comes, not up to 100 ms later together with others")
    .addOption(
      new Option(
        "--backend <name>",
        "who captures: the addon, or the npm package cap, which has no time stamps of the kernel and counts no drops",
      )
        .choices(["native", "cap"])
        .default("native"),
    )
    .option(
      "-Z, --relinquish-privileges <user>",
      "become this user once the devices are open, before a packet is read or a file begun",
    )
    .option("--duration <time>", "end after so long, such as 30s, 5m, 1h", durationArgument)
    .option(
      "--summary <time>",
      "in the place of lines, the sums of each such time, as `analyze`",
      durationArgument,
    )
    .option(
      "--underlay",
      "the devices carry tunnels, whatever they are called: a VM's, for instance, that is itself a chassis",
    )
    .option(
      "--tunnel-keys",
      "of devices whose frames have lost their tunnel headers (genev_sys_6081, a VM's): the exact keys, from the same frames on the underlay and from the datapath's flows, not by addresses alone",
    )
    .addOption(new Option("-q, --quiet", "no lines; for --metrics alone"))
    .option(
      "--metrics <address>",
      "serve Prometheus metrics at http://ADDRESS:PORT/metrics; a port alone is served to this machine only",
      listenArgument,
    )
    .option(
      "--flows <n>",
      "flows listed in sums (`-n N` for short; default: 20 as text, all as JSON)",
      countArgument,
    )
    .option(
      "--top",
      "in the place of lines, a screen: who talks to whom just now, with rates; ? there tells its keys",
    )
    .option(
      "-w, --write <file>",
      "in the place of lines, a capture: a pcap where the name ends in .pcap, else a pcapng; - is standard output",
    )
    .option("--annotate", "put names into the comments of the packets of -w, chassis beside addresses")
    .option("--file-size <mb>", "begin another file after so many millions of bytes", countArgument)
    .option(
      "--rotate <time>",
      "begin another file after so long, such as 1h; the name is a pattern of strftime(3) then",
      durationArgument,
    )
    .option("--file-count <n>", "keep so many files, and remove the oldest", countArgument)
    .option("-v, --verbose", "the layers of each packet below its line")
    .option("-x, --hex", "the bytes of each packet below its line")
    .action(async (options: LiveOptions) => {
      const { live } = await import("./live.js");
      done(await live(options));
    });
}
