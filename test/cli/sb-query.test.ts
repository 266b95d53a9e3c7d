/* What `sb resolve` can be asked for, and what it refuses. */
import { describe, expect, test } from "vitest";
import { CliError } from "../../src/cli/fault.js";
import { resolveQuery, vxlanQuery } from "../../src/cli/sb-query.js";

const keys = (vni: number, ingress: number | null, egress: number | null) => ({
  kind: "keys",
  vni,
  ingress,
  egress,
});

describe("the same keys in all forms", () => {
  test.each([
    [["8", "2", "1"]],
    [["0x8", "0X2", "0x1"]],
    [["8", "0x00020001"]],
    [["8", "00020001"]],
    [["8", "131073"]],
    [["metadata=0x8,reg14=0x2,reg15=0x1"]],
    [["metadata=8,", "reg14=2,reg15=0x1/0xffff"]],
    [
      [
        " cookie=0x1, table=40, priority=100,reg15=0x1,reg14=0x2,metadata=0x8 actions=load:0x7->NXM_NX_REG13[]",
      ],
    ],
    [["metadata=0x8/0xffffffffffffffff,reg14=0x2/0x7fff,reg15=0x1"]],
    [["tun_id=0x8,tun_metadata0=0x20001"]],
    [["tun_metadata0=0x20001/0x7fffffff,tun_id=0x8/0xffffff"]],
    [
      [
        "tunnel(tun_id=0x8,src=10.0.0.1,dst=10.0.0.2,geneve({class=0x102,type=0x80,len=4,0x20001/0x7fffffff}))",
      ],
    ],
    [["geneve({class=0x100,type=0x1,len=4,0x7}{class=0x102,type=0x80,len=4,0x20001}),tunnel(tun_id=0x8)"]],
    [
      [
        "in_port(2) actions:set(tunnel(tun_id=0x8,dst=10.0.0.1,geneve({class=0x102,type=0x80,len=4,0x20001})))",
      ],
    ],
    [["actions:tnl_push(geneve(crit,vni=0x8,options({class=0x102,type=0x80,len=4,0x20001})))"]],
  ])("%j", (words) => {
    expect(resolveQuery(words)).toEqual(keys(8, 2, 1));
  });
});

describe("what is left open is null", () => {
  test.each([
    ["metadata=0x8", keys(8, null, null)],
    ["metadata=0x8,reg15=0x8000", keys(8, null, 32768)],
    ["metadata=0x8,reg15=0x8000/0x8000", keys(8, null, null)],
    ["tun_id=0x8", keys(8, null, null)],
    ["tun_id=0x8,tun_metadata0=0x1/0xffff", keys(8, null, 1)],
    ["tun_id=0x8,tun_metadata0=0x20000/0x7fff0000", keys(8, 2, null)],
    ["tun_id=0x8,geneve({class=0x100,type=0x1,len=4,0x7})", keys(8, null, null)],
    // What is matched counts, not what is done.
    ["metadata=0x8,reg15=0x1 actions=load:0x9->OXM_OF_METADATA[],metadata=0x9,reg14=0x3", keys(8, null, 1)],
  ])("%s", (flow, query) => {
    expect(resolveQuery([flow])).toEqual(query);
  });
});

test("the option's word is unsigned, and its reserved bit no key", () => {
  expect(resolveQuery(["1", "0xffffffff"])).toEqual(keys(1, 32767, 65535));
  expect(resolveQuery(["1", "ffff8000"])).toEqual(keys(1, 32767, 32768));
});

test("addresses and names", () => {
  expect(resolveQuery(["10.0.0.1"])).toEqual({ kind: "address", address: "10.0.0.1" });
  expect(resolveQuery(["fd00::1"])).toEqual({ kind: "address", address: "fd00::1" });
  for (const name of ["vm1", "10.0.0.256", "0xg", "web server"])
    expect(resolveQuery([name])).toEqual({ kind: "name", name, fault: null });
  expect(resolveQuery(["16777215"])).toEqual(keys(16777215, null, null));
});

test.each([
  ["00020001", 2, 1],
  ["10000001", 0x1000, 1],
  ["99999999", 0x1999, 0x9999],
  ["ABCDEF01", 0x2bcd, 0xef01],
  // No eight digits: a number.
  ["9999999", 0x98, 0x967f],
  ["100000001", 0x5f5, 0xe101],
  ["0x10000001", 0x1000, 1],
])("the word %s, hexadecimal where it has eight digits", (word, ingress, egress) => {
  expect(resolveQuery(["1", word])).toEqual(keys(1, ingress, egress));
});

test.each([
  ["0", "VNI 0 is no number from 1 to 16777215 (decimal, or 0xffffff at most)"],
  ["16777216", "VNI 16777216 is no number from 1 to 16777215"],
  ["0123", "VNI 0123 has a leading zero"],
  ["a=b", "a=b: has no datapath key"],
  ["reg14=0x2,reg15=0x1", "has no datapath key"],
  ["metadata=0x1000000", "metadata=0x1000000 is above 0xffffff"],
  ["metadata=0x1,reg15=0x10000", "reg15=0x10000 is above 0xffff"],
  ["tun_id=0x1,tun_metadata0=0x123456789", "option word 0x123456789 is longer than 32 bits"],
])("%s alone may be a name, if it is nothing else", (name, fault) => {
  expect(resolveQuery([name])).toEqual({ kind: "name", name, fault: expect.stringContaining(fault) });
});

test.each([
  [["16777216", "1", "1"], "VNI 16777216 is no number from 1 to 16777215"],
  [["net", "1", "1"], "VNI net is no number"],
  [["1", "32768", "1"], "ingress key 32768 is no number from 0 to 32767"],
  [["1", "1", "65536"], "egress key 65536 is no number from 0 to 65535"],
  [["1", "1", "1.5"], "egress key 1.5 is no number"],
  [["1", "0010"], "option word 0010 has a leading zero; give 10 or 0x0010"],
  [["1", "0010", "1"], "ingress key 0010 has a leading zero"],
  [["1", "0x100000000"], "option word 0x100000000 is no number of 32 bits"],
  [["1", "vm1"], "option word vm1 is no number of 32 bits"],
  [["1", "\u001b[2J"], "option word \\x1b[2J is no number"],
  [["1", "2", "3", "4"], "give VNI INGRESS EGRESS"],
  [[], "give VNI INGRESS EGRESS"],
  [[""], "give VNI INGRESS EGRESS"],
  [["reg14=0x2", "reg15=0x1"], "has no datapath key"],
])("%j is refused", (words, message) => {
  expect(() => resolveQuery(words)).toThrow(CliError);
  expect(() => resolveQuery(words)).toThrow(message);
});

describe("a VNI of VXLAN", () => {
  test.each([
    ["0x001002", 2, 1],
    ["4098", 2, 1],
    ["0x800001", 1, 32768],
    ["5", 5, null],
  ])("%s", (word, vni, egress) => {
    expect(vxlanQuery([word])).toEqual({ ...keys(vni, null, egress), vxlan: Number(word) });
  });

  test.each([
    [["0x5000"], /no datapath key in its low 12 bits/],
    [["0x1000000"], /no number from 1 to 16777215/],
    [["vm1"], /no number/],
    [["1", "2", "3"], /give one VNI/],
  ])("%j is refused", (words, why) => {
    expect(() => vxlanQuery(words)).toThrow(why);
    expect(() => vxlanQuery(words)).toThrow(CliError);
  });
});
