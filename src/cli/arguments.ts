/*
 * What is allowed on the command line beyond what commander reads: the verb anywhere among the flags, none at
 * all, short flags with two meanings, and a flag about the flag behind it.
 */
import type { Command, Option } from "commander";
import { joinNots } from "./filter-options.js";

/** Verbs that take packets, where `-c` and `-n` have two meanings. */
const READERS = new Set(["decode", "analyze", "live", "convert"]);

/** What `-n` and a number mean where flows are listed. */
const LIST_FLAGS: ReadonlyMap<string, string> = new Map([
  ["analyze", "--top"],
  ["live", "--flows"],
]);

/**
 * `args` as commander wants them for `program`: the verb first, then its own verb where it has some, `analyze`
 * where only files are given, and the long names of flags whose short ones mean two things.
 */
export function withDefaults(program: Command, args: readonly string[]): string[] {
  const words = [...args];
  const first = firstWord(words, valueFlags(program));
  const asked = words.slice(0, first).some((word) => ["-h", "--help", "-V", "--version"].includes(word));
  const verb = program.commands.find((command) => command.name() === words[first]);
  if (verb !== undefined || words[first] === "help") words.unshift(...words.splice(first, 1));
  else if (!asked) words.unshift("analyze");
  if (verb !== undefined && verb.commands.length > 0) nested(verb, words);
  if (READERS.has(words[0])) {
    joinNots(words);
    tellApart(words);
  }
  return words;
}

/** Puts the verb's own verb behind it; without one, asks for help. */
function nested(verb: Command, words: string[]): void {
  const rest = words.splice(1);
  const second = firstWord(rest, valueFlags(verb));
  if (second < rest.length) words.push(...rest.splice(second, 1), ...rest);
  else words.push("--help");
}

/** The index of the first word that is neither a flag nor a flag's value. */
function firstWord(words: readonly string[], withValue: ReadonlySet<string>): number {
  let index = 0;
  while (index < words.length && /^-./.test(words[index]) && words[index] !== "--")
    index += withValue.has(words[index]) ? 2 : 1;
  return index;
}

/** The flags of `command` and its verbs that take the next word as their value. */
function valueFlags(command: Command): Set<string> {
  const flags = new Set<string>();
  const add = (option: Option): void => {
    for (const flag of [option.short, option.long])
      if (option.required && flag !== undefined) flags.add(flag);
  };
  const walk = (each: Command): void => {
    each.options.forEach(add);
    each.commands.forEach(walk);
  };
  walk(command);
  return flags;
}

/**
 * `-n 5` limits a list of flows, `-n` turns names off; `-c 5` is a count, `-c FILE` a certificate, as ovn-sbctl
 * takes it, where servers are spoken to by TLS: elsewhere it is a mistaken count.
 */
function tellApart(words: string[]): void {
  const tls = usesTls(words);
  for (let index = 1; index < words.length && words[index] !== "--"; index++) {
    const [, flag, value] = /^-([cn])(.*)$/.exec(words[index]) ?? [];
    if (flag === undefined) continue;
    const isNumber = /^\d+$/.test(value === "" ? (words[index + 1] ?? "") : value);
    const list = flag === "n" && isNumber ? LIST_FLAGS.get(words[0]) : undefined;
    const long = list ?? (flag === "c" && !isNumber && tls ? "--certificate" : null);
    if (long !== null) words.splice(index, 1, ...(value === "" ? [long] : [long, value]));
  }
}

function usesTls(words: readonly string[]): boolean {
  const flags = /^(-p|-C|--private-key|--ca-cert)/;
  const server = /(^|[,=])\s*ssl:/;
  return (
    words.some((word) => flags.test(word) || server.test(word)) || server.test(process.env.OVN_SB_DB ?? "")
  );
}
