/** The order of names in which numbers count as numbers: `2.png` before `10.png`. */

/**
 * Compares runs of digits by their value and all else by code unit; of equal names the one with
 * fewer leading zeros comes first. The order is total and the same on every machine.
 */
export function compareNaturally(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = compareParts(left[i] ?? "", right[i] ?? "");
    if (order !== 0) return order;
  }
  if (left.length !== right.length) return left.length - right.length;
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

const partsOf = (name: string): readonly string[] => name.match(/\d+|\D+/gu) ?? [];

function compareParts(a: string, b: string): number {
  if (/^\d/u.test(a) && /^\d/u.test(b)) {
    const [x, y] = [a, b].map((digits) => digits.replace(/^0+(?=\d)/u, ""));
    const longer = (x ?? "").length - (y ?? "").length;
    return longer === 0 ? byCodeUnit(x ?? "", y ?? "") : longer;
  }
  return byCodeUnit(a, b);
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
