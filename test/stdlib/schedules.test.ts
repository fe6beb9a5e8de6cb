/** The library's schedules against the numbers their definitions give. */

import { expect, test } from "vitest";
import { createSchedules, createTimeline } from "../../runtime/schedule.js";
import { planOf } from "./train-steps.js";

const base = 0.1;

/** The learning rate at each update. */
function ratesOf(schedule: string, steps: number): readonly number[] {
  const plan = planOf({
    model: `
block Net() {
  in image: f32[B, 3, 8, 8]
  out y: f32[B]
  weight w: f32[3] = 1
  y = sum(mean(image, axes: [2, 3]) * w, axes: [1])
}`,
    loss: "average(y)",
    optimizer: `sgd(lr: ${base})`,
    schedule,
    steps,
  });
  const schedules = createSchedules(plan, createTimeline(plan, 10));
  return Array.from({ length: steps }, (_, i) => schedules.valueAt("lr", i + 1));
}

const half = (u: number): number => 0.5 * (1 + Math.cos(Math.PI * u));

/** PyTorch's `OneCycleLR` with its cosine annealing: the rate at `step` of `total`. */
function oneCycle(step: number, total: number): number {
  const rising = 0.25 * total - 1;
  const first = base / 20;
  if (step <= rising) return base + (first - base) * half(step / rising);
  return first / 100 + (base - first / 100) * half((step - rising) / (total - 1 - rising));
}

test.each<[string, number, (t: number, n: number) => number]>([
  ["hold()", 5, () => base],
  ["linear(to: 0.02)", 8, (t, n) => base + (0.02 - base) * (t / n)],
  ["polynomial(to: 0.01, power: 3)", 8, (t, n) => 0.01 + (base - 0.01) * (1 - t / n) ** 3],
  ["exponential(gamma: 0.9)", 8, (t) => base * 0.9 ** t],
  ["step_decay(drops: 2, gamma: 0.5)", 9, (t) => base * (t < 3 ? 1 : t < 6 ? 0.5 : 0.25)],
  ["cosine(to: 0.02)", 8, (t, n) => 0.02 + (base - 0.02) * half(t / n)],
  ["cosine_restarts(cycles: 3, to: 0.02)", 12, (t) => 0.02 + (base - 0.02) * half((t % 4) / 4)],
  ["one_cycle(rise: 0.25, div: 20, final_div: 100)", 20, oneCycle],
])("%s over %d updates", (schedule, steps, rateAt) => {
  const rates = ratesOf(`schedules.${schedule}`, steps);
  for (const [t, rate] of rates.entries()) expect(rate).toBeCloseTo(rateAt(t, steps), 12);
});

test("a segment begins where the one before it ended", () => {
  const rates = ratesOf(
    "schedules.step_decay(drops: 1, gamma: 0.5, over: 4 steps) then schedules.exponential(gamma: 0.5)",
    6,
  );
  expect(rates).toEqual([0.1, 0.1, 0.05, 0.05, 0.05, 0.025]);
});
