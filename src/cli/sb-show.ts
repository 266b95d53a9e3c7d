import { sbPicture } from "../output/sb-show.js";
import { Exit } from "./fault.js";
import { openSb, type SbOptions } from "./sb-open.js";
import { print } from "./stdout.js";
import { outputStyle } from "./terminal.js";

/** The verb `sb show`: prints the inventory. Returns the exit status. */
export async function sbShow(options: SbOptions): Promise<number> {
  const { inventory, names, at, sound } = await openSb(options);
  const picture = sbPicture(inventory, names, at);
  // What was then is unknown, which is not the same as empty.
  const isKnown = at >= inventory.historyStart;
  if (options.output === "json") {
    const { sbShowJson } = await import("../output/sb-show-json.js");
    await print(sbShowJson(picture));
  } else if (isKnown) {
    const { sbShowText } = await import("../output/sb-show-text.js");
    await print(sbShowText(picture, { utc: options.utc === true, style: outputStyle() }));
  }
  return isKnown && sound ? Exit.done : Exit.failed;
}
