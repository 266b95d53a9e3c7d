/* A row of numbers as a row of blocks. */

const BLOCKS = "▁▂▃▄▅▆▇█";

/**
 * The last `count` of `values`, the newest last, in `width` cells: each is the mean of some neighbours, or one value
 * where there is room, beside the largest of them. What is nothing, or is not there yet, is blank.
 */
export function sparkline(values: readonly number[], count: number, width: number): string {
  const cells = Math.min(width, count);
  const before = values.length - count;
  const means: number[] = [];
  for (let cell = 0; cell < cells; cell++) {
    const from = Math.floor((cell * count) / cells);
    const until = Math.floor(((cell + 1) * count) / cells);
    let sum = 0;
    for (let index = from; index < until; index++) sum += values[before + index] ?? 0;
    means.push(sum / (until - from));
  }
  const largest = Math.max(0, ...means);
  return means
    .map((mean) => (mean > 0 ? BLOCKS[Math.ceil((mean / largest) * BLOCKS.length) - 1] : " "))
    .join("");
}
