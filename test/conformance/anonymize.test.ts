/* Captures and southbounds with other addresses and names, as tshark and the program itself read them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { collect } from "../capture/helper.js";
import { genevescope } from "../cli/run.js";
import { findCommand, peer } from "../setup/peer.js";
import { CAPTURES, captures } from "./captures.js";

const directory = mkdtempSync(join(tmpdir(), "genevescope-anonymize-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => join(directory, name);
const key = at("key");
writeFileSync(key, `${"0123456789abcdef".repeat(4)}\n`);

let files = 0;
/** The capture and the southbound that are shared. */
async function shared(path: string, sb: string, ...more: string[]): Promise<{ capture: string; db: string }> {
  const capture = at(`${files++}.pcapng`);
  const db = `${capture}.db`;
  const args = ["convert", "--anonymize", key, "--sb", sb, "--anonymized-sb", db, ...more, path, capture];
  const { code, stderr } = await genevescope(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/packets written to .*\n$/) });
  return { capture, db };
}

const MAC = /\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/;
const IPV4 = /\b(?:\d{1,3}\.){3}\d{1,3}\b/;
const WORDS = /[0-9a-f]{1,4}(?::[0-9a-f]{1,4})*/.source;
const IPV6 = new RegExp(`(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|(?:${WORDS})?::(?:${WORDS})?`);

/** JSON in which each address and name is a number in the order of appearance: the same for any one-to-one mapping. */
function numbered(json: string, names: readonly string[]): unknown {
  const numbers = new Map<string, string>();
  const number = (text: string): string => {
    if (!numbers.has(text)) numbers.set(text, `#${numbers.size}`);
    return numbers.get(text) as string;
  };
  const known = new Set(names);
  const address = new RegExp([MAC, IPV6, IPV4].map(({ source }) => source).join("|"), "g");
  /** `this`: the object that has the field. */
  function mask(this: Record<string, unknown>, field: string, value: unknown): unknown {
    // Bytes of multicast, neighbour discovery and quoted packets that are, or have, addresses.
    const isNeighbours =
      (field === "payload" && ("icmpv6" in this || "icmp" in this)) ||
      (field === "data" && !("class" in this));
    if (isNeighbours && typeof value === "string") return value.length;
    // Friendly names are not shared.
    if (["file", "files", "interface"].includes(field) || /friendlyName$/i.test(field)) return undefined;
    if (typeof value !== "string" || field === "time" || field.endsWith("Time")) return value;
    return known.has(value) ? number(`name ${value}`) : value.replace(address, number);
  }
  // One object, or one a line.
  const objects = json.startsWith("{\n") ? [json] : json.split("\n").filter((line) => line !== "");
  return objects.map((text) => JSON.parse(text, mask));
}

/** All names of a southbound, sorted by nothing that depends on them. */
async function namesOf(sb: string): Promise<string[]> {
  const { stdout } = await genevescope(["sb", "show", "-o", "json", "--sb", sb]);
  const { chassis, datapaths } = JSON.parse(stdout);
  const list = [...datapaths, ...chassis, ...datapaths.flatMap(({ ports }: { ports: unknown[] }) => ports)];
  const all = [
    ...list.map(({ name }) => name),
    ...chassis.map(({ hostname }: { hostname: string }) => hostname),
  ];
  // A VTEP gateway has no host name.
  return all.filter((name) => name !== "");
}

