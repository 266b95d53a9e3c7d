import { CaptureError } from "../capture/index.js";
import { type LiveSource, openLive } from "../capture/live.js";
import type { TunnelPorts } from "../frame/other-tunnels.js";
import { shown } from "../text.js";
import { type BareDevices, bareDevices, checkBare, devicesForKeys } from "./bare-devices.js";
import { LiveBareStage } from "./bare-stage.js";
import { CliError } from "./fault.js";
import { filtersOf } from "./filter-values.js";
import { HostSwitches } from "./host-switches.js";
import { type DeviceLines, type LineOptions, openLines } from "./lines.js";
import type { ListenAddress } from "./listen-argument.js";
import { type LiveSink, Quiet } from "./live-sink.js";
import type { MetricsExporter } from "./metrics.js";
import { becomeUser } from "./privileges.js";
import { SourceReader } from "./read.js";
import { begin, type Run } from "./run.js";
import { type SaveOptions, Saver } from "./saver.js";
import type { SumOptions } from "./show-sums.js";
import { Summaries } from "./summaries.js";
import { hasScreen, isTerminal } from "./terminal.js";
import { underlayDevices } from "./underlay.js";
import { version } from "./version.js";
import { Watch } from "./watch.js";
import { checkAnnotated, formatOf } from "./written-file.js";

export type LiveOptions = LineOptions &
  SaveOptions &
  Omit<SumOptions, "top"> & {
    /** Devices; without, those that carry this host's tunnels. */
    interface?: string[];
    /** A filter of pcap-filter(7) in the place of the usual one. */
    bpf?: string;
    snapLength?: number;
    /** Of the kernel's ring, in KiB. */
    bufferSize?: number;
    promiscuous?: boolean;
    immediate?: boolean;
    backend?: "native" | "cap";
    /** Milliseconds after which it ends; between two summaries, which take the place of lines. */
    duration?: number;
    summary?: number;
    /** Flows listed in sums. */
    flows?: number;
    /** A screen of what there is just now. */
    top?: boolean;
    /** The user to become once the devices are open. */
    relinquishPrivileges?: string;
    /** Devices carry tunnels, whatever their names say. */
    underlay?: boolean;
    /** Keys of frames without tunnels are looked for on the underlay and in the datapath. */
    tunnelKeys?: boolean;
    /** No lines. */
    quiet?: boolean;
    /** That no packet comes is no fault. */
    mayBeEmpty?: boolean;
    /** Where metrics are served. */
    metrics?: ListenAddress;
  };

const MOST_DELAY_MS = 500;
/** How long, once it is to end, a pipe is waited for that takes none of what is left, in milliseconds. */
const PATIENCE_MS = 2000;

/** The verb `live`: shows packets of devices as they come. Returns the exit status. */
export async function live(options: LiveOptions): Promise<number> {
  check(options);
  return begin(true, options, filtersOf(options), async (begun) => {
    const switches = new HostSwitches(begun.naming, options);
    const given = options.interface ?? (await underlayDevices(switches));
    const bare = options.underlay === true ? new Map() : await bareDevices(given, switches);
    checkBare(bare, options);
    const underlay =
      options.tunnelKeys === true ? await devicesForKeys(given, bare, switches, begun.report) : [];
    return capture(begun, [...new Set([...given, ...underlay])], bare, options);
  });
}

async function capture(
  run: Run,
  devices: readonly string[],
  bare: BareDevices,
  options: LiveOptions,
): Promise<boolean> {
  const { decoder, report } = run;
  // What is captured for keys is not shown: there only tunnels count, whatever is asked for.
  const usual = options.tunnelKeys === true || (options.bpf === undefined && options.all !== true);
  const open = (filter: string): Promise<LiveSource> =>
    openLive({
      devices,
      filter: (device) => (bare.has(device) ? (options.bpf ?? "") : filter),
      ...(options.snapLength !== undefined && { snapBytes: options.snapLength }),
      ...(options.bufferSize !== undefined && { bufferBytes: options.bufferSize * 1024 }),
      promiscuous: options.promiscuous === true,
      immediate: options.immediate === true,
      backend: options.backend ?? "native",
      // Frames without tunnels are looked for elsewhere at the same time.
      ...(bare.size === 0 && delayOf(options)),
    });
  const source = await (usual ? openUsual(open, decoder.ports) : open(options.bpf ?? ""));
  let metrics: MetricsExporter | null = null;
  let sink: LiveSink | null = null;
  let stage: LiveBareStage | null = null;
  const watch = new Watch(source, report, options.relinquishPrivileges === undefined);
  const stop = (): void => {
    source.stop();
    run.stdout.patience.limit(PATIENCE_MS);
  };
  // Asked for, Node keeps a pipe from blocking: a signal need not wait for who reads it.
  void process.stdout.isTTY;
  const signals = ["SIGINT", "SIGTERM"] as const;
  // Once: a second Control-C ends it whatever it is at.
  for (const signal of signals) process.once(signal, stop);
  const ending = options.duration === undefined ? null : setTimeout(stop, options.duration);
  try {
    if (options.relinquishPrivileges !== undefined) {
      // That user need not be able to read what is loaded when it is needed.
      await loadViews(options);
      // Files belong to the user that the process becomes.
      becomeUser(options.relinquishPrivileges);
    }
    metrics = await openMetrics(run, options, source);
    stage = bare.size === 0 ? null : new LiveBareStage(run, source, bare, options.tunnelKeys === true);
    const shownDevices = options.tunnelKeys === true ? bare.size : devices.length;
    const lines = { bare: stage?.keys ?? null, devices: shownDevices > 1 };
    sink = await openSink(run, options, source, lines);
    const { selection, keysOnly } = sink;
    const plan = { decoder, selection, keysOnly, progress: false, bare: stage };
    const reader = new SourceReader(plan, metrics?.beside(sink) ?? sink);
    await report(`listening on ${listOf(source)}; Control-C ends it`);
    if (metrics !== null) await report(`metrics at ${metrics.url}`);
    await stage?.reportBegin();
    let stopped: boolean;
    try {
      stopped = await reader.read(stage?.source ?? source);
      await sink.end();
      await stage?.reportEnd();
    } finally {
      // Whatever became of the packets, it is said how many there were.
      await watch.end();
    }
    const { damage } = source;
    if (damage !== null) {
      await report(`${damage.reason}; the capture has ended`);
      return false;
    }
    // What serves metrics may have a quiet hour.
    const mayBeEmpty = options.mayBeEmpty === true || metrics !== null;
    if (stopped || run.stdout.closed || reader.packets > 0 || mayBeEmpty) return true;
    await report("no packets; nothing captured");
    return false;
  } finally {
    for (const signal of signals) process.removeListener(signal, stop);
    if (ending !== null) clearTimeout(ending);
    sink?.stop();
    watch.stop();
    metrics?.close();
    await (stage ?? source).close();
  }
}

