#!/usr/bin/env node
/*
 * Builds the addon where that can be done. Where it cannot, the installation goes on without: nothing but live
 * capture needs it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (line) => process.stderr.write(`genevescope: ${line}\n`);

/** Whether there is a prebuilt addon that works here. */
function isPrebuilt() {
  if (!existsSync(join(root, "prebuilds"))) return false;
  try {
    createRequire(import.meta.url)("node-gyp-build")(root);
    return true;
  } catch {
    return false;
  }
}

/** Runs node-gyp, npm's own where npm runs this. Returns null, or what it said on failing. */
function gyp(verb) {
  const own = process.env.npm_config_node_gyp;
  const [program, ...script] = own === undefined ? ["node-gyp"] : [process.execPath, own];
  // Headers that came with this Node need not be fetched.
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, "include/node/node_api.h")) ? [`--nodedir=${prefix}`] : [];
  const { status, error, stdout, stderr } = spawnSync(program, [...script, verb, ...headers], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return status === 0 ? null : `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}\n`;
}

function main() {
  if (process.platform !== "linux") return say("captures from devices on Linux only; all else works");
  if (isPrebuilt()) return;
  // What an earlier build left may be for another Node.
  const isConfigured = existsSync(join(root, "build/Makefile"));
  if (isConfigured && gyp("build") === null) return;
  const failure = gyp("rebuild");
  if (failure === null) return;
  say("live capture is left out, all else works; for it: apt-get install g++ make python3 libpcap-dev");
  const log = join(root, "build", "install.log");
  mkdirSync(dirname(log), { recursive: true });
  writeFileSync(log, failure);
}

main();
