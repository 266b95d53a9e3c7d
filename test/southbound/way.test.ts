/* The way of packets from a port into a datapath: through which routers, and where there is none or no one. */
import { describe, expect, it } from "vitest";
import type { Inventory, Port } from "../../src/southbound/index.js";
import type { RowDelta } from "../../src/southbound/ovsdb/transaction.js";
import { wayInto } from "../../src/southbound/way.js";
import { delta, emptyInventory } from "./by-hand.js";
import { uuid } from "./ovsdb.js";

const NOW = Number.POSITIVE_INFINITY;
const map = (pairs: Record<string, string>) => ["map", Object.entries(pairs)];

/** Switches s1, s2, ... with a guest g1, g2, ... each, routers r1, r2, ..., and joints such as "s1-r1". */
function inventoryOf(
  joints: readonly string[],
  options: Record<string, Record<string, string>> = {},
): Inventory {
  const names = [...new Set(joints.flatMap((joint) => joint.split("-").slice(0, 2)))].sort();
  const keyOf = (name: string) => names.indexOf(name) + 1;
  const rows: RowDelta[] = names.map((name) =>
    delta("Datapath_Binding", uuid(1, keyOf(name)), {
      tunnel_key: keyOf(name),
      external_ids: map({
        name,
        [name.startsWith("s") ? "logical-switch" : "logical-router"]: uuid(9, keyOf(name)),
      }),
    }),
  );
  let ports = 0;
  const port = (of: string, name: string, more: object = {}) =>
    rows.push(
      delta("Port_Binding", uuid(2, ++ports), {
        datapath: ["uuid", uuid(1, keyOf(of))],
        tunnel_key: ports,
        logical_port: name,
        ...more,
      }),
    );
  for (const name of names) if (name.startsWith("s")) port(name, `g${name.slice(1)}`);
  for (const joint of joints) {
    const [one, other] = joint.split("-");
    for (const [of, from, to] of [
      [one, `${joint}@${one}`, `${joint}@${other}`],
      [other, `${joint}@${other}`, `${joint}@${one}`],
    ]) {
      const { type = "patch", ...more } = options[from] ?? {};
      port(of, from, { type, options: map({ peer: to, ...more }) });
    }
  }
  const inventory = emptyInventory();
  inventory.apply({ offset: null, date: null, comment: null, isDifference: false, rows }, true);
  return inventory;
}

/** The way from guest to guest, by names. */
function way(inventory: Inventory, from: string, to: string): unknown {
  const found = (name: string) => inventory.portByName(name, NOW) as Port;
  const { datapath } = found(to);
  if (datapath === null) throw new Error(to);
  const answer = wayInto(inventory, found(from), datapath, NOW);
  if (typeof answer === "string") return answer;
  return { inport: answer.inport.name, routers: answer.routers.map(({ name }) => name) };
}

describe("wayInto", () => {
  it("is the port itself within a switch", () => {
    expect(way(inventoryOf(["s1-r1"]), "g1", "g1")).toEqual({ inport: "g1", routers: [] });
  });

  it("leads through one router, or several with switches between them or without", () => {
    expect(way(inventoryOf(["s1-r1", "s2-r1", "s3-r1"]), "g1", "g3")).toEqual({
      inport: "s3-r1@s3",
      routers: ["s3-r1@r1"],
    });
    expect(way(inventoryOf(["s1-r1", "s2-r1", "s2-r2", "s3-r2"]), "g1", "g3")).toEqual({
      inport: "s3-r2@s3",
      routers: ["s3-r2@r2", "s2-r1@r1"],
    });
    expect(way(inventoryOf(["s1-r1", "r1-r2", "s2-r2"]), "g1", "g2")).toEqual({
      inport: "s2-r2@s2",
      routers: ["s2-r2@r2", "r1-r2@r1"],
    });
  });

  it("is the shortest, and none of several that are as short", () => {
    const ring = ["s1-r1", "s2-r1", "s2-r2", "s3-r2", "s3-r3", "s1-r3"];
    expect(way(inventoryOf(ring), "g1", "g3")).toMatchObject({ inport: "s3-r3@s3" });
    expect(way(inventoryOf(["s1-r1", "s2-r1", "s1-r2", "s2-r2"]), "g1", "g2")).toBe("several");
    expect(way(inventoryOf(["s1-r1", "s2-r1", "s2-r1-again"]), "g1", "g2")).toBe("several");
    // Several ways to a router on the way are several ways, too.
    const diamond = ["s1-r1", "r1-r2", "r1-r3", "r2-r4", "r3-r4", "s2-r4"];
    expect(way(inventoryOf(diamond), "g1", "g2")).toBe("several");
  });

  it("does not lead through gateways, of which the kind of joint or an option tells", () => {
    const gateway = { "s2-r1@s2": { type: "l3gateway" }, "s2-r1@r1": { type: "l3gateway" } };
    expect(way(inventoryOf(["s1-r1", "s2-r1"], gateway), "g1", "g2")).toBe("gateway");
    const distributed = { "s2-r1@r1": { "chassis-redirect-port": "cr-s2-r1@r1" } };
    expect(way(inventoryOf(["s1-r1", "s2-r1"], distributed), "g1", "g2")).toBe("gateway");
    expect(way(inventoryOf(["s1-r1", "s2-r1", "s1-r2", "s2-r2"], distributed), "g1", "g2")).toMatchObject({
      inport: "s2-r2@s2",
    });
  });

  it("does not lead where nothing does, nor where a peer names another", () => {
    expect(way(inventoryOf(["s1-r1", "s2-r2"]), "g1", "g2")).toBe("unconnected");
    const broken = { "s2-r1@r1": { peer: "s1-r1@s1" } };
    expect(way(inventoryOf(["s1-r1", "s2-r1"], broken), "g1", "g2")).toBe("unconnected");
  });
});
