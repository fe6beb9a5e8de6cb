/** The optimizers beyond sgd and adamw, against their papers' formulas written out by hand. */

import { expect, test } from "vitest";
import { interpret } from "../../compiler/ir/interpret.js";
import { boundShape, countOf, ndarray } from "../../compiler/ops/kit/ndarray.js";
import { at } from "../../grammar/invariant.js";
import { fixedNumbers } from "../ops/sample-graph.js";
import { graphsOf } from "./train-steps.js";

const lr = 0.1;
const start = [1, -2, 0.5];
const gradientAt = (step: number): readonly number[] => [0.5 * step, -1, 0.25 - step];

type Slots = Readonly<Record<string, readonly number[]>>;

/** The parameter and its slots after each of three updates, from slots of zeros. */
function updates(
  optimizer: string,
  slots: readonly string[],
  from: readonly number[] = start,
): readonly Slots[] {
  const graph = graphsOf({
    model: `
block Net() {
  in image: f32[B, 3, 8, 8]
  out y: f32[B]
  weight w: f32[3] = 1
  y = sum(mean(image, axes: [2, 3]) * w, axes: [1])
}`,
    loss: "average(y)",
    optimizer,
  }).get("main/apply.onnx");
  if (graph === undefined) throw new Error("there is no graph that applies gradients");
  const path = "model.w";
  let state: Slots = {
    [path]: from,
    ...Object.fromEntries(slots.map((slot) => [`${path}/${slot}`, [0, 0, 0]])),
  };
  return [1, 2, 3].map((step) => {
    const given: Slots = {
      ...state,
      [`gradient:${path}`]: gradientAt(step),
      "schedule:lr": [lr],
      "count:0": [step],
    };
    const inputs = graph.inputs.map(({ name, value }) => {
      const shape = boundShape(value.type.shape);
      return [
        name,
        ndarray(value.type.dtype, shape, given[name] ?? fixedNumbers(countOf(shape))),
      ] as const;
    });
    const results = interpret(graph, new Map(inputs));
    state = Object.fromEntries(
      Object.keys(state).map((name) => [name, [...(results.get(`next:${name}`)?.data ?? [])]]),
    );
    return { p: state[path] ?? [], ...state };
  });
}

/** Holds every element of the parameter against a rule for single numbers. */
function expectRule(states: readonly Slots[], rule: () => (p: number, g: number) => number): void {
  for (const i of [0, 1, 2]) {
    const step = rule();
    let p = at(start, i);
    for (const t of [1, 2, 3]) {
      p = step(p, at(gradientAt(t), i));
      expect(at(states, t - 1)["p"]?.[i]).toBeCloseTo(p, 10);
    }
  }
}

test.each([0, 0.2])("adam with a weight decay of %f", (decay) => {
  const states = updates(`adam(lr: ${lr}, betas: [0.8, 0.95], eps: 1e-3, weight_decay: ${decay})`, [
    "exp_avg",
    "exp_avg_sq",
  ]);
  expectRule(states, () => {
    let [m, v, t] = [0, 0, 0];
    return (p, g) => {
      const d = g + decay * p;
      t += 1;
      m = 0.8 * m + 0.2 * d;
      v = 0.95 * v + 0.05 * d * d;
      return p - (lr * (m / (1 - 0.8 ** t))) / (Math.sqrt(v / (1 - 0.95 ** t)) + 1e-3);
    };
  });
});

test("adamax", () => {
  const states = updates(`adamax(lr: ${lr}, betas: [0.8, 0.95], weight_decay: 0.1)`, [
    "exp_avg",
    "exp_inf",
  ]);
  expectRule(states, () => {
    let [m, u, t] = [0, 0, 0];
    return (p, g) => {
      const d = g + 0.1 * p;
      t += 1;
      m = 0.8 * m + 0.2 * d;
      u = Math.max(0.95 * u, Math.abs(d) + 1e-8);
      return p - ((lr / (1 - 0.8 ** t)) * m) / u;
    };
  });
});

test("lion", () => {
  const states = updates(`lion(lr: ${lr}, betas: [0.7, 0.9], weight_decay: 0.3)`, ["exp_avg"]);
  expectRule(states, () => {
    let m = 0;
    return (p, g) => {
      const mixed = 0.7 * m + 0.3 * g;
      m = 0.9 * m + 0.1 * g;
      return p * (1 - lr * 0.3) - lr * Math.sign(mixed);
    };
  });
});

test.each([
  { momentum: 0, centered: false, decay: 0 },
  { momentum: 0.9, centered: false, decay: 0.1 },
  { momentum: 0, centered: true, decay: 0 },
  { momentum: 0.5, centered: true, decay: 0.1 },
])("rmsprop with %o", ({ momentum, centered, decay }) => {
  const states = updates(
    `rmsprop(lr: ${lr}, alpha: 0.9, eps: 1e-3, momentum: ${momentum}, centered: ${centered}, weight_decay: ${decay})`,
    ["square_avg", ...(centered ? ["grad_avg"] : []), ...(momentum > 0 ? ["momentum_buffer"] : [])],
  );
  expectRule(states, () => {
    let [v, a, m] = [0, 0, 0];
    return (p, g) => {
      const d = g + decay * p;
      v = 0.9 * v + 0.1 * d * d;
      a = 0.9 * a + 0.1 * d;
      m = momentum * m + d / (Math.sqrt(centered ? v - a * a : v) + 1e-3);
      return p - lr * m;
    };
  });
});

/** Lamb on the whole vector: its lengths are the parameter's and the direction's. */
function lamb(from: readonly number[], decay: number, adapt: "adapted" | "plain") {
  let [p, m, v] = [from, from.map(() => 0), from.map(() => 0)];
  return [1, 2, 3].map((t) => {
    const g = gradientAt(t);
    m = m.map((x, i) => 0.8 * x + 0.2 * at(g, i));
    v = v.map((x, i) => 0.95 * x + 0.05 * at(g, i) ** 2);
    const direction = m.map(
      (x, i) =>
        x / (1 - 0.8 ** t) / (Math.sqrt(at(v, i) / (1 - 0.95 ** t)) + 1e-6) + decay * at(p, i),
    );
    const [length, way] = [Math.hypot(...p), Math.hypot(...direction)];
    const trust = adapt === "adapted" && length > 0 && way > 0 ? length / way : 1;
    p = p.map((x, i) => x - lr * trust * at(direction, i));
    return p;
  });
}

test.each([
  { settings: "weight_decay: 0.1", decay: 0.1, adapt: "adapted", from: start },
  { settings: "weight_decay: 0.1", decay: 0.1, adapt: "adapted", from: [0, 0, 0] },
  { settings: "weight_decay: 0", decay: 0, adapt: "plain", from: start },
  { settings: "weight_decay: 0, always_adapt: true", decay: 0, adapt: "adapted", from: start },
] as const)("lamb with $settings from $from", ({ settings, decay, adapt, from }) => {
  const states = updates(
    `lamb(lr: ${lr}, betas: [0.8, 0.95], ${settings})`,
    ["exp_avg", "exp_avg_sq"],
    from,
  );
  const expected = lamb(from, decay, adapt);
  for (const [t, p] of expected.entries())
    for (const [i, x] of p.entries()) expect(at(states, t)["p"]?.[i]).toBeCloseTo(x, 10);
});
