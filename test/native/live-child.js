/*
 * A live capture in a process of its own, which may be in another network namespace: live-child.js OPTIONS, as
 * JSON. It goes through openCap where they say so, with a Cap that is "new" or "open". Writes lines of JSON:
 * "open" or the error of opening; then each packet, unless `quiet`; then the end.
 * Reads commands: `stop`, `close`, `state`, and `hold` (asks for no batch) until `go`.
 */
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { openCap, openLive } from "../../dist/capture/index.js";

const { quiet, through, ...options } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function open() {
  if (through === undefined) return openLive(options);
  const [device] = options.devices;
  const { default: cap } = await import("cap");
  const own = new cap.Cap();
  if (through === "new") return openCap(own, { ...options, device });
  const buffer = Buffer.alloc(1600);
  const linkType = own.open(device, options.filter ?? "", options.bufferBytes ?? 8 << 20, buffer);
  return openCap(own, { ...options, device, opened: { linkType, buffer } });
}

async function main() {
  let source;
  try {
    source = await open();
  } catch (error) {
    const { name, code, message, file } = error;
    return say({ event: "error", name, code, message, file });
  }
  let go = Promise.resolve();
  let resume = () => {};
  let packets = 0;
  let batches = 0;
  const state = (event) =>
    say({
      event,
      packets,
      batches,
      counts: source.counts(),
      gaps: source.gaps,
      damage: source.damage,
      interfaces: source.interfaces,
    });
  const commands = createInterface({ input: process.stdin });
  commands.on("line", async (command) => {
    if (command === "stop") source.stop();
    else if (command === "close") await source.close();
    else if (command === "state") state("state");
    else if (command === "hold")
      go = new Promise((resolve) => {
        resume = resolve;
      });
    else if (command === "go") resume();
  });
  say({ event: "open", interfaces: source.interfaces });
  for (let batch = await source.next(); batch !== null; batch = await source.next()) {
    if (batch.firstNumber !== packets + 1) throw new Error("numbers have gaps");
    if (batch.count === 0) throw new Error("an empty batch");
    if (batch.interfaceIndex.subarray(0, batch.count).some((index) => index !== batch.interfaceIndex[0]))
      throw new Error("a batch of several devices");
    packets += batch.count;
    batches++;
    for (let i = 0; i < batch.count && quiet !== true; i++) {
      const at = batch.offset[i];
      const data = batch.bytes.subarray(at, at + batch.capturedBytes[i]);
      if (batch.view.getUint8(at) !== data[0]) throw new Error("view and bytes differ");
      say({
        event: "packet",
        interface: batch.interfaceIndex[i],
        sec: batch.tsSec[i],
        nsec: batch.tsNsec[i],
        captured: batch.capturedBytes[i],
        original: batch.originalBytes[i],
        hash: createHash("sha256").update(data).digest("hex"),
      });
    }
    await go;
  }
  state("end");
  await source.close();
  commands.close();
}

await main();
