import { Command, CommanderError } from "commander";
import { withDefaults } from "./arguments.js";
import { Exit } from "./fault.js";
import { addCommonOptions, type CommonOptions, countArgument } from "./options.js";
import { addSbVerbs } from "./sb-verbs.js";
import { writeError } from "./stderr.js";
import { Stdout } from "./stdout.js";
import { version } from "./version.js";

/** Takes `args` (without node and script) apart, runs the verb they name and returns its exit status. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let status: number = Exit.done;
  const stdout = new Stdout();
  const program = new Command("genevescope")
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
    .option(
      "--workers <n>",
      "threads to read with (default: 2 for captures of 64 MiB and more)",
      countArgument,
    )
    .action(async (files: string[], options: CommonOptions & { top?: number; workers?: number }) => {
      const { analyze } = await import("./analyze.js");
      status = await analyze(files, options);
    });

  addSbVerbs(program, (exit) => {
    status = exit;
  });

  try {
    await program.parseAsync(withDefaults(program, args), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    status = error.exitCode === 0 ? Exit.done : Exit.failed;
  }
  // Help, or the version.
  await stdout.flush();
  return status;
}
