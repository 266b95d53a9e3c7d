import { loadNative } from "../native.js";
import { devicesJson, devicesText } from "../output/devices.js";
import { CliError, Exit } from "./fault.js";
import type { Format } from "./options.js";
import { writeError } from "./stderr.js";
import { print } from "./stdout.js";
import { outputStyle } from "./terminal.js";

/** The verb `devices`: what can be captured from. Returns the exit status. */
export async function devices(options: { output: Format }): Promise<number> {
  const { native, reason, remedy } = loadNative();
  if (native === null) throw new CliError(remedy === null ? reason : `${reason}; ${remedy}`);
  const listed = native.devices();
  await print([options.output === "json" ? devicesJson(listed) : devicesText(listed, outputStyle())]);
  if (native.permission() !== null)
    writeError("genevescope: none of them is permitted to capture from; it takes root or CAP_NET_RAW\n");
  return Exit.done;
}
