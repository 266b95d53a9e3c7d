/** Names told at most. */
const MOST = 3;
/** Characters of a name that are compared. */
const COMPARED = 64;

/**
 * The names most like `text`, whatever their case, the most like first: those that differ in two characters or a
 * third of them at most, or have `text` in them.
 */
export function nearest(text: string, names: Iterable<string>): string[] {
  const wanted = text.slice(0, COMPARED).toLowerCase();
  const limit = Math.max(Math.min(2, wanted.length - 1), Math.floor(wanted.length / 3));
  const found: { name: string; distance: number }[] = [];
  for (const name of names) {
    const other = name.slice(0, COMPARED).toLowerCase();
    const bound = found.length < MOST ? limit : found[MOST - 1].distance - 1;
    const isLong = Math.abs(other.length - wanted.length) > bound;
    const distance = isLong ? Number.POSITIVE_INFINITY : distanceOf(wanted, other, bound);
    if (distance <= bound) found.push({ name, distance });
    else if (found.length < MOST && wanted.length > 1 && other.includes(wanted))
      found.push({ name, distance: limit });
    else continue;
    found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
    found.length = Math.min(found.length, MOST);
  }
  return found.map(({ name }) => name);
}

/** Characters to be changed, put in or left out to make one text of the other; any number above `bound` where more. */
function distanceOf(a: string, b: string, bound: number): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, row[j] + 1, next[j - 1] + 1));
    }
    if (Math.min(...next) > bound) return Number.POSITIVE_INFINITY;
    row = next;
  }
  return row[b.length];
}
