import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { Exit, faultLine } from "./fault.js";
import { addCommonOptions, type CommonOptions, countArgument } from "./options.js";

const verbs = new Set(["decode", "analyze", "help"]);

/** Runs the program with `args` (without node and script) and returns its exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let status: number = Exit.done;
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

  try {
    await program.parseAsync(withDefaults(args), { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.done : Exit.failed;
    process.stderr.write(`${faultLine(error)}\n`);
    return Exit.failed;
  }
  return status;
}

/**
 * Adds the verb where only files are given, and tells analyze's two meanings of `-n` apart: before a number
 * it limits the list, else it turns names off.
 */
function withDefaults(args: readonly string[]): string[] {
  const words = [...args];
  const first = words.find((word) => !word.startsWith("-") || word === "-");
  const asked = words.some((word) => ["-h", "--help", "-V", "--version"].includes(word));
  if ((first === undefined || !verbs.has(first)) && !asked) words.unshift("analyze");
  if (words[0] === "analyze")
    for (let index = 1; index < words.length - 1; index++)
      if (words[index] === "-n" && /^\d+$/.test(words[index + 1])) words[index] = "--top";
  return words;
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