describe.each(captures.map(({ title, path, sb }) => [title, path, sb]))("%s", (_, path, sb) => {
  test("says the same of all but addresses and names, checksums included", async () => {
    const { capture, db } = await shared(path, sb);
    const before = await namesOf(sb);
    const after = await namesOf(db);
    for (const name of after) expect(name).toMatch(/^(port|datapath|chassis|host|group)-[0-9a-f]{12}$/);
    expect(new Set(after).size).toBe(new Set(before.map((name, n) => `${n} ${name}`)).size);
    for (const verb of ["decode", "analyze"]) {
      const args = [verb, "-o", "json", ...(verb === "decode" ? ["--all"] : [])];
      const [original, changed] = await Promise.all([
        genevescope([...args, "--sb", sb, path]),
        genevescope([...args, "--sb", db, capture]),
      ]);
      expect(changed.code).toBe(0);
      const wanted = numbered(original.stdout, [...before, ...(await historicNames(sb))]);
      const found = numbered(changed.stdout, [...after, ...(await historicNames(db))]);
      if (verb === "decode") expect(found).toEqual(wanted);
      else expect(sums(found)).toEqual(sums(wanted));
    }
  });

  test("has no address of theirs, and the southbound no name", async () => {
    const { capture, db } = await shared(path, sb, "--strip-payload");
    const bytes = readFileSync(capture);
    const text = gunzipSync(readFileSync(db)).toString("utf8");
    const { stdout } = await genevescope(["sb", "show", "-o", "json", "--sb", sb]);
    const addresses = new Set<string>(stdout.match(new RegExp(`${MAC.source}|${IPV4.source}`, "g")) ?? []);
    expect(addresses.size).toBeGreaterThan(4);
    for (const address of addresses) {
      const raw = address.includes(":")
        ? Buffer.from(address.replaceAll(":", ""), "hex")
        : Buffer.from(address.split(".").map(Number));
      expect(bytes.includes(raw), address).toBe(false);
      expect(text).not.toContain(address);
    }
    for (const name of await namesOf(sb)) expect(text).not.toContain(`"${name}"`);
  });
});

/** Names that rows had at any time. */
async function historicNames(sb: string): Promise<string[]> {
  const { stdout } = await genevescope(["sb", "show", "-o", "json", "--sb", sb]);
  return [...stdout.matchAll(/"(?:name|peer|hostname)":"([^"]+)"/g)].map(([, name]) => name);
}

/** What `analyze` counted, without names and in an order that does not depend on addresses. */
function sums(found: unknown): unknown {
  const [whole] = found as [Record<string, unknown>];
  const {
    files: _,
    ports,
    tunnels,
    flows,
    datapaths,
    ...rest
  } = whole as Record<string, Record<string, unknown>[]>;
  const bare = (list: Record<string, unknown>[]): string[] =>
    list
      .map((each) => Object.entries(each).filter(([, value]) => typeof value === "number" || value === null))
      .map((each) => JSON.stringify(each))
      .sort();
  return { rest, lists: [ports, tunnels, flows, datapaths].map(bare) };
}

peer("Wireshark", ["tshark"])("checksums", () => {
  const checks = ["ip", "udp", "tcp"].flatMap((each) => ["-o", `${each}.check_checksum:TRUE`]);
  const fields = ["ip.checksum.status", "udp.checksum.status", "tcp.checksum.status", "icmp.checksum.status"];
  const more = [
    "icmpv6.checksum.status",
    "frame.time_epoch",
    "frame.len",
    "frame.cap_len",
    "frame.protocols",
  ];
  const tshark = (file: string): string => {
    const shown = [...fields, ...more].flatMap((each) => ["-e", each]);
    const args = ["-n", "-r", file, ...checks, "-T", "fields", ...shown];
    const { stdout, status } = spawnSync(findCommand("tshark") as string, args, { encoding: "utf8" });
    expect(status).toBe(0);
    return stdout;
  };

  test.each(captures.map(({ title, path, sb }) => [title, path, sb]))(
    "%s: as good as they were",
    async (_, path, sb) => {
      const { capture } = await shared(path, sb);
      expect(tshark(capture)).toBe(tshark(path));
    },
  );
});

