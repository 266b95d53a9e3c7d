/* What is to be installed, in the words of this system's package manager. */
import { readFileSync } from "node:fs";

/** Each thing that can be missing, as it is called where the package manager is not known. */
const THINGS = {
  compiler: "a C++ compiler",
  make: "make",
  python: "Python 3",
  libpcap: "libpcap",
  "libpcap-headers": "libpcap's headers",
} as const;

export type Thing = keyof typeof THINGS;

type Manager = { readonly install: string } & Readonly<Record<Thing, string>>;

const apt: Manager = {
  install: "apt-get install",
  compiler: "g++",
  make: "make",
  python: "python3",
  libpcap: "libpcap0.8",
  "libpcap-headers": "libpcap-dev",
};
const dnf: Manager = {
  install: "dnf install",
  compiler: "gcc-c++",
  make: "make",
  python: "python3",
  libpcap: "libpcap",
  "libpcap-headers": "libpcap-devel",
};
const zypper: Manager = { ...dnf, install: "zypper install", libpcap: "libpcap1" };
const apk: Manager = { ...apt, install: "apk add", libpcap: "libpcap" };
const pacman: Manager = {
  install: "pacman -S",
  compiler: "gcc",
  make: "make",
  python: "python",
  libpcap: "libpcap",
  "libpcap-headers": "libpcap",
};

/** By `ID` and `ID_LIKE` of os-release(5). */
const MANAGERS = new Map<string, Manager>([
  ["debian", apt],
  ["ubuntu", apt],
  ["fedora", dnf],
  ["rhel", dnf],
  ["centos", dnf],
  ["suse", zypper],
  ["opensuse", zypper],
  ["alpine", apk],
  ["arch", pacman],
]);

/** How to install `things`, one at least, on the system that `release`, an os-release(5), tells of. */
export function installation(things: readonly Thing[], release = osRelease()): string {
  const found = idsOf(release).find((id) => MANAGERS.has(id));
  const manager = found === undefined ? undefined : MANAGERS.get(found);
  if (manager === undefined) return `install ${things.map((thing) => THINGS[thing]).join(", ")}`;
  return `${manager.install} ${[...new Set(things.map((thing) => manager[thing]))].join(" ")}`;
}

/** The names of the system, its own first, then those of what it is like. */
function idsOf(release: string): string[] {
  return ["ID", "ID_LIKE"].flatMap((key) => {
    const value = new RegExp(`^${key}=(.*)$`, "m").exec(release)?.[1] ?? "";
    return value.replace(/["']/g, "").split(" ");
  });
}

function osRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}
