import type { MulticastGroup } from "./model.js";

/*
 * Keys that OVN gives to the same groups in every datapath (northd's multicast groups; ovn-architecture(7)).
 */
const NAMES = [
  [32768, "_MC_flood"],
  [32769, "_MC_unknown"],
  [32770, "_MC_mrouter_flood"],
  [32771, "_MC_static"],
  [32772, "_MC_flood_l2"],
] as const;

/** The groups whose name follows from their key alone. */
export const WELL_KNOWN_GROUPS: ReadonlyMap<number, MulticastGroup> = new Map(
  NAMES.map(([tunnelKey, name]) => [
    tunnelKey,
    Object.freeze({
      kind: "multicast",
      uuid: null,
      name,
      tunnelKey,
      wellKnown: true,
      from: Number.NEGATIVE_INFINITY,
      until: Number.POSITIVE_INFINITY,
    }),
  ]),
);
