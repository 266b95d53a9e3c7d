/* VXLAN and STT, and what an `ovn` object says of them, as `decode -o json` names their fields (docs/cli.md). */
import type { HeaderLayer } from "../frame/layers.js";
import { egressOf, ingressOf, OvnOptionMask } from "../wire/ovn-option.js";
import {
  contextDatapathOf,
  contextKeysOf,
  OvnVniMask,
  ovnContextId,
  ovnVni,
  vniDatapathOf,
  vniEgressOf,
} from "../wire/ovn-tunnel-id.js";
import { VXLAN_VNI_FLAG, VxlanMask } from "../wire/vxlan.js";
import { type Draft, place } from "./json-draft.js";
import { type JsonFields, Largest } from "./json-fields.js";
import { ovnKey } from "./json-geneve.js";

const CONTEXT_ID = /^0x[0-9a-f]{1,16}$/i;

/** A VXLAN header; its VNI as given, or what the keys of `ovn` make. */
export function vxlan(fields: JsonFields, ovn: JsonFields | null): Draft<HeaderLayer<"vxlan">> {
  const isVtep = ovn?.flag("vtep") ?? false;
  const datapath = ovnKey(ovn, "datapathKey", isVtep ? VxlanMask.vni : OvnVniMask.datapath);
  const egress = ovnKey(ovn, "egressKey", OvnOptionMask.egress);
  if (ovnKey(ovn, "ingressKey", OvnOptionMask.ingress) !== undefined)
    throw ovn?.wrong("ingressKey", "VXLAN carries none");
  if (isVtep && egress !== undefined)
    throw ovn?.wrong("egressKey", "the VNI of a VTEP gateway has the datapath's key alone");
  const vni =
    fields.given("vni", VxlanMask.vni) ??
    made(fields, "vni", datapath, (key) => (isVtep ? key : ovnVni(key, egress ?? 0)));
  agree(ovn, "vxlan.vni", [
    ["datapathKey", datapath, isVtep ? vni : vniDatapathOf(vni)],
    ["egressKey", egress, vniEgressOf(vni)],
  ]);
  const layer: HeaderLayer<"vxlan"> = {
    layer: "vxlan",
    ...place(0),
    flags: fields.number("flags", Largest.byte, VXLAN_VNI_FLAG),
    reserved: fields.number("reserved", VxlanMask.reserved, 0),
    vni,
    reserved2: fields.number("reserved2", Largest.byte, 0),
  };
  return { layer, fields };
}

/** An STT header; its context id as given, or what the keys of `ovn` make. */
export function stt(fields: JsonFields, ovn: JsonFields | null): Draft<HeaderLayer<"stt">> {
  const datapath = ovnKey(ovn, "datapathKey", VxlanMask.vni);
  const ingress = ovnKey(ovn, "ingressKey", OvnOptionMask.ingress);
  const egress = ovnKey(ovn, "egressKey", OvnOptionMask.egress);
  const contextId =
    givenContextId(fields) ??
    made(fields, "contextId", datapath, (key) => ovnContextId(key, ingress ?? 0, egress ?? 0));
  const low = Number(contextId & 0xffff_ffffn);
  const keys = contextKeysOf(Number(contextId >> 32n), low);
  agree(ovn, "stt.contextId", [
    ["datapathKey", datapath, contextDatapathOf(low)],
    ["ingressKey", ingress, ingressOf(keys)],
    ["egressKey", egress, egressOf(keys)],
  ]);
  const layer: HeaderLayer<"stt"> = {
    layer: "stt",
    ...place(0),
    version: fields.number("version", Largest.byte, 0),
    flags: fields.number("flags", Largest.byte, 0),
    l4Offset: fields.number("l4Offset", Largest.byte, 0),
    reserved: fields.number("reserved", Largest.byte, 0),
    mss: fields.number("mss", Largest.short, 0),
    vlan: fields.number("vlan", Largest.short, 0),
    contextId,
    padding: fields.number("padding", Largest.short, 0),
  };
  return { layer, fields };
}

function givenContextId(fields: JsonFields): bigint | undefined {
  const text = fields.text("contextId");
  if (text === undefined) return undefined;
  if (CONTEXT_ID.test(text)) return BigInt(text);
  throw fields.wrong("contextId", "is not 0x and up to 16 hexadecimal digits");
}

/** An identifier that was not given, of the datapath's key and others. */
function made<Id>(
  fields: JsonFields,
  name: string,
  datapath: number | undefined,
  make: (datapath: number) => Id,
): Id {
  if (datapath !== undefined) return make(datapath);
  throw fields.wrong(name, "is missing");
}

/** Throws where keys and the identifier at `path` contradict each other. */
function agree(
  ovn: JsonFields | null,
  path: string,
  keys: readonly (readonly [name: string, said: number | undefined, is: number])[],
): void {
  for (const [name, said, is] of keys)
    if (said !== undefined && said !== is) throw ovn?.wrong(name, `${said}, but that of ${path} is ${is}`);
}
