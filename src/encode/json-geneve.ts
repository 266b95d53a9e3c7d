/* Geneve and what an `ovn` object says of it, as `decode -o json` names their fields (docs/cli.md). */
import type { HeaderLayer } from "../frame/layers.js";
import { EtherType } from "../wire/ethertype.js";
import {
  GENEVE_HEADER_BYTES,
  GENEVE_OPTION_DATA_MAX,
  GENEVE_OPTIONS_MAX,
  GeneveMask,
  GeneveOptionMask,
  type GeneveOptionRecord,
  geneveBytes,
} from "../wire/geneve.js";
import {
  OVN_OPTION_CLASS,
  OVN_OPTION_DATA_BYTES,
  OVN_OPTION_TYPE,
  OvnOptionMask,
  type OvnOptionRecord,
  OvnOptionView,
  ovnOption,
} from "../wire/ovn-option.js";
import { type Draft, place } from "./json-draft.js";
import { type JsonFields, Largest } from "./json-fields.js";

/** What an `ovn` object says of the header. */
export interface OvnKeys {
  fields: JsonFields;
  datapath: number | undefined;
  /** Undefined where neither key is there. */
  option: OvnOptionRecord | undefined;
}

/** A key of an `ovn` object, or undefined where it is absent or null. */
export function ovnKey(fields: JsonFields | null, name: string, limit: number): number | undefined {
  return fields?.isNull(name) ? undefined : fields?.given(name, limit);
}

/** The keys of an `ovn` object; what names it has is not looked at. */
export function ovnKeys(fields: JsonFields): OvnKeys {
  const datapath = ovnKey(fields, "datapathKey", GeneveMask.vni);
  const ingress = ovnKey(fields, "ingressKey", OvnOptionMask.ingress);
  const egress = ovnKey(fields, "egressKey", OvnOptionMask.egress);
  const reserved = fields.number("reserved", 1, 0);
  if (ingress === undefined || egress === undefined) {
    if (ingress !== egress)
      throw fields.wrong(ingress === undefined ? "ingressKey" : "egressKey", "is missing");
    return { fields, datapath, option: undefined };
  }
  return { fields, datapath, option: { reserved, ingress, egress } };
}

/**
 * A Geneve header. `fields` null: what the keys alone make. `carried`: the EtherType of what it carries; undefined
 * where no header says it.
 */
export function geneve(
  fields: JsonFields | null,
  ovn: OvnKeys | null,
  carried: number | undefined,
): Draft<HeaderLayer<"geneve">> {
  const at = fields ?? (ovn as OvnKeys).fields;
  const options = fields?.has("options") ? fields.objects("options").map(option) : undefined;
  const made = ovn?.option === undefined ? [] : [ovnOption(ovn.option)];
  const protocolType = fields?.given("protocolType", Largest.short) ?? carried ?? EtherType.bridged;
  if (carried !== undefined && protocolType !== carried)
    throw at.wrong("protocolType", `${protocolType}, but what follows it has ${carried}`);
  const vni = fields?.given("vni", GeneveMask.vni) ?? ovn?.datapath;
  if (vni === undefined) throw at.wrong("vni", "is missing");
  const layer: HeaderLayer<"geneve"> = {
    layer: "geneve",
    ...place(0),
    version: fields?.number("version", GeneveMask.version, 0) ?? 0,
    oam: fields?.flag("oam") ?? false,
    critical: false,
    reservedBits: fields?.number("reservedBits", GeneveMask.reservedBits, 0) ?? 0,
    protocolType,
    vni,
    reserved: fields?.number("reserved", Largest.byte, 0) ?? 0,
    options: options ?? made,
    optionsRest: fields?.bytes("optionsRest") ?? new Uint8Array(0),
  };
  const optionBytes = geneveBytes(layer) - GENEVE_HEADER_BYTES;
  if (optionBytes > GENEVE_OPTIONS_MAX || optionBytes % 4 !== 0)
    throw at.wrong(
      "options",
      `${optionBytes} bytes with their headers, not a multiple of 4 up to ${GENEVE_OPTIONS_MAX} (a header of ${GENEVE_HEADER_BYTES + GENEVE_OPTIONS_MAX})`,
      GENEVE_OPTIONS_MAX,
    );
  if (ovn !== null && layer.version === 0) agree(ovn, layer);
  layer.critical = critical(fields, layer);
  return { layer, fields: at };
}

function option(fields: JsonFields): GeneveOptionRecord {
  const type = fields.number("type", Largest.byte);
  const isCritical = (type & GeneveOptionMask.critical) !== 0;
  if ((fields.givenFlag("critical") ?? isCritical) !== isCritical)
    throw fields.wrong("critical", `the highest bit of type ${type} says ${isCritical}`);
  const read = {
    optionClass: fields.number("class", Largest.short),
    type,
    reserved: fields.number("reserved", GeneveOptionMask.reserved, 0),
    data: fields.units("data", 4, GENEVE_OPTION_DATA_MAX),
  };
  fields.end();
  return read;
}

/** C, which says whether any option is critical (RFC 8926 section 3.4), unless it is to be wrong. */
function critical(
  fields: JsonFields | null,
  { version, options, optionsRest }: HeaderLayer<"geneve">,
): boolean {
  const isAny = options.some(({ type }) => (type & GeneveOptionMask.critical) !== 0);
  const given = fields?.givenFlag("critical");
  const isMismatch = fields?.flag("criticalMismatch") ?? false;
  // Where not all options can be read nobody knows.
  if (version !== 0 || optionsRest.length > 0) return given ?? isAny;
  if ((given ?? isAny !== isMismatch) !== (isAny !== isMismatch))
    throw (fields as JsonFields).wrong(
      "critical",
      isMismatch
        ? `${given} is what the options say, but criticalMismatch is true`
        : `${given}, but ${isAny ? "an" : "no"} option is critical; with criticalMismatch it is written all the same`,
    );
  return given ?? isAny !== isMismatch;
}

/** Throws where keys and header contradict each other. */
function agree({ fields, datapath, option }: OvnKeys, { vni, options }: HeaderLayer<"geneve">): void {
  if (datapath !== undefined && datapath !== vni)
    throw fields.wrong("datapathKey", `${datapath}, but geneve.vni is ${vni}`);
  if (option === undefined) return;
  const found = options.find(
    ({ optionClass, type, data }) =>
      optionClass === OVN_OPTION_CLASS && type === OVN_OPTION_TYPE && data.length === OVN_OPTION_DATA_BYTES,
  );
  if (found === undefined)
    throw fields.wrong("ingressKey", "there are keys, but geneve.options has no option of OVN's");
  const { data } = found;
  const view = new OvnOptionView();
  view.bind(new DataView(data.buffer, data.byteOffset), 0, OVN_OPTION_DATA_BYTES);
  for (const [name, said, is] of [
    ["ingressKey", option.ingress, view.ingress],
    ["egressKey", option.egress, view.egress],
    ["reserved", option.reserved, view.reserved],
  ] as const)
    if (said !== is) throw fields.wrong(name, `${said}, but that of geneve.options is ${is}`);
}