describe("keys and flags", () => {
  const path = join(CAPTURES, "routed-ping/hv1.pcap");
  const sb = join(CAPTURES, "routed-ping/sb.db");
  const convert = (...args: string[]) => genevescope(["convert", ...args]);

  test("the same key gives the same, bytes or digits; another one, or none that is kept, something else", async () => {
    const raw = at("raw");
    writeFileSync(raw, Buffer.from("0123456789abcdef".repeat(4), "hex"));
    const other = at("other");
    writeFileSync(other, "f".repeat(64));
    const outputs = [key, raw, other, "generate", "generate"].map((_, n) => at(`key-${n}.pcap`));
    for (const [n, each] of [key, raw, other, "generate", "generate"].entries())
      expect((await convert("--anonymize", each, path, outputs[n])).code).toBe(0);
    const contents = outputs.map((each) => readFileSync(each).toString("hex"));
    expect(contents[1]).toBe(contents[0]);
    expect(new Set(contents).size).toBe(4);
  });

  test("no name of ours is in what is written: interfaces, groups", async () => {
    const named = at("named.pcapng");
    expect((await convert("--decapsulate", "--sb", sb, path, named)).code).toBe(0);
    const out = at("unnamed.pcapng");
    expect((await convert("--anonymize", key, named, path, out)).code).toBe(0);
    expect(new Set((await collect(out)).interfaces.map(({ name }) => name))).toEqual(new Set([null]));
    expect(readFileSync(out).includes("routed-ping")).toBe(false);
    const ports = at("ports.pcapng");
    expect((await convert("--anonymize", key, "--decapsulate", "--sb", sb, path, ports)).code).toBe(0);
    for (const { name } of (await collect(ports)).interfaces) expect(name).toMatch(/^vni \d+ in \d+$/);
  });

  test.each([
    [
      ["--anonymize", "/nonexistent"],
      /^--anonymize \/nonexistent: the key cannot be read: there is no such file/,
    ],
    [["--anonymize", path], /a key is 32 bytes, or 64 hexadecimal digits/],
    [["--anonymize", key, "--anonymized-sb", "x"], /^--anonymized-sb needs the southbound/],
    [["--anonymized-sb", "x"], /^--anonymized-sb is for --anonymize/],
    [["--anonymize", key, "--annotate"], /in a second step/],
  ])("%j is refused", async (args, reason) => {
    const out = at(`refused-${files++}.pcapng`);
    const { code, stderr } = await convert(...args, path, out);
    expect(code).toBe(2);
    expect(stderr.slice("genevescope: ".length)).toMatch(reason);
    expect(statSync(out, { throwIfNoEntry: false })).toBeUndefined();
  });

  test("neither the southbound that is read, nor a capture, is written over", async () => {
    const database = at("own.db");
    const capture = at("own.pcap");
    for (const target of [database, capture]) {
      writeFileSync(database, readFileSync(sb));
      writeFileSync(capture, readFileSync(path));
      const args = ["--anonymize", key, "--sb", database, "--anonymized-sb", target];
      const { code, stderr } = await convert(...args, capture, at(`own-${files++}.pcapng`));
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: `genevescope: ${target}: cannot be written: it exists, and what exists is not written over\n`,
      });
      expect(readFileSync(database).equals(readFileSync(sb))).toBe(true);
      expect(readFileSync(capture).equals(readFileSync(path))).toBe(true);
    }
  });

  test("what is not read is left out, and said", async () => {
    const lldp = at("lldp.pcap");
    const header = readFileSync(path).subarray(0, 24);
    const record = Buffer.alloc(16 + 60);
    record.writeUInt32LE(1000, 0);
    record.writeUInt32LE(60, 8);
    record.writeUInt32LE(60, 12);
    record.writeUInt16BE(0x88cc, 16 + 12);
    writeFileSync(lldp, Buffer.concat([header, record]));
    const { code, stderr } = await convert("--anonymize", key, lldp, at("lldp.out"));
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(
        /^genevescope: left out, for not all their headers .*: 1 packet\n.*0 packets written/,
      ),
    });
  });
});
