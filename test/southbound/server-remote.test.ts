import { describe, expect, test } from "vitest";
import { openSouthbound } from "../../src/southbound/index.js";
import { isRemote } from "../../src/southbound/ovsdb/method.js";
import { parseRemotes } from "../../src/southbound/ovsdb/remote.js";

describe("the name of a server", () => {
  test.each([
    ["tcp:10.0.0.1:6642", { kind: "tcp", host: "10.0.0.1", port: 6642 }],
    ["ssl:sb.example:16642", { kind: "ssl", host: "sb.example", port: 16642 }],
    ["tcp:[fd00::1]:6642", { kind: "tcp", host: "fd00::1", port: 6642 }],
    ["tcp:[fe80::1%eth0]:6642", { kind: "tcp", host: "fe80::1%eth0", port: 6642 }],
    // The default of ovsdb(7).
    ["tcp:10.0.0.1", { kind: "tcp", host: "10.0.0.1", port: 6640 }],
    ["ssl:[::1]", { kind: "ssl", host: "::1", port: 6640 }],
    ["unix:/run/ovn/ovnsb_db.sock", { kind: "unix", path: "/run/ovn/ovnsb_db.sock" }],
    ["unix:a:b", { kind: "unix", path: "a:b" }],
  ])("%s", (source, expected) => {
    expect(isRemote(source)).toBe(true);
    expect(parseRemotes(source)).toEqual({ members: [{ ...expected, text: source }], cluster: null });
  });

  test("with space before it is no file", async () => {
    expect(isRemote(" tcp:10.0.0.1:6642")).toBe(true);
    expect(parseRemotes("\ttcp:10.0.0.1:6642 ").members.map(({ text }) => text)).toEqual([
      "tcp:10.0.0.1:6642",
    ]);
    await expect(openSouthbound(" ptcp:6642")).rejects.toMatchObject({ code: "ERR_SB_REMOTE" });
  });

  test("several, with spaces, and a cluster", () => {
    const cluster = "A1AA09E7-4f05-49db-b562-76112db86ab3";
    const list = parseRemotes(`ssl:10.0.0.1:6642, unix:/s,,cid:${cluster},tcp:[::1]:1`);
    expect(list.members.map(({ text }) => text)).toEqual(["ssl:10.0.0.1:6642", "unix:/s", "tcp:[::1]:1"]);
    expect(list.cluster).toBe(cluster.toLowerCase());
  });

  test.each([
    ["ptcp:6642", "ptcp: is where a server listens; to connect to it, give tcp:HOST:PORT"],
    ["pssl:6642", "pssl: is where a server listens"],
    ["punix:/s", "punix: is where a server listens"],
    ["tcp:", '"tcp:" names no host; give tcp:HOST:PORT'],
    ["tcp:6642", '"tcp:6642" names no host'],
    ["tcp::6642", '"tcp::6642" names no host'],
    ["tcp:fd00::1:6642", "an IPv6 address goes in brackets: tcp:[::1]:6642"],
    ["tcp:[10.0.0.1]:6642", "has no IPv6 address in its brackets"],
    ["ssl:[]:6642", "has no IPv6 address in its brackets"],
    ["tcp:host:0", "has no port from 1 to 65535"],
    ["tcp:host:65536", "has no port from 1 to 65535"],
    ["tcp:host:", "has no port from 1 to 65535"],
    ["tcp:host:66x", "has no port from 1 to 65535"],
    ["tcp:ho\u001b[31mst:1", '"tcp:ho\\x1b[31mst:1" is no tcp:HOST:PORT'],
    ["unix:", '"unix:" names no socket'],
    ["unix:a\0b", "names no socket"],
    ["tcp:host:1,/var/lib/sb.db", '"/var/lib/sb.db" is no server'],
    ["cid:7,tcp:host:1", '"cid:7" names no cluster'],
    ["unix:/s,cid:", '"cid:" names no cluster'],
    ["cid:a1aa09e7-4f05-49db-b562-76112db86ab3", "no server is named"],
    [`tcp:h:1${",tcp:h:1".repeat(64)}`, "more than 64 servers are named"],
  ])("%j is told", async (source, message) => {
    await expect(openSouthbound(source)).rejects.toMatchObject({
      code: "ERR_SB_REMOTE",
      source,
      message: expect.stringContaining(message),
    });
  });
});
