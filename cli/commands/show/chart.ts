/** A small chart of one curve in text. */

const marks = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/**
 * Bars of `height` lines, one column per value, from the least value (or zero, when all are
 * positive) to the largest; below, the first and the last update.
 */
export function chartOf(
  values: readonly number[],
  height: number,
  updates: number,
): readonly string[] {
  const high = Math.max(...values, 0);
  const low = Math.min(...values, 0);
  const label = (value: number): string => String(Number(value.toPrecision(3)));
  const margin = Math.max(label(high).length, label(low).length);
  const lines = Array.from({ length: height }, (_, i) => {
    const floor = height - 1 - i;
    const bars = values.map((value) => bar(value, low, high, height, floor)).join("");
    const name = i === 0 ? label(high) : i === height - 1 ? label(low) : "";
    return `  ${name.padStart(margin)} │${bars}`.trimEnd();
  });
  const first = "1";
  const last = String(updates);
  const gap = Math.max(1, values.length - first.length - last.length);
  return [
    ...lines,
    `  ${" ".repeat(margin)} └${"─".repeat(values.length)}`,
    `  ${" ".repeat(margin)}  ${first}${" ".repeat(gap)}${last}`,
  ];
}

/** How much of the line above `floor` the value fills, in eighths. */
function bar(value: number, low: number, high: number, height: number, floor: number): string {
  if (high === low) return floor === 0 ? marks[0] : " ";
  const filled = ((value - low) / (high - low)) * height - floor;
  if (filled <= 0) return floor === 0 ? marks[0] : " ";
  return marks[Math.min(marks.length - 1, Math.ceil(filled * marks.length) - 1)] ?? " ";
}
