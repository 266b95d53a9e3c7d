/* One moment of a real OVN, read in every way there is: each must say the same. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSouthbound } from "../../src/southbound/index.js";
import { MAIN } from "../conformance/genevescope.js";
import { findCommand } from "../setup/peer.js";
import { eventually } from "../southbound/cluster.js";
import { type Picture, picture, pictureOfDump } from "../southbound/picture.js";
import { closeAll, type Followed, follow, NOW } from "../southbound/server.js";
import { Authority, type Pair } from "./certificates.js";
import { describeLab, Lab } from "./lab.js";

const SSL_PORT = 6640;

describeLab("a lab's southbound", () => {
  const lab = new Lab();
  const snapshot = lab.file("snapshot");
  let truth: Picture;
  let followed: Followed;
  let ca: Authority;
  let client: Pair;

  /** `sb snapshot`, within the namespace that the server's TCP ports are in. */
  function snapshotOf(name: string, ...source: string[]): string {
    const file = lab.file(name);
    lab.run("exec", "central", process.execPath, MAIN, "sb", "snapshot", file, "--sb", ...source);
    return file;
  }

  const pictureOf = async (source: string) => picture(await openSouthbound(source), NOW);

  beforeAll(async () => {
    lab.run("up");
    // All that follows comes as changes.
    followed = await follow(lab.socket);
    lab.run("topology", "gateway");
    lab.run("nb", "lrp-set-gateway-chassis", "router1-public", "worker1", "20");
    // A port on two chassis, as in a live migration, one on none, and a name beyond ASCII.
    lab.run("nb", "lsp-add", "network1", "both", "--", "lsp-set-addresses", "both", "unknown", "--",
      "set", "Logical_Switch_Port", "both", "options:requested-chassis=\"worker1,worker2\"", "--",
      "lsp-add", "network2", "Büro\u202f7"); // biome-ignore format: one command
    for (const host of ["hv1", "hv2"])
      lab.run("vs", host, "add-port", "br-int", "both", "--", "set", "Interface", "both", "type=internal", "external_ids:iface-id=both"); // biome-ignore format: one command
    ca = new Authority(lab.directory);
    const { privateKey, certificate } = ca.issue("server");
    client = ca.issue("client");
    lab.run("sb", "set-ssl", privateKey, certificate, ca.certificate);
    lab.run("sb", "set-connection", `pssl:${SSL_PORT}:10.127.0.2`);
    lab.waitBound("both", "hv1");
    lab.run("sb", "wait-until", "Port_Binding", "both", "additional_chassis!=[]");
    lab.run("sb", "wait-until", "Port_Binding", "cr-router1-public", "chassis!=[]");
    await eventually("the server listens for TLS", () =>
      lab
        .run("exec", "central", findCommand("ss") ?? "ss", "-Hltn", `sport = :${SSL_PORT}`)
        .includes("LISTEN"),
    );
    mkdirSync(snapshot);
    lab.run("snapshot", snapshot, "full");
    truth = pictureOfDump(readFileSync(join(snapshot, "sb.dump.json"), "utf8"));
  });
  afterAll(() => {
    closeAll();
    lab.down();
  });

  test("has what makes it worth the comparison", () => {
    const types = new Set(truth.ports.map(({ type }) => type));
    expect([...types].sort()).toEqual(["", "chassisredirect", "localnet", "patch"]);
    expect(truth.ports.find(({ name }) => name === "both")).toMatchObject({
      chassis: { name: "worker1" },
      additionalChassis: ["worker2"],
      requestedChassis: "worker1",
    });
    expect(truth.ports.map(({ name }) => name)).toContain("Büro\u202f7");
  });

  test.each(["sb.db", "sb.backup.db", "sb.dump.json"])("is the same in %s", async (name) => {
    expect(await pictureOf(join(snapshot, name))).toEqual(truth);
  });

  test("is the same from its server, by unix:, tcp: and ssl:, and in snapshots of it", async () => {
    const { privateKey, certificate } = client;
    const files = ["-p", privateKey, "-c", certificate, "-C", ca.certificate];
    expect(await pictureOf(lab.socket)).toEqual(truth);
    const snapshots = [
      snapshotOf("unix.snapshot", lab.socket),
      snapshotOf("tcp.snapshot", "tcp:10.127.0.2:6642"),
      snapshotOf("ssl.snapshot", `ssl:10.127.0.2:${SSL_PORT}`, ...files),
    ];
    for (const file of snapshots) expect(await pictureOf(file), file).toEqual(truth);
    // Without a certificate there is no way in.
    expect(() => snapshotOf("refused", `ssl:10.127.0.2:${SSL_PORT}`)).toThrow(
      /missing: private key, certificate/,
    );
  });

  test("is the same where every change was followed", async () => {
    await followed.inventory.expectDump(readFileSync(join(snapshot, "sb.dump.json"), "utf8"));
    expect(followed.inventory.picture).toEqual(truth);
    expect(followed.inventory.applied.length).toBeGreaterThan(20);
    expect(followed.link.state).toBe("connected");
  });

  test("is the same in a snapshot of the journal, at all times", async () => {
    const journal = await openSouthbound(join(snapshot, "sb.db"));
    const copy = await openSouthbound(snapshotOf("journal.snapshot", join(snapshot, "sb.db")));
    expect(picture(copy, NOW)).toEqual(truth);
    const dates = [...new Set([...journal.replay()].map(({ date }) => date ?? 0))];
    expect(dates.length).toBeGreaterThan(20);
    for (const date of dates) expect(picture(copy, date), String(date)).toEqual(picture(journal, date));
  });
});
