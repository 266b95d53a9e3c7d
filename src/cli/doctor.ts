import * as zlib from "node:zlib";
import { loadCap } from "../capture/cap-package.js";
import { loadNative } from "../native.js";
import { doctorJson, doctorText, type Part } from "../output/doctor.js";
import { extcapPlace, extcapRemedy } from "./extcap-place.js";
import { Exit } from "./fault.js";
import type { Format } from "./options.js";
import { print } from "./stdout.js";
import { outputStyle } from "./terminal.js";
import { version } from "./version.js";

/** The verb `doctor`: which parts work here and, where not, what to do. Returns the exit status. */
export async function doctor(options: { output: Format }): Promise<number> {
  const diagnosis = {
    version: version(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    parts: [zstd(), wireshark(), await capPackage(), liveCapture()],
  };
  await print([options.output === "json" ? doctorJson(diagnosis) : doctorText(diagnosis, outputStyle())]);
  return Exit.done;
}

/** Everything else that reads files needs nothing but Node. */
function zstd(): Part {
  const isOwn = "createZstdDecompress" in zlib;
  const detail = isOwn ? "by Node" : "by fzstd, slower than Node 22.15 and later";
  return { part: "zstd", state: "ok", detail, remedy: null };
}

function wireshark(): Part {
  const part = "capture in Wireshark";
  const place = extcapPlace();
  if (place !== null) return { part, state: "ok", detail: `by ${place}`, remedy: null };
  return { part, state: "unused", detail: "Wireshark does not find genevescope", remedy: extcapRemedy() };
}

async function capPackage(): Promise<Part> {
  const part = "live --backend cap";
  const { Cap, reason, remedy } = await loadCap();
  if (Cap === null) return { part, state: "missing", detail: reason, remedy };
  return { part, state: "ok", detail: "by the package cap", remedy: null };
}

function liveCapture(): Part {
  const part = "live capture";
  const { native, reason, remedy } = loadNative();
  if (native === null) return { part, state: "missing", detail: reason, remedy };
  const detail = `by ${native.libraryVersion}`;
  if (native.permission() === null) return { part, state: "ok", detail, remedy: null };
  return { part, state: "forbidden", detail: `${detail}, but not permitted`, remedy: "root or CAP_NET_RAW" };
}
