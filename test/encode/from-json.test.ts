/* Packets from objects written by hand: what may be left out, what must be right, and what is refused, and how. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonFieldError, packetFromJson } from "../../src/encode/from-json.js";
import { FrameDecoder } from "../../src/frame/decode.js";
import { JsonPrinter } from "../../src/output/decode-json.js";
import { FrameCheck } from "../../src/output/frame-check.js";
import { WireError } from "../../src/wire/index.js";
import { batchOf } from "../frame/batch.js";
import { decoded, printed } from "../output/printed.js";
import { packetBytes, packetNames, packets as vectors } from "../vectors/packets.js";

// biome-ignore lint/suspicious/noExplicitAny: objects as a script edits them
type Json = any;

/** What `decode -o json` says of a frame. */
function objectOf(bytes: Uint8Array, linkType = 1, original = bytes.length): Json {
  const { packets, interfaces } = batchOf([{ bytes, linkType, original }]);
  const printer = new JsonPrinter(null, new FrameDecoder());
  printer.startFile({ name: "given", interfaces });
  return JSON.parse(printed(printer, packets, decoded(packets, interfaces)));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The least object of an echo request from port 1 to port 2 of datapath 1. */
function least(): Json {
  return {
    outer: {
      eth: { src: "52:54:00:13:e0:a2", dst: "52:54:00:ac:67:5b" },
      ip: { src: "192.168.50.100", dst: "192.168.50.101" },
      udp: { src: 7549 },
    },
    ovn: { datapathKey: 1, ingressKey: 1, egressKey: 2 },
    inner: {
      eth: { src: "40:44:00:00:00:01", dst: "40:44:00:00:00:02" },
      ip: { src: "192.168.0.11", dst: "192.168.0.12" },
      icmp: { type: 8, id: 1, seq: 2 },
      payload: "00010203",
    },
  };
}

describe("what may be left out", () => {
  test("is worked out: lengths, checksums, types, ports, the option of the keys", () => {
    const { packet } = packetFromJson(least());
    expect(objectOf(packet.bytes)).toMatchObject({
      status: "ok",
      outer: {
        ip: { version: 4, ttl: 64, length: 90, protocol: 17, checksum: "good" },
        udp: { dst: 6081, length: 70, checksum: "good" },
      },
      geneve: {
        critical: true,
        protocolType: 0x6558,
        vni: 1,
        options: [{ class: 0x102, type: 0x80, data: "00010002" }],
      },
      ovn: { datapathKey: 1, ingressKey: 1, egressKey: 2 },
      inner: {
        eth: { type: 0x800 },
        ip: { length: 32, protocol: 1, checksum: "good" },
        icmp: { type: 8, code: 0, checksum: "good" },
        payload: "00010203",
      },
    });
    expect(packet).toMatchObject({ sec: 0, nsec: 0, linkType: 1, interface: null, originalBytes: 104 });
  });

  /** Every field that follows from others, taken away from what `decode` says. */
  function bare(object: Json): Json {
    for (const depth of [object.outer, object.inner]) {
      for (const name of ["ip", "udp", "tcp", "icmp", "icmpv6", "sctp"]) {
        delete depth?.[name]?.length;
        if (depth?.[name]?.checksum === "good") delete depth[name].checksum;
      }
      if (
        depth?.ip?.extensions === undefined &&
        ["udp", "tcp", "icmp", "icmpv6", "sctp"].some((name) => depth?.[name])
      )
        delete depth.ip.protocol;
      if (depth?.ip !== undefined) delete depth.ip.version;
      if (depth?.ip !== undefined || depth?.arp !== undefined)
        for (const name of ["eth", "sll", "sll2", "null"]) delete depth[name]?.type;
    }
    if (object.inner?.eth !== undefined || object.inner?.ip !== undefined) delete object.geneve?.protocolType;
    if (
      object.geneve &&
      object.geneve.criticalMismatch === undefined &&
      object.geneve.optionsRest === undefined
    )
      delete object.geneve.critical;
    delete object.capturedBytes;
    if (object.linkType !== 228 && object.linkType !== 229) delete object.linkType;
    return object;
  }

  test("gives every whole vector again", () => {
    let count = 0;
    for (const name of packetNames) {
      const bytes = packetBytes(name);
      const object = objectOf(bytes, vectors[name].linkType);
      // Of a fragment nothing follows, a part of Geneve's version 1 is not known.
      if ("frame" in object || "fragment" in (object.outer?.ip ?? {})) continue;
      if (object.status !== "ok" && object.status !== "not-geneve") continue;
      expect(hex(packetFromJson(bare(object)).packet.bytes), name).toBe(hex(bytes));
      count++;
    }
    expect(count).toBeGreaterThan(20);
  });

  test("of times and lengths", () => {
    const of = (more: Json) => packetFromJson({ ...least(), ...more }).packet;
    expect(of({ time: "2026-11-21T07:20:17.646279001Z" })).toMatchObject({
      sec: 1795245617,
      nsec: 646279001,
    });
    expect(of({ time: "2026-11-21T08:20:17.5+01:00" })).toMatchObject({ sec: 1795245617, nsec: 500_000_000 });
    expect(of({ time: "@99999999999999.000000007Z" })).toMatchObject({ sec: 99999999999999, nsec: 7 });
    expect(of({ time: null, originalBytes: 1500 })).toMatchObject({ sec: 0, nsec: 0, originalBytes: 1500 });
  });
});

describe("VXLAN and STT", () => {
  /** The least object with another tunnel than Geneve. */
  const other = (tunnel: Json, ovn: Json): Json => {
    const { outer, inner } = least();
    if (!("stt" in tunnel)) return { outer, inner, ovn, ...tunnel };
    return { outer: { eth: outer.eth, ip: outer.ip, tcp: { src: 7549 } }, inner, ovn, ...tunnel };
  };

  test("by keys alone: identifiers, ports and the length of an STT frame are worked out", () => {
    const vxlan = packetFromJson(other({ vxlan: {} }, { datapathKey: 1, egressKey: 32769 })).packet;
    expect(objectOf(vxlan.bytes)).toMatchObject({
      status: "ok",
      outer: { udp: { dst: 4789, checksum: "good" } },
      vxlan: { flags: 8, vni: 0x801001 },
      ovn: { datapathKey: 1, ingressKey: null, egressKey: 32769 },
      inner: { payload: "00010203" },
    });
    const vtep = packetFromJson(other({ vxlan: {} }, { datapathKey: 70000, vtep: true })).packet;
    expect(objectOf(vtep.bytes).vxlan.vni).toBe(70000);
    const stt = packetFromJson(other({ stt: {} }, { datapathKey: 8, ingressKey: 2, egressKey: 1 })).packet;
    expect(objectOf(stt.bytes)).toMatchObject({
      status: "ok",
      // The frame has 18 bytes of its header, and 46 that it carries.
      outer: { tcp: { dst: 7471, seq: (18 + 46) * 65536, checksum: "good" } },
      stt: { contextId: "0x0000020001000008" },
      ovn: { datapathKey: 8, ingressKey: 2, egressKey: 1 },
    });
    const given = other({ stt: {} }, { datapathKey: 8 });
    given.outer.tcp.seq = 5 * 65536;
    expect(objectOf(packetFromJson(given).packet.bytes)).toMatchObject({ status: "malformed" });
  });

  test.each([
    ["ovn.datapathKey: 4096 is not a whole number from 0 to 4095", { vxlan: {} }, { datapathKey: 4096 }],
    ["vxlan egress key: 5000 is neither a port's", { vxlan: {} }, { datapathKey: 1, egressKey: 5000 }],
    [
      "ovn.egressKey: 40000, but that of vxlan.vni is 33856",
      { vxlan: {} },
      { datapathKey: 1, egressKey: 40000 },
    ],
    ["ovn.ingressKey: VXLAN carries none", { vxlan: {} }, { datapathKey: 1, ingressKey: 1, egressKey: 2 }],
    ["ovn.datapathKey: 2, but that of vxlan.vni is 1", { vxlan: { vni: 0x2001 } }, { datapathKey: 2 }],
    [
      "ovn.egressKey: the VNI of a VTEP gateway has",
      { vxlan: {} },
      { datapathKey: 1, egressKey: 2, vtep: true },
    ],
    ["vxlan.vni: is missing", { vxlan: {} }, null],
    ["vxlan.vni: 16777216 is not a whole number", { vxlan: { vni: 2 ** 24 } }, null],
    ["vxlan.id: there is no such field here", { vxlan: { vni: 1, id: 1 } }, null],
    ["stt: there is vxlan already", { vxlan: { vni: 1 }, stt: {} }, null],
    ["vxlan: there is geneve already", { vxlan: { vni: 1 }, geneve: { vni: 1 } }, null],
    ["stt.contextId: is missing", { stt: {} }, null],
    ["stt.contextId: is not 0x and up to 16", { stt: { contextId: "12" } }, null],
    [
      "ovn.ingressKey: 3, but that of stt.contextId is 2",
      { stt: { contextId: "0x0000020001000008" } },
      { ingressKey: 3 },
    ],
  ])("%s", (message, tunnel, ovn) => {
    expect(() => packetFromJson(other(tunnel, ovn))).toThrow(message);
  });

  test("carry Ethernet, behind UDP and TCP", () => {
    const json = other({ vxlan: { vni: 1 } }, null);
    delete json.inner.eth;
    expect(() => packetFromJson(json)).toThrow("inner.eth: is missing: VXLAN carries Ethernet frames");
    const stt = other({ stt: { contextId: "0x1" } }, null);
    stt.outer = least().outer;
    expect(() => packetFromJson(stt)).toThrow("outer.tcp: is missing, which carries STT");
  });

  test("with a frame that is given are held to what it is", () => {
    const check = new FrameCheck();
    const bytes = packetBytes("vxlanWhole");
    const json = objectOf(bytes);
    const { payload: _, ...inner } = json.inner;
    const ovn = { datapathKey: 70000, ingressKey: null, egressKey: null, vtep: true };
    const difference = (more: Json) => {
      const object = { ...json, inner, ovn, frame: hex(bytes), ...more };
      return check.difference(object, packetFromJson(object).packet);
    };
    expect(difference({})).toBeNull();
    expect(difference({ ovn: { ...ovn, datapathKey: 368 } })).toBe("ovn.datapathKey");
    expect(difference({ ovn: { datapathKey: 368, egressKey: 17 } })).toBeNull();
    expect(difference({ vxlan: { ...json.vxlan, vni: 1 } })).toBe("vxlan.vni");
    expect(difference({ vxlan: undefined })).toBe("geneve");
  });
});

describe("edits", () => {
  const object = () => objectOf(packetBytes("filledChecksum"));

  test("take effect, and what follows from them is made right", () => {
    const edited = object();
    edited.inner.ip.dst = "10.1.2.3";
    edited.geneve.vni = 77;
    edited.ovn.datapathKey = 77;
    const again = objectOf(packetFromJson(edited).packet.bytes);
    expect(again.inner).toMatchObject({
      ip: { dst: "10.1.2.3", checksum: "good" },
      icmp: { checksum: "good" },
    });
    expect(again).toMatchObject({ outer: { udp: { checksum: "good" } }, geneve: { vni: 77 } });
  });

  test("to wrong checksums and unfilled ones are written", () => {
    const edited = object();
    edited.outer.udp = { ...edited.outer.udp, checksum: "bad", unfilled: true };
    edited.inner.ip = { ...edited.inner.ip, checksum: "bad", checksumValue: 0x1234 };
    expect(objectOf(packetFromJson(edited).packet.bytes)).toMatchObject({
      outer: { udp: { checksum: "bad", unfilled: true } },
      inner: { ip: { checksum: "bad", checksumValue: 0x1234 } },
    });
    edited.outer.udp = { ...object().outer.udp, checksum: "absent" };
    expect(objectOf(packetFromJson(edited).packet.bytes).outer.udp.checksum).toBe("absent");
  });

  test("to C that contradicts the options are written only where that is said", () => {
    const edited = object();
    edited.geneve.critical = false;
    expect(() => packetFromJson(edited)).toThrow(/^geneve\.critical: false, but an option is critical/);
    edited.geneve.criticalMismatch = true;
    expect(objectOf(packetFromJson(edited).packet.bytes).geneve).toMatchObject({
      critical: false,
      criticalMismatch: true,
    });
    edited.geneve.critical = true;
    expect(() => packetFromJson(edited)).toThrow(/^geneve\.critical: true is what the options say/);
  });

  test("behind a frame that is given are found", () => {
    const check = new FrameCheck();
    const difference = (edit: (json: Json) => void) => {
      const json = objectOf(packetBytes("shortOptions"));
      expect(json.frame).toBe(vectors.shortOptions.hex);
      edit(json);
      return check.difference(json, packetFromJson(json).packet);
    };
    expect(difference(() => {})).toBeNull();
    expect(
      difference((json) => {
        json.outer.ip.ttl = 1;
      }),
    ).toBe("outer.ip.ttl");
    expect(
      difference((json) => {
        delete json.outer.udp;
      }),
    ).toBe("outer.udp");
    expect(
      difference((json) => {
        json.geneve.options.push({});
      }),
    ).toBe("geneve.options");
    expect(
      difference((json) => {
        json.geneve = null;
      }),
    ).toBe("geneve");
    expect(
      difference((json) => {
        json.ovn.datapathKey = 5;
      }),
    ).toBe("ovn.datapathKey");
    expect(
      difference((json) => {
        json.inner = { payload: "00" };
      }),
    ).toBe("inner");
    expect(
      difference((json) => {
        json.outer.payload = "00";
      }),
    ).toBe("outer.payload");
    // What is found out, and names, are no bytes.
    expect(
      difference((json) => {
        json.ovn.datapath = { name: "n" };
      }),
    ).toBeNull();
    expect(
      difference((json) => {
        json.frame = json.frame.slice(0, -2);
        json.capturedBytes--;
      }),
    ).toBe("outer.udp.checksum");
    // Alone it is what it is.
    const alone = { frame: vectors.echoRequest.hex };
    expect(check.difference(alone, packetFromJson(alone).packet)).toBeNull();
    expect(packetFromJson(alone).packet.linkType).toBe(1);
  });
});

/** Values by their paths in an object; undefined takes a field away. */
type Edits = Record<string, unknown>;

/** How the object of a vector, or the least one, is refused after some edits. */
function refusal(name: keyof typeof vectors | null, edits: Edits): string {
  const json = name === null ? least() : objectOf(packetBytes(name), vectors[name].linkType);
  for (const [path, value] of Object.entries(edits)) {
    const names = path.split(".");
    const last = names.pop() as string;
    const parent = names.reduce((each: Json, field) => each[field], json);
    if (value === undefined) delete parent[last];
    else parent[last] = value;
  }
  try {
    packetFromJson(json);
  } catch (error) {
    if (error instanceof JsonFieldError || error instanceof WireError) return error.message;
    throw error;
  }
  return "taken";
}

/** So many bytes as hexadecimal digits. */
const zeros = (count: number): string => "00".repeat(count);

describe("refusals name the field and its limit", () => {
  const number = "is not a whole number from 0 to";
  const noLengths = { "outer.ip.length": undefined, "inner.ip.length": undefined };
  const time = "is not a time since 1970 such as 2026-11-21T07:20:00.000000000Z";

  // biome-ignore format: a line a refusal
  test.each<[field: string, message: string, vector: keyof typeof vectors | null, edits: Edits]>([
    ["geneve.vni", `16777216 ${number} 16777215`, "echoRequest", { "geneve.vni": 2 ** 24 }],
    ["ovn.datapathKey", `16777216 ${number} 16777215`, null, { "ovn.datapathKey": 2 ** 24 }],
    ["ovn.ingressKey", `32768 ${number} 32767`, null, { "ovn.ingressKey": 32768 }],
    ["ovn.egressKey", `65536 ${number} 65535`, null, { "ovn.egressKey": 65536 }],
    ["ovn.egressKey", "is missing", null, { "ovn.egressKey": undefined }],
    ["geneve.options[0].data", "3 bytes, not a multiple of 4 up to 124", "echoRequest", { "geneve.options.0.data": zeros(3) }],
    ["geneve.options[0].data", "128 bytes, not a multiple of 4 up to 124", "echoRequest", { "geneve.options.0.data": zeros(128) }],
    ["geneve.options", "256 bytes with their headers, not a multiple of 4 up to 252 (a header of 260)", "echoRequest", { "geneve.options.1": { class: 1, type: 1, data: zeros(124) }, "geneve.options.2": { class: 1, type: 1, data: zeros(116) } }],
    ["geneve.options", "2 bytes with their headers", "echoRequest", { "geneve.options": [], "geneve.optionsRest": "0102", ovn: null }],
    ["geneve.options[0].critical", "the highest bit of type 128 says true", "echoRequest", { "geneve.options.0.critical": false }],
    ["geneve.options[0].class", "is missing", "echoRequest", { "geneve.options.0.class": undefined }],
    ["geneve.options[0].reserved", `8 ${number} 7`, "echoRequest", { "geneve.options.0.reserved": 8 }],
    ["geneve.options", "{} is not a list", "echoRequest", { "geneve.options": {} }],
    ["geneve.version", `4 ${number} 3`, "echoRequest", { "geneve.version": 4 }],
    ["geneve.reservedBits", `64 ${number} 63`, "echoRequest", { "geneve.reservedBits": 64 }],
    ["geneve.protocolType", "2048, but what follows it has 25944", "echoRequest", { "geneve.protocolType": 0x800 }],
    ["geneve.vni", "is missing", "echoRequest", { "geneve.vni": undefined, ovn: null }],
    ["geneve.oam", "1 is not true or false", "echoRequest", { "geneve.oam": 1 }],
    ["ovn.datapathKey", "5, but geneve.vni is 1", "echoRequest", { "ovn.datapathKey": 5 }],
    ["ovn.egressKey", "9, but that of geneve.options is 2", "echoRequest", { "ovn.egressKey": 9 }],
    ["ovn.ingressKey", "there are keys, but geneve.options has no option of OVN's", "echoRequest", { "geneve.options": [] }],
    ["outer", "is missing", null, { outer: undefined }],
    ["outer.udp", "is missing, which carries Geneve", null, { "outer.udp": undefined }],
    ["outer.bfd", "stands where Geneve is", null, { "outer.bfd": { state: "Up", myDiscriminator: 1 } , "outer.udp.dst": 3784}],
    ["outer.udp.src", "is missing", null, { "outer.udp.src": undefined }],
    ["outer.udp.src", `-1 ${number} 65535`, null, { "outer.udp.src": -1 }],
    ["outer.udp.src", `"1" ${number} 65535`, null, { "outer.udp.src": "1" }],
    ["outer.udp.src", `1.5 ${number} 65535`, null, { "outer.udp.src": 1.5 }],
    ["outer.eth.src", "is missing", null, { "outer.eth.src": undefined }],
    ["outer.eth.src", '"52-54-00-13-e0-a2" is not a MAC address', null, { "outer.eth.src": "52-54-00-13-e0-a2" }],
    ["outer.ip.src", '"192.168.50" is not an IPv4 address', null, { "outer.ip.src": "192.168.50" }],
    ["outer.ip.dst", '"192.168.50.101" is not an IPv6 address', null, { "outer.ip.src": "fd00::1" }],
    ["outer.ip.version", "5 is neither 4 nor 6", null, { "outer.ip.version": 5 }],
    ["outer.ip.ttl", `256 ${number} 255`, null, { "outer.ip.ttl": 256 }],
    ["outer.ip.protocol", "6, but what follows it has 17", null, { "outer.ip.protocol": 6 }],
    ["outer.ip.options", "3 bytes, not a multiple of 4 up to 40", null, { "outer.ip.options": zeros(3) }],
    ["outer.ip.length", "141, but 142 fits what is there; left out it is worked out", "echoRequest", { "outer.ip.length": 141 }],
    ["outer.udp.length", "122, but 67 fits what is there; left out it is worked out", "echoRequest", { "inner.payload": "00", ...noLengths }],
    ["capturedBytes", "156, but the frame has 101", "echoRequest", { "inner.payload": "00", "outer.udp.length": undefined, ...noLengths }],
    ["ipv4 total length", "65686 bytes, 65535 at most", null, { "inner.payload": zeros(65_600) }],
    ["outer.ip.length", `65536 ${number} 65535`, null, { "outer.ip.length": 65536 }],
    ["outer.eth.type", "2054, but what follows it has 2048", null, { "outer.eth.type": 2054 }],
    ["outer.eth.vlans[0].vlan", `4096 ${number} 4095`, null, { "outer.eth.vlans": [{ vlan: 4096 }] }],
    ["outer.eth.vlans[0].tpid", "1 is none of 33024, 34984, 37120", null, { "outer.eth.vlans": [{ tpid: 1, vlan: 1 }] }],
    ["outer.eth.vlan", "there is no such field here", null, { "outer.eth.vlan": 1 }],
    ["note", "there is no such field here", null, { note: 1 }],
    ["outer.note", "there is no such field here", null, { "outer.note": 1 }],
    ["outer.payload", "is for packets without inner", null, { "outer.payload": "00" }],
    ["outer.sll", "there is eth already", null, { "outer.sll": {} }],
    ["linkType", "113, but outer begins with eth, as 1", null, { linkType: 113 }],
    ["inner", "there is no header of a tunnel to carry it", null, { ovn: undefined }],
    ["inner.icmp", "there is tcp already", null, { "inner.tcp": {} }],
    ["inner.sll", "is for captures, a tunnel carries eth", null, { "inner.sll": {}, "inner.eth": undefined }],
    ["inner.ip", "is missing, which carries icmp", null, { "inner.ip": undefined }],
    ["inner.ip", "[] is not an object", null, { "inner.ip": [] }],
    ["inner.ip.version", "IPv6 does not carry icmp", null, { "inner.ip": { src: "fd00::1", dst: "fd00::2" } }],
    ["inner.ip.fragment", "offset 4 is no multiple of 8", null, { "inner.ip.fragment": { offset: 4 } }],
    ["inner.ip.fragment", "a later fragment has payload, not icmp", null, { "inner.ip.fragment": { offset: 8 } }],
    ["inner.ip.id", "1, but that of fragment is 2", null, { "inner.ip.id": 1, "inner.ip.fragment": { id: 2 } }],
    ["inner.icmp.checksumValue", "is missing, which does not follow: bytes that it covers are in other fragments", null, { "inner.ip.fragment": { more: true } }],
    ["outer.udp.length", "is missing, which in a fragment does not follow from what is there", null, { "outer.ip.fragment": { more: true } }],
    ["inner.icmp.type", `300 ${number} 255`, null, { "inner.icmp.type": 300 }],
    ["inner.icmp.checksum", "only UDP's can be absent", null, { "inner.icmp.checksum": "absent" }],
    ["inner.icmp.checksum", '"fine" is none of good, bad, absent, unverified', null, { "inner.icmp.checksum": "fine" }],
    ["inner.icmp.checksumValue", "is missing", null, { "inner.icmp.checksum": "bad" }],
    ["inner.icmp.checksumValue", "is for a checksum that is bad or unverified", null, { "inner.icmp.checksum": "good", "inner.icmp.checksumValue": 1 }],
    ["inner.icmp.unfilled", "is for a bad checksum of UDP, TCP or ICMPv6", null, { "inner.icmp.checksum": "bad", "inner.icmp.unfilled": true }],
    ["inner.payload", '"0" is not hexadecimal digits, two a byte', null, { "inner.payload": "0" }],
    ["inner.payload", "5 is not text", null, { "inner.payload": 5 }],
    ["inner.udp", "is missing, which carries bfd", null, { "inner.bfd": {} }],
    ["inner.udp.dst", "53, but BFD is at 3784 or 4784", "bfd", { "inner.udp.dst": 53 }],
    ["inner.bfd", "is missing", "bfd", { "inner.bfd": null }],
    ["inner.bfd.state", '"up" is none of AdminDown, Down, Init, Up', "bfd", { "inner.bfd.state": "up" }],
    ["inner.bfd.version", "0, only 1 is known", "bfd", { "inner.bfd.version": 0 }],
    ["inner.bfd.authentication", "232 bytes, not a multiple of 1 up to 231", "bfd", { "inner.bfd.authentication": zeros(232) }],
    ["inner.tcp.flags", '"ack!" is none of fin, syn, rst, psh, ack, urg, ece, cwr, ae', "vlanTcpSyn", { "inner.tcp.flags": ["ack!"] }],
    ["inner.tcp.options", "44 bytes, not a multiple of 4 up to 40", "vlanTcpSyn", { "inner.tcp.options": zeros(44) }],
    ["inner.arp.senderMac", '"404400000001" is not a MAC address', "arpFlood", { "inner.arp.senderMac": "404400000001" }],
    ["inner.arp.targetMac", "2 bytes, the sender's has 6", "arpFlood", { "inner.arp.targetMac": "0102" }],
    ["inner.trailers[0].of", "names no header of its object", "arpFlood", { "inner.trailers.0.of": "ip" }],
    ["inner.trailers[1].of", "trailers stand from the inside out", "arpFlood", { "inner.trailers.1": { of: "arp", data: "00" } }],
    ["inner.icmpv6.target", '"x" is not an IPv6 address', "ipv6Underlay", { "inner.icmpv6.target": "x" }],
    ["inner.icmpv6.options[0].data", "5 bytes, not 6, 14, ... 2038", "ipv6Underlay", { "inner.icmpv6.options.0.data": zeros(5) }],
    ["outer.icmp.mtu", "5, but that of rest is 1400", "fragmentationNeeded", { "outer.icmp.mtu": 5 }],
    ["inner.ip.extensions", "lead to protocol 17, but what follows has 6", "bareIpv6", { "inner.udp": undefined, "inner.tcp": { src: 1, dst: 2 } }],
    ["inner.ip.extensions", "are not whole extension headers", "bareIpv6", { "inner.ip.extensions": "3c00" }],
    ["outer.sll.address", "9 bytes, 8 at most", "cooked", { "outer.sll.address": zeros(9) }],
    ["time", time, null, { time: "2026-02-30T00:00:00Z" }],
    ["time", time, null, { time: "2026-02-20T00:00:00+25:99" }],
    ["time", time, null, { time: "1969-12-31T23:59:59Z" }],
    ["time", time, null, { time: "now" }],
    ["capturedBytes", "10, but the frame has 104", null, { capturedBytes: 10 }],
    ["frame", "7 is not text", null, { frame: 7 }],
    ["capturedBytes", "10, but the frame has 1", null, { frame: "00", capturedBytes: 10 }],
  ])("%s: %s", (field, message, name, edits) => {
    const said = refusal(name, edits);
    const wanted = `${field}: ${message}`;
    expect(said.startsWith(wanted) ? wanted : said).toBe(wanted);
  });

  test.each([null, 5, "text", [], true])("%j is no object", (json) => {
    expect(() => packetFromJson(json)).toThrow("is not an object");
  });

  test("of an outermost layer that is cut: bytes that the checksum covers", () => {
    const json = objectOf(packetBytes("filledChecksum").slice(0, 120), 1, 132);
    expect(json.outer.udp).toMatchObject({ checksum: "unverified", checksumValue: expect.any(Number) });
    delete json.outer.udp.checksumValue;
    json.outer.udp.checksum = "good";
    expect(() => packetFromJson(json)).toThrow(
      "outer.udp.checksumValue: is missing, which does not follow: bytes that it covers were cut off",
    );
  });

  test("whatever value stands in a field, it is taken or refused in words", () => {
    const paths = (json: Json, at: (string | number)[] = []): (string | number)[][] =>
      typeof json === "object" && json !== null
        ? [at, ...Object.keys(json).flatMap((key) => paths(json[key], [...at, key]))]
        : [at];
    const value = fc.oneof(
      fc.constantFrom(null, -1, 0, 1, 255, 65535, 2 ** 32, 1e300, "", "00", "x", true, [], {}, [{}], ["syn"]),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const objects = packetNames.map((name) => objectOf(packetBytes(name), vectors[name].linkType));
    fc.assert(
      fc.property(fc.constantFrom(...objects), fc.nat(), value, fc.boolean(), (object, pick, put, isLost) => {
        const json = structuredClone(object);
        const all = paths(json).slice(1);
        const path = all[pick % all.length] as (string | number)[];
        const last = path.at(-1) as string;
        const parent = path.slice(0, -1).reduce((each: Json, key) => each[key], json);
        if (isLost) delete parent[last];
        else parent[last] = put;
        try {
          const { bytes } = packetFromJson(JSON.parse(JSON.stringify(json))).packet;
          expect(bytes.length).toBeLessThan(100_000);
        } catch (error) {
          if (!(error instanceof JsonFieldError) && !(error instanceof WireError)) throw error;
          expect(error.message).toMatch(/^[\x20-\x7e]+$/);
        }
      }),
      { numRuns: 4000 },
    );
  });
});
