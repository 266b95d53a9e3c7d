/*
 * The npm package cap, which is libpcap with a callback a packet, and what it takes not to die of it. What is
 * said of it here is so in its version 0.2.1.
 */
import { loadNative, type NativeFault, withTools } from "../native.js";

/** What is used of a Cap; the package has no types of its own. */
export interface CapObject {
  /**
   * Opens a device, and returns what cap calls its link type. Each packet is copied to the start of `buffer`,
   * which cap does not hold, and announced by the event `packet`.
   */
  open(device: string, filter: string, bufferBytes: number, buffer: Buffer): string;
  close(): unknown;
  /** The listener is told how many bytes of the packet are in the buffer. */
  on(event: "packet", listener: (bytes: number, isCut: boolean) => void): unknown;
  removeListener(event: "packet", listener: (bytes: number, isCut: boolean) => void): unknown;
}

/** Bytes that cap keeps of a packet at most. */
export const CAP_SNAP_BYTES = 65_535;

/** LINKTYPE_ numbers of the names that cap has for link types. */
const LINK_TYPES: Readonly<Record<string, number>> = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LINKTYPE_LINUX_SLL: 113,
  IEEE802_11_RADIO: 127,
};
/** Where libpcap's own numbers, which cap gives where it has no name, begin to be LINKTYPE_ numbers. */
const FIRST_COMMON_LINK_TYPE = 104;

/** The class Cap, or why there is none and what to do. */
export type LoadedCap =
  | { Cap: new () => CapObject; reason: null; remedy: null }
  | { Cap: null; reason: string; remedy: string };

/** Loads the package. */
export async function loadCap(): Promise<LoadedCap> {
  // By a variable, for the package has no types to resolve.
  const name: string = "cap";
  try {
    const { default: cap } = await import(name);
    return { Cap: cap.Cap, reason: null, remedy: null };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_MODULE_NOT_FOUND")
      return { Cap: null, reason: "the package cap is not installed", remedy: withTools("npm install cap") };
    const said = message.includes("different Node") ? "built for another Node" : message.split("\n")[0];
    const reason = `the package cap does not load: ${said}`;
    return { Cap: null, reason, remedy: withTools("npm rebuild cap") };
  }
}

/**
 * Every Cap that was opened, or was tried to be, and its buffer while it is open. They are never let go: the
 * destructor of a Cap that is closed frees a handle that is still in the list of the event loop, and that of one
 * which could not be opened ends the process.
 */
const kept = new Map<CapObject, Buffer | null>();

/** Keeps a Cap that is to be opened, or is open; once, for cap aborts where it is opened again. */
function keep(cap: CapObject, buffer: Buffer): void {
  if (kept.has(cap)) throw faultOf("failed", "this Cap was opened before; make another");
  kept.set(cap, buffer);
}

/** A Cap that is open. */
export interface OpenCap {
  /** LINKTYPE_ number. */
  readonly linkType: number;
  /** Where each packet is. */
  readonly buffer: Buffer;
}

/** Opens a Cap, once it is known that the device is there and up. Throws a {@link NativeFault}. */
export function openCapObject(
  cap: CapObject,
  { device, filter, bufferBytes }: { device: string; filter: string; bufferBytes: number },
): OpenCap {
  checkDevice(device);
  const buffer = Buffer.allocUnsafeSlow(CAP_SNAP_BYTES);
  keep(cap, buffer);
  let name: string;
  try {
    name = cap.open(device, filter, bufferBytes, buffer);
  } catch (error) {
    const { message } = error as Error;
    const Cap = cap.constructor as new () => CapObject;
    throw faultOf(faultIn(message) ?? (opens(new Cap(), device) ? "filter" : "failed"), message);
  }
  return { linkType: linkTypeOf(cap, name), buffer };
}

/** Takes a Cap over that is open: `linkType` is what `open` returned. Throws a {@link NativeFault}. */
export function takeCapObject(cap: CapObject, opened: { linkType: string; buffer: Buffer }): OpenCap {
  keep(cap, opened.buffer);
  return { linkType: linkTypeOf(cap, opened.linkType), buffer: opened.buffer };
}

/** The LINKTYPE_ number; a Cap of which it is not known is closed. */
function linkTypeOf(cap: CapObject, linkTypeName: string): number {
  const number = Number(/^Unknown linktype (\d+)$/.exec(linkTypeName)?.[1]);
  const linkType = LINK_TYPES[linkTypeName] ?? (number >= FIRST_COMMON_LINK_TYPE ? number : null);
  if (linkType !== null) return linkType;
  closeCapObject(cap);
  throw faultOf("failed", `cap says of its link type: ${linkTypeName}`);
}

/** Closes a Cap that is open; not to be called by its listener. */
export function closeCapObject(cap: CapObject): void {
  cap.close();
  kept.set(cap, null);
}

/** Whether a device can be opened without a filter. */
function opens(probe: CapObject, device: string): boolean {
  const buffer = Buffer.allocUnsafeSlow(1);
  keep(probe, buffer);
  try {
    probe.open(device, "", 65_536, buffer);
  } catch {
    return false;
  }
  closeCapObject(probe);
  return true;
}

/** What libpcap means, whose words are all that cap hands on. */
function faultIn(message: string): NativeFault["fault"] | null {
  if (/no such device/i.test(message)) return "gone";
  if (/not up|network is down/i.test(message)) return "down";
  if (/CAP_NET_RAW|permi/i.test(message)) return "permission";
  return null;
}

export function faultOf(fault: NativeFault["fault"], message: string): NativeFault {
  return Object.assign(new Error(message), { fault });
}

/** Throws a {@link NativeFault} where a device is known not to be there, or not to be up. */
export function checkDevice(device: string): void {
  const state = deviceState(device);
  if (state === "gone" || state === "down") throw faultOf(state, `the device is ${state}`);
}

/** How a device is, as far as our own addon is there to say. */
export function deviceState(device: string): "gone" | "down" | "up" | null {
  const { native } = loadNative();
  if (native === null) return null;
  const listed = native.devices().find(({ name }) => name === device);
  if (listed === undefined) return "gone";
  return listed.up ? "up" : "down";
}
