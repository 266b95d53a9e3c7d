import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { withDefaults } from "./arguments.js";
import { Exit, faultLine } from "./fault.js";
import { addCommonOptions, type CommonOptions, countArgument } from "./options.js";
import { addSbVerbs } from "./sb-verbs.js";

/** Runs the program with `args` (without node and script) and returns its exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let status: number = Exit.done;
  // Nobody to complain to is no fault of the work.
  process.stderr.on("error", () => {});
  // What commander prints; a reader that goes away is no fault, a full disk is.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exitCode = Exit.failed;
  });
  const program = new Command("genevescope")
    .description("Geneve packets of an OVN network, with the logical names their keys stand for")
    .option("-V, --version", "print the version")
    .on("option:version", () => {
      process.stdout.write(`${version()}\n`);
      throw new CommanderError(0, "commander.version", "");
    })
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`genevescope: ${text.replace(/^error: /, "")}`) })
    .addHelpText("after", "\n`genevescope FILE` alone means `genevescope analyze FILE`.");

  const decode = program
    .command("decode")
    .description("print packets, one line each")
    .argument(
      "[files...]",
      "captures (pcap, pcapng, gzip or zstd compressed, or tcpdump -x text); - is stdin",
    );
  addCommonOptions(decode, "stop after so many packets")
    .option("-v, --verbose", "the layers of each packet below its line")
    .option("-x, --hex", "the bytes of each packet below its line")
    .action(async (files: string[], options: CommonOptions & { verbose?: boolean; hex?: boolean }) => {
      const { decode } = await import("./decode.js");
      status = await decode(files, options);
    });

  const analyze = program
    .command("analyze")
    .description("sum up: flows, ports, datapaths, tunnels")
    .argument(
      "[files...]",
      "captures (pcap, pcapng, gzip or zstd compressed, or tcpdump -x text); - is stdin",
    );
  addCommonOptions(analyze, "stop after so many packets")
    .option(
      "--top <n>",
      "list so many flows (`-n N` for short; default: 20 as text, all as JSON)",
      countArgument,
    )
    .action(async (files: string[], options: CommonOptions & { top?: number }) => {
      const { analyze } = await import("./analyze.js");
      status = await analyze(files, options);
    });

  addSbVerbs(program, (exit) => {
    status = exit;
  });

  try {
    await program.parseAsync(withDefaults(program, args), { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.done : Exit.failed;
    process.stderr.write(`${faultLine(error)}\n`);
    return Exit.failed;
  }
  return status;
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
