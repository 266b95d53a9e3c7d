import { expect, test } from "vitest";
import { installation } from "../../src/packages.js";

const FEDORA = 'NAME="Fedora Linux"\nID=fedora\n';
const ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\n';
const LEAP = 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n';

test.each([
  ["Debian", "ID=debian\n", "apt-get install g++ make libpcap-dev"],
  ["Ubuntu", "ID=ubuntu\nID_LIKE=debian\n", "apt-get install g++ make libpcap-dev"],
  ["Fedora", FEDORA, "dnf install gcc-c++ make libpcap-devel"],
  ["what is like RHEL", ROCKY, "dnf install gcc-c++ make libpcap-devel"],
  ["openSUSE", LEAP, "zypper install gcc-c++ make libpcap-devel"],
  ["Alpine", "ID=alpine\n", "apk add g++ make libpcap-dev"],
  ["Arch", "ID=arch\n", "pacman -S gcc make libpcap"],
  ["an unknown system", "ID=constructor\n", "install a C++ compiler, make, libpcap's headers"],
  ["a system that does not say", "", "install a C++ compiler, make, libpcap's headers"],
])("what builds the addon on %s", (_, release, expected) => {
  expect(installation(["compiler", "make", "libpcap-headers"], release)).toBe(expected);
});

test("libpcap alone", () => {
  expect(installation(["libpcap"], "ID=debian\n")).toBe("apt-get install libpcap0.8");
  expect(installation(["libpcap"], FEDORA)).toBe("dnf install libpcap");
  expect(installation(["libpcap"], LEAP)).toBe("zypper install libpcap1");
  expect(installation(["libpcap", "libpcap-headers"], "ID=arch\n")).toBe("pacman -S libpcap");
});
