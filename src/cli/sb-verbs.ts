import { type Command, Option } from "commander";
import type { SbOptions, SbSourceOptions } from "./sb-open.js";

/** Adds `sb` and its verbs to `program`. `done` gets the exit status of the one that is run. */
export function addSbVerbs(program: Command, done: (status: number) => void): void {
  const sb = program
    .command("sb")
    .description("the southbound database itself: what its keys mean, now and then");

  const show = sb
    .command("show")
    .description("chassis, datapaths and ports as `ovn-sbctl show` prints them, with their keys");
  addTimeOption(addSbOptions(show)).action(async (options: SbOptions) => {
    const { sbShow } = await import("./sb-show.js");
    done(await sbShow(options));
  });

  const resolve = sb
    .command("resolve")
    .usage("[options] VNI [INGRESS EGRESS | WORD] | FLOW | ADDRESS | NAME")
    .description("what keys, an address or a name stand for, and how Open vSwitch writes them")
    .argument(
      "<query...>",
      "VNI INGRESS EGRESS; VNI and the option's word 0x00020001; a flow with metadata=0x8,reg14=0x2,reg15=0x1 or tun_id=0x8,tun_metadata0=0x20001; an outer address; the name of a port, chassis or datapath",
    );
  addTimeOption(addSbOptions(resolve)).action(async (words: string[], options: SbOptions) => {
    const { sbResolve } = await import("./sb-resolve.js");
    done(await sbResolve(words, options));
  });

  const history = sb
    .command("history")
    .usage("[options] PORT | VNI KEY")
    .description("what happened to a port (created, bound, moved, ...), or who had a key when")
    .argument("<subject...>", "the name of a port; or the key of a datapath and that of a port in it");
  addSbOptions(history).action(async (words: string[], options: SbOptions) => {
    const { sbHistory } = await import("./sb-history.js");
    done(await sbHistory(words, options));
  });

  const snapshot = sb
    .command("snapshot")
    .description("write what names things, with its history where known, into one small file for --sb")
    .argument("<file>", "where to; - is standard output");
  addSourceOptions(snapshot).action(async (file: string, options: SbSourceOptions) => {
    const { sbSnapshot } = await import("./sb-write.js");
    done(await sbSnapshot(file, options));
  });
}

function addSourceOptions(command: Command): Command {
  return command
    .option("--sb <source>", "southbound database: a server or a file, as for decode; default $OVN_SB_DB")
    .option("-p, --private-key <file>", "private key for ssl: servers")
    .option("-c, --certificate <file>", "certificate of that key")
    .option("-C, --ca-cert <file>", "certificate of the CA that signed the server's");
}

function addTimeOption(command: Command): Command {
  return command.option(
    "--sb-time <when>",
    "as of `latest` (the default), or of a time such as 2026-11-21T07:20:00Z",
  );
}

function addSbOptions(command: Command): Command {
  return addSourceOptions(command)
    .option("--nb <source>", "northbound database, for more names; as for decode")
    .addOption(
      new Option("--ovs <source>", "a host's Open_vSwitch database, for devices; repeatable").argParser(
        (text: string, previous: string[] | undefined) => [...(previous ?? []), text],
      ),
    )
    .addOption(
      new Option("--names <names>", "ports and networks by which of their names")
        .choices(["logical", "friendly", "both"])
        .default("logical"),
    )
    .addOption(new Option("-o, --output <format>", "how to print").choices(["text", "json"]).default("text"))
    .option("--utc", "times in UTC instead of local time");
}
