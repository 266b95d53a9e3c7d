import { colourStyle, plainStyle, type Style } from "../output/table.js";

/** Colour on a terminal only, and not where NO_COLOR is set (https://no-color.org) or it is a dumb one. */
export function styleFor(stream: { isTTY?: boolean }): Style {
  const wanted = stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb";
  return wanted ? colourStyle : plainStyle;
}
