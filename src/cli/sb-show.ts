import { sbPicture } from "../output/sb-show.js";
import { Exit } from "./fault.js";
import { openSb, print, type SbOptions } from "./sb-open.js";
import { styleFor } from "./style.js";

/** The verb `sb show`: prints the inventory. Returns the exit status. */
export async function sbShow(options: SbOptions): Promise<number> {
  const { inventory, names, at, sound } = await openSb(options);
  const picture = sbPicture(inventory, names, at);
  if (options.output === "json") {
    const { sbShowJson } = await import("../output/sb-show-json.js");
    await print(sbShowJson(picture));
  } else {
    const { sbShowText } = await import("../output/sb-show-text.js");
    await print(sbShowText(picture, { utc: options.utc === true, style: styleFor(process.stdout) }));
  }
  return sound ? Exit.done : Exit.failed;
}
