/* Where Wireshark looks for programs that capture for it, and whether this one is there. */
import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Under each of the places for programs and libraries. */
const EXTCAP = "wireshark/extcap";
/** A user's own, of Wireshark 4.1 and later. */
const PERSONAL = join(".local/lib", EXTCAP);
const SYSTEM = ["/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/local/lib"];
/** Bytes at the beginning of a script within which it names what it starts. */
const SCRIPT_BYTES = 4096;

/** Where Wireshark finds this program; null where it does not. */
export function extcapPlace(): string | null {
  const own = ownPath();
  for (const directory of places())
    for (const name of listed(directory)) {
      const path = join(directory, name);
      if (isOwn(path, own)) return path;
    }
  return null;
}

/** What makes Wireshark find it. */
export function extcapRemedy(): string {
  const own = ownPath();
  const link = `mkdir -p ~/${PERSONAL} && ln -s ${own} ~/${PERSONAL}/genevescope`;
  return `${isExecutable(own) ? "" : `chmod +x ${own} && `}${link} (before Wireshark 4.1: ~/.config/${EXTCAP})`;
}

function ownPath(): string {
  return realpathSync(process.argv[1]);
}

function places(): string[] {
  const home = homedir();
  // Libraries of several processors are apart.
  const system = SYSTEM.flatMap((at) => [at, ...listed(at).map((name) => join(at, name))]);
  return [
    join(home, PERSONAL),
    join(process.env.XDG_CONFIG_HOME || join(home, ".config"), EXTCAP),
    ...system.map((at) => join(at, EXTCAP)),
  ];
}

/** The names in a directory; none where there is no such. */
function listed(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Or it leads nowhere.
    return false;
  }
}

/** Whether what is there is this program, or a script that starts one of this name. */
function isOwn(path: string, own: string): boolean {
  if (!isExecutable(path)) return false;
  try {
    if (realpathSync(path) === own) return true;
    if (!statSync(path).isFile()) return false;
    const text = beginning(path);
    return text.startsWith("#!") && text.includes("genevescope");
  } catch {
    // It has gone, or is not this user's to read.
    return false;
  }
}

function beginning(path: string): string {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(SCRIPT_BYTES);
    return bytes.toString("latin1", 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}