/** The devices of a source, each once. */
function listOf(source: LiveSource): string {
  return source
    .counts()
    .map(({ device }) => shown(device))
    .join(", ");
}

/** Throws a {@link CliError} where flags do not go together. */
function check(options: LiveOptions): void {
  const { write, annotate, summary, quiet, top, fileSize, rotate, fileCount } = options;
  if (write === undefined && [fileSize, rotate, fileCount].some((flag) => flag !== undefined))
    throw new CliError("--file-size, --rotate and --file-count are about files; give one with -w");
  if (annotate === true) {
    if (write === undefined) throw new CliError("--annotate is about a capture; give one with -w");
    checkAnnotated(formatOf(write));
  }
  if ([write, summary, quiet, top].filter((flag) => flag !== undefined).length > 1)
    throw new CliError("-w, --summary, --top and -q take the place of lines; give one of them");
  if (write === "-" && isTerminal(1))
    throw new CliError("-w - is a capture, which is not for a terminal; redirect standard output");
  if (top === true && !hasScreen())
    throw new CliError(
      "--top needs a terminal, for the keys as well as for the screen, and not a dumb one; --summary 10s does without",
    );
  if (fileCount !== undefined && fileSize === undefined && rotate === undefined)
    throw new CliError("--file-count needs --file-size or --rotate: when the next file begins");
  if (options.backend === "cap" && options.relinquishPrivileges !== undefined)
    throw new CliError(
      "-Z is not for --backend cap, which captures in processes of its own; give CAP_NET_RAW alone with setpriv",
    );
}

async function openSink(
  run: Run,
  options: LiveOptions,
  source: LiveSource,
  lines: DeviceLines,
): Promise<LiveSink> {
  const sums = { ...options, top: options.flows };
  if (options.write !== undefined) return Saver.open(run, options, options.write, source, lines.bare);
  if (options.quiet === true) return new Quiet(run, options);
  if (options.summary !== undefined) return new Summaries(run, sums, options.summary, source);
  if (options.top === true) {
    const { Top } = await import("./top.js");
    return new Top(run, sums, source);
  }
  return openLines(run, options, lines);
}

/** Loads whatever shows packets as `options` say, now and at the end. */
async function loadViews({ output, summary, top, metrics, annotate }: LiveOptions): Promise<void> {
  const isJson = output === "json";
  version();
  if (summary !== undefined || top === true)
    await (isJson ? import("../output/analyze-json.js") : import("../output/analyze-text.js"));
  else await (isJson ? import("../output/decode-json.js") : import("../output/decode-text.js"));
  if (metrics !== undefined) await import("./metrics.js");
  if (annotate === true) await import("./annotator.js");
  if (top === true) await import("./top.js");
}

async function openMetrics(
  run: Run,
  options: LiveOptions,
  source: LiveSource,
): Promise<MetricsExporter | null> {
  if (options.metrics === undefined) return null;
  const { MetricsExporter } = await import("./metrics.js");
  return MetricsExporter.open(run, options.names || "logical", options.metrics, source);
}

/** How long packets may be collected that nobody is shown one by one, milliseconds: waking up for them is dear. */
function delayOf({ summary, quiet }: LiveOptions): { delayMs?: number } {
  if (quiet === true) return { delayMs: MOST_DELAY_MS };
  return summary === undefined ? {} : { delayMs: Math.ceil(Math.min(MOST_DELAY_MS, summary / 10)) };
}

/** Opens devices for tunnels to `ports`. */
async function openUsual(
  open: (filter: string) => Promise<LiveSource>,
  ports: TunnelPorts,
): Promise<LiveSource> {
  const untagged = tunnels(ports);
  try {
    // What stands behind `vlan` is looked for behind a tag.
    return await open(`${untagged} or (vlan and (${untagged}))`);
  } catch (error) {
    if (!(error instanceof CaptureError) || error.code !== "ERR_CAPTURE_FILTER") throw error;
    // Some kinds of devices, `any` among them, know no `vlan`: the kernel has taken the tag off before.
    return open(untagged);
  }
}

/** A filter that lets tunnels to `ports` pass, and the later fragments of theirs, which have no port. */
function tunnels({ geneve, vxlan, stt }: TunnelPorts): string {
  const udp = [...geneve, ...vxlan].map((port) => `udp dst port ${port}`);
  const tcp = [...stt].map((port) => `tcp dst port ${port}`);
  return `${[...udp, ...tcp].join(" or ")} or (ip[6:2] & 0x1fff != 0) or (ip6 proto 44)`;
}
