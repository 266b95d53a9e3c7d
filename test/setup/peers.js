#!/usr/bin/env node
/*
 * Sees to it, before the tests, that the programs they are judged by are there: what is missing is installed
 * with apt-get where that needs no password. Where it cannot be, it says so and ends well: the suites that
 * need it are then reported as skipped, by name (as failed where CI=true, see peer.ts).
 *
 * GENEVESCOPE_NO_INSTALL=1 forbids to install anything.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Debian's package for each file or command the tests start. */
const NEEDS = {
  cc: "gcc",
  "g++": "g++",
  make: "make",
  python3: "python3",
  "/usr/include/pcap/pcap.h": "libpcap-dev",
  "/usr/include/stdio.h": "libc6-dev",
  "/usr/lib/python3/dist-packages/scapy/contrib/geneve.py": "python3-scapy",
  tshark: "tshark",
  "lua5.1": "lua5.1",
  "lua5.4": "lua5.4",
  tcpdump: "tcpdump",
  zstd: "zstd",
  "ovsdb-server": "openvswitch-switch",
  "ovs-vswitchd": "openvswitch-switch",
  "ovs-vsctl": "openvswitch-switch",
  "ovsdb-tool": "openvswitch-common",
  "ovsdb-client": "openvswitch-common",
  "ovs-appctl": "openvswitch-common",
  "ovn-northd": "ovn-central",
  "ovn-controller": "ovn-host",
  "ovn-nbctl": "ovn-common",
  "ovn-sbctl": "ovn-common",
  "ovn-trace": "ovn-common",
  "/usr/share/ovn/ovn-sb.ovsschema": "ovn-common",
  ip: "iproute2",
  setpriv: "util-linux",
  sysctl: "procps",
  ethtool: "ethtool",
  ping: "iputils-ping",
  arping: "iputils-arping",
  iperf3: "iperf3",
};

const POLICY = "/usr/sbin/policy-rc.d";
const MARK = "# genevescope: installing peers of its tests";

/*
 * Run by a root shell. The daemons of OVS and OVN are wanted as programs, not as running services: policy-rc.d
 * is Debian's way to say so, and it is taken away again however apt-get ends. One that is there already is the
 * administrator's and stays.
 */
const INSTALL = `
set -u
export DEBIAN_FRONTEND=noninteractive
if [ -e ${POLICY} ] && grep -qxF '${MARK}' ${POLICY}; then rm -f ${POLICY}; fi
if [ ! -e ${POLICY} ]; then
  trap 'rm -f ${POLICY}' EXIT
  trap 'exit 1' HUP INT TERM
  printf '%s\\n' '#!/bin/sh' '${MARK}' 'exit 101' >${POLICY} && chmod 755 ${POLICY}
fi
install() { apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 -qq -y --no-install-recommends install "$@"; }
# Lists of packages may be missing (a container) or old: fetch them when, and only when, it does not work without.
install "$@" >/dev/null 2>&1 && exit 0
apt-get -o Acquire::Retries=3 -qq update
install "$@" && exit 0
# Another distribution may lack one of them.
for package do install "$package" >/dev/null 2>&1; done
`;

function isThere(need) {
  if (need.includes("/")) return accessible(need, constants.R_OK);
  const places = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"];
  return places.some((place) => place !== "" && accessible(join(place, need), constants.X_OK));
}

function accessible(path, mode) {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** How to become root without being asked for a password; null where there is no way. */
function rootCommand() {
  if (process.getuid?.() === 0) return [];
  const answer = isThere("sudo") ? spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }) : null;
  return answer?.status === 0 ? ["sudo", "-n"] : null;
}

const say = (line) => process.stderr.write(`peers: ${line}\n`);
const missing = () => Object.keys(NEEDS).filter((need) => !isThere(need));

/** Builds the npm package cap, which npm leaves out where a compiler or libpcap's headers are missing. */
function buildCap() {
  const file = "node_modules/cap/build/Release/cap.node";
  if (isThere(file) || process.env.GENEVESCOPE_NO_INSTALL === "1") return;
  for (const words of [
    ["install", "--ignore-scripts", "--no-save"],
    ["rebuild", "cap"],
  ])
    spawnSync("npm", words, { stdio: "ignore", timeout: 300_000 });
  if (!isThere(file)) say("could not build the npm package cap; suites that need it are skipped");
}

function installPrograms() {
  const before = missing();
  if (before.length === 0) return;
  const packages = [...new Set(before.map((need) => NEEDS[need]))];
  const byHand = `suites that need them are skipped; by hand: apt-get install ${packages.join(" ")}`;
  if (process.env.GENEVESCOPE_NO_INSTALL === "1")
    return say(`missing ${before.join(", ")}, and GENEVESCOPE_NO_INSTALL=1; ${byHand}`);
  if (!isThere("apt-get")) return say(`missing ${before.join(", ")}, and there is no apt-get; ${byHand}`);
  const root = rootCommand();
  if (root === null)
    return say(`missing ${before.join(", ")}, and neither root nor sudo without password; ${byHand}`);
  say(`installing ${packages.join(" ")} (GENEVESCOPE_NO_INSTALL=1 forbids it)`);
  const [program, ...args] = [...root, "sh", "-c", INSTALL, "sh", ...packages];
  spawnSync(program, args, { stdio: ["ignore", "ignore", "inherit"], timeout: 600_000 });
  const after = missing();
  if (after.length > 0) say(`could not install ${after.join(", ")}; suites that need them are skipped`);
}

installPrograms();
buildCap();
