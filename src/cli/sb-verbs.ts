import type { Command } from "commander";
import { addNameOptions, addOutputOptions, addSourceOptions, type SourceOptions } from "./options.js";
import type { SbOptions } from "./sb-open.js";
import type { SbResolveOptions } from "./sb-resolve.js";

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
  resolve.option("--vxlan", "VNI is that of VXLAN between hypervisors, which has two keys in it");
  addTimeOption(addSbOptions(resolve)).action(async (words: string[], options: SbResolveOptions) => {
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
  addSbSource(snapshot).action(async (file: string, options: SourceOptions) => {
    const { sbSnapshot } = await import("./sb-snapshot.js");
    done(await sbSnapshot(file, options));
  });
}

function addTimeOption(command: Command): Command {
  return command.option(
    "--sb-time <when>",
    "as of `latest` (the default), or of a time such as 2026-11-21T07:20:00Z",
  );
}

function addSbOptions(command: Command): Command {
  return addOutputOptions(addNameOptions(addSbSource(command)));
}

function addSbSource(command: Command): Command {
  return addSourceOptions(command, "-c, --certificate");
}
