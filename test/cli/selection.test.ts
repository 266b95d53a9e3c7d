import fc from "fast-check";
import { expect, test } from "vitest";
import { PacketBatch } from "../../src/capture/batch.js";
import { type OthersChoice, Selection } from "../../src/cli/selection.js";
import { FrameBatch, NO_VNI } from "../../src/frame/columns.js";
import { FrameStatus } from "../../src/frame/status.js";
import { compileFilters } from "../../src/match/filters.js";

/** VNI 1, VNI 2, or no Geneve. */
const packet = fc.constantFrom(1, 2, NO_VNI);

test("takes what a loop over the packets would take", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(packet, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 4 }),
      fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
      fc.constantFrom<OthersChoice>("skip", "take", "count"),
      fc.constantFrom<"all" | "one" | "not one">("all", "one", "not one"),
      (batches, most, others, filtered) => {
        const filter =
          filtered === "all"
            ? null
            : compileFilters([{ kind: "vni", key: 1, negated: filtered === "not one" }], null);
        const selection = new Selection(most, others, filter);
        const packets = new PacketBatch(20);
        const frames = new FrameBatch(20);
        let left = most ?? Number.POSITIVE_INFINITY;
        let passedOver = 0;
        let taken = 0;
        for (const batch of batches) {
          if (left === 0) break;
          packets.count = batch.length;
          batch.forEach((vni, i) => {
            frames.vni[i] = vni;
            frames.status[i] = vni === NO_VNI ? FrameStatus.notGeneve : FrameStatus.ok;
          });
          const expected: number[] = [];
          for (let i = 0; i < batch.length && left > 0; i++) {
            const matches = filtered === "all" || (batch[i] === 1) === (filtered === "one");
            const isGeneve = batch[i] !== NO_VNI;
            if (!matches || (others === "skip" && !isGeneve)) {
              passedOver++;
              continue;
            }
            expected.push(i);
            taken++;
            if (isGeneve || others !== "take") left--;
          }
          const count = selection.select(packets, frames);
          expect([...selection.rows.subarray(0, count)]).toEqual(expected);
          expect(selection.left).toBe(left);
        }
        expect([selection.taken, selection.passedOver]).toEqual([taken, passedOver]);
      },
    ),
    { numRuns: 2000 },
  );
});
