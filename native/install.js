#!/usr/bin/env node
/*
 * Builds the addon where that can be done. Where it cannot, the installation goes on without: nothing but live
 * capture and sending needs it. npm runs this on installing; by hand it does the same.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (line) => process.stderr.write(`genevescope: ${line}\n`);

/** Whether there is an addon, built here or prebuilt, that loads and is not older than its sources. */
function isThere() {
  try {
    const find = createRequire(import.meta.url)("node-gyp-build");
    const file = find.path(root);
    find(root);
    // Packages have no src: nobody changes their sources, and the dates of their files mean nothing.
    if (!existsSync(join(root, "src"))) return true;
    const sources = readdirSync(join(root, "native")).map((name) => join("native", name));
    const built = statSync(file).mtimeMs;
    return ["binding.gyp", ...sources].every((name) => statSync(join(root, name)).mtimeMs <= built);
  } catch {
    return false;
  }
}

/** The script node-gyp: the one of the npm that runs this, else that of an npm in PATH or beside Node; or null. */
function findGyp() {
  const own = process.env.npm_config_node_gyp;
  if (own !== undefined) return own;
  const places = (process.env.PATH ?? "").split(delimiter).filter((place) => place !== "");
  const programs = ["node-gyp", "npm"].flatMap((name) => places.map((place) => join(place, name)));
  programs.push(join(dirname(process.execPath), "npm"));
  for (const program of programs) {
    try {
      // Both are links into their packages; npm has one of node-gyp within.
      return createRequire(realpathSync(program)).resolve("node-gyp/bin/node-gyp.js");
    } catch {
      // Look further.
    }
  }
  return null;
}

/** Builds from the beginning. Returns null, or what was said on failing. */
function build() {
  const gyp = findGyp();
  if (gyp === null) return "there is no node-gyp, which comes with npm\n";
  // Headers that came with this Node need not be fetched.
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, "include/node/node_api.h")) ? [`--nodedir=${prefix}`] : [];
  const { status, error, stdout, stderr } = spawnSync(process.execPath, [gyp, "rebuild", ...headers], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return status === 0 ? null : `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}\n`;
}

/** Keeps what was said; returns where. */
function log(failure) {
  const file = join(root, "build", "install.log");
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, failure ?? "it is built, but does not load\n");
    return file;
  } catch (error) {
    // The directory is somebody else's, so that nothing could be built in it.
    return error.message;
  }
}

function main() {
  if (process.platform !== "linux") return say("captures from devices on Linux only; all else works");
  if (isThere()) return;
  const failure = build();
  if (failure === null && isThere()) return;
  say(
    `live capture is left out, all else works; \`genevescope doctor\` says what it takes, ${log(failure)} why`,
  );
}

main();
