/* Rates of rows, second by second, and what becomes of rows without packets. */
import { expect, test } from "vitest";
import { type RateRow, Rates, REMEMBERED } from "../../src/analysis/rates.js";

const counted = (id: string, packets: number, bytes = 100 * packets, received = 0) => ({
  id,
  packets,
  bytes,
  received,
  cells: () => [id],
});

const rowOf = (rates: Rates, id: string) => rates.rows().find((row) => row.id === id) as RateRow;

test("a tick makes rates of what was added since the last, by the time that was", () => {
  const rates = new Rates();
  rates.add(counted("a", 3, 300, 100));
  rates.add(counted("a", 1, 60, 60));
  expect(rowOf(rates, "a")).toMatchObject({ packets: 0, packetRate: 0 });
  rates.tick(2);
  expect(rowOf(rates, "a")).toMatchObject({
    packets: 4,
    bytes: 360,
    packetRate: 2,
    byteRate: 180,
    receivedRate: 80,
    lately: [180],
  });
  rates.tick(1);
  expect(rowOf(rates, "a")).toMatchObject({
    packets: 4,
    bytes: 360,
    packetRate: 0,
    byteRate: 0,
    receivedRate: 0,
    lately: [180, 0],
  });
});

test("the last minute is remembered, the newest last", () => {
  const rates = new Rates();
  for (let second = 1; second <= REMEMBERED + 5; second++) {
    rates.add(counted("a", 1, second));
    rates.tick(1);
  }
  expect(rowOf(rates, "a").lately).toEqual(Array.from({ length: REMEMBERED }, (_, index) => index + 6));
});

test("what a row is follows its last packets", () => {
  const rates = new Rates();
  rates.add(counted("a", 1));
  rates.add({ ...counted("a", 1), cells: () => ["moved"] });
  rates.tick(1);
  expect(rowOf(rates, "a").cells).toEqual(["moved"]);
});

test("a copy stays as it was", () => {
  const rates = new Rates();
  rates.add(counted("a", 2));
  rates.tick(1);
  const copy = rowOf(rates, "a").copy();
  const before = { ...copy, cells: copy.cells, lately: [...copy.lately] };
  rates.add(counted("a", 7));
  rates.tick(1);
  expect({ ...copy, cells: copy.cells, lately: copy.lately }).toEqual(before);
  expect(before).toMatchObject({ packets: 2, bytes: 200, packetRate: 2, lately: [200] });
});

test("a row without packets goes after three minutes, and begins anew where it comes back", () => {
  const rates = new Rates();
  rates.add(counted("a", 5));
  rates.add(counted("b", 5));
  rates.tick(1);
  for (let second = 1; second < 180; second++) {
    if (second === 100) rates.add(counted("b", 1));
    rates.tick(1);
  }
  expect(rates.rows().map(({ id }) => id)).toEqual(["a", "b"]);
  rates.tick(1);
  expect(rates.rows().map(({ id }) => id)).toEqual(["b"]);
  rates.add(counted("a", 1));
  rates.tick(1);
  expect(rowOf(rates, "a")).toMatchObject({ packets: 1, lately: [100] });
});

test("where there are too many, those go that have had no packets for longest", () => {
  const rates = new Rates();
  const add = (name: string, count: number) => {
    for (let index = 0; index < count; index++) rates.add(counted(`${name}${index}`, 1));
  };
  const counts = () => {
    const of: Record<string, number> = {};
    for (const { id } of rates.rows()) of[id[0]] = (of[id[0]] ?? 0) + 1;
    return of;
  };
  add("a", 2000);
  rates.tick(1);
  add("b", 2000);
  rates.tick(1);
  add("c", 1000);
  rates.tick(1);
  expect(counts()).toEqual({ a: 2000, b: 2000, c: 1000 });
  add("d", 2500);
  rates.tick(1);
  expect(counts()).toEqual({ b: 1500, c: 1000, d: 2500 });
  // More than there is room for, at once.
  add("e", 7000);
  rates.tick(1);
  expect(counts()).toEqual({ e: 5000 });
});
