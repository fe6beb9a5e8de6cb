/** Checks a plan's references before anything runs: what a name refers to must exist. */

import { takesSeveral } from "../../compiler/plan/layout.js";
import {
  type GraphInput,
  type GraphOutput,
  type GraphSpec,
  measuresOf,
  type Plan,
  type Stage,
} from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { artifactInconsistent } from "../../grammar/diagnostics/run.js";
import { severalDevices } from "../../grammar/diagnostics/placement.js";
import { exitCodes, Fault } from "../fault.js";
import { inputsOf } from "../metrics/metrics.js";

/** Faults with exit code 2 at the first name that leads nowhere, and where several devices are asked for. */
export function checkPlan(plan: Plan): void {
  for (const layout of plan.layouts ?? [])
    if (takesSeveral(layout)) {
      const devices = layout.axes.reduce((product, axis) => product * axis.devices, 1);
      const diagnostic = diagnose(severalDevices, { train: plan.train, devices }, null);
      throw new Fault(diagnostic, exitCodes.environment);
    }
  for (const reason of contradictions(plan))
    throw new Fault(diagnose(artifactInconsistent, { reason }, null), exitCodes.environment);
}

function* contradictions(plan: Plan): Iterable<string> {
  const paths = new Set(plan.state.map(({ path }) => path));
  yield* repeated(
    plan.state.map(({ path }) => path),
    "state path",
  );
  for (const roles of [["parameter", "buffer"], ["slot"], ["average"]])
    yield* repeated(
      plan.state.filter(({ role }) => roles.includes(role)).map(({ key }) => key),
      "checkpoint key",
    );
  for (const { role, of, path } of plan.state)
    if (role === "average" && (of === null || !paths.has(of)))
      yield `\`${path}\` is the average of nothing`;
  const schedules = new Set(plan.schedules.map(({ name }) => name));
  const fields = new Set(plan.data.outputs.map(({ name }) => name));
  for (const [index, stage] of plan.stages.entries()) {
    for (const path of [...stage.trainable, ...stage.bornSlots, ...(stage.bornAverages ?? [])])
      if (!paths.has(path)) yield `stage \`${stage.name}\` names the unknown state \`${path}\``;
    for (const name of stage.schedules)
      if (!schedules.has(name)) yield `stage \`${stage.name}\` follows no schedule \`${name}\``;
    const rest = stage.kernels?.rest ?? null;
    for (const graph of [...Object.values(stage.graphs), ...(rest === null ? [] : [rest])]) {
      yield* graphContradictions(graph, { paths, schedules, fields, stage: index });
      const atoms = new Set(
        graph.outputs.flatMap(({ meaning }) => (meaning.kind === "sum" ? [meaning.atom] : [])),
      );
      if (graph === stage.graphs.apply || graph === rest) continue;
      for (const { name, terms } of stage.losses)
        for (const { atom } of terms)
          if (!atoms.has(atom))
            yield `\`${graph.file}\` gives no \`${atom}\`, which the loss \`${name}\` needs`;
    }
    yield* kernelContradictions(stage);
    yield* accumulationContradictions(stage, { paths, schedules, fields, stage: index });
    const available = new Set([...stage.graphs.eval.outputs.map(({ name }) => name), ...fields]);
    for (const { split, name, measure } of measuresOf(plan, stage).metrics)
      for (const input of inputsOf(measure))
        if (!available.has(input))
          yield `\`${split}.${name}\` reads \`${input}\`, which \`${stage.graphs.eval.file}\` does not give`;
  }
  for (const stage of plan.stages) yield* metricContradictions(plan, stage);
  const known = knownValues(plan);
  for (const { name } of plan.objectives)
    if (!known.has(name)) yield `the objective \`${name}\` is measured nowhere`;
  for (const { name, earlyStop } of plan.stages)
    if (
      earlyStop !== undefined &&
      (earlyStop.metric.startsWith("test.") || !known.has(earlyStop.metric))
    )
      yield `stage \`${name}\` stops by \`${earlyStop.metric}\`, which validation does not measure`;
  const choosing = [
    ...[plan, ...plan.stages].flatMap(({ checkpoint }) => checkpoint?.best ?? []),
    ...plan.stages.flatMap(({ start }) => start ?? []),
  ];
  for (const { metric } of choosing)
    if (!(metric.startsWith("val.") && known.has(metric)))
      yield `the best checkpoint is chosen by \`${metric}\`, which validation does not measure`;
}

interface Known {
  readonly paths: ReadonlySet<string>;
  readonly schedules: ReadonlySet<string>;
  readonly fields: ReadonlySet<string>;
  readonly stage: number;
}

/** What a micro-batch takes over from those before it is given by them. */
function* accumulationContradictions(
  { name, graphs, accumulate }: Plan["stages"][number],
  known: Known,
): Iterable<string> {
  if (accumulate !== undefined) yield* graphContradictions(accumulate.weights, known);
  const given = new Set(graphs.grad.outputs.map((output) => output.name));
  const weights = new Set(
    accumulate?.weights.outputs.flatMap(({ meaning }) =>
      meaning.kind === "weight" ? [meaning.atom] : [],
    ),
  );
  for (const { feed } of [...graphs.grad.inputs, ...graphs.step.inputs]) {
    if (feed.kind === "so_far" && !given.has(feed.output))
      yield `stage \`${name}\` adds up \`${feed.output}\`, which \`${graphs.grad.file}\` does not give`;
    if (feed.kind === "divisor" && !weights.has(feed.atom))
      yield `stage \`${name}\` measures no weight of \`${feed.atom}\``;
  }
}

/** Kernels update whole tensors of `apply`, with numbers that the rest gives. */
function* kernelContradictions({
  name,
  graphs,
  kernels,
}: Plan["stages"][number]): Iterable<string> {
  if (kernels === undefined) return;
  const lengths = new Map<string, number>();
  const note = (key: string, { dtype, shape }: GraphInput | GraphOutput): void => {
    const count = shape.reduce((product: number, extent) => product * Number(extent), 1);
    if (dtype === "f32") lengths.set(key, count);
  };
  for (const input of graphs.apply.inputs)
    if (input.feed.kind === "state" || input.feed.kind === "gradient")
      note(`${input.feed.kind}:${input.feed.path}`, input);
  for (const output of graphs.apply.outputs)
    if (output.meaning.kind === "state") note(`state:${output.meaning.path}`, output);
  const numbers = new Set(kernels.rest?.outputs.map((output) => output.name));
  for (const { tensors, length, scalars } of kernels.calls) {
    for (const { kind, path } of tensors)
      if (lengths.get(`${kind}:${path}`) !== length)
        yield `a kernel of stage \`${name}\` takes the ${kind} \`${path}\` for ${length} numbers of f32`;
    for (const scalar of scalars)
      if (!numbers.has(scalar))
        yield `a kernel of stage \`${name}\` takes \`${scalar}\`, which nothing gives`;
  }
}

function* graphContradictions(graph: GraphSpec, known: Known): Iterable<string> {
  for (const { name, feed } of graph.inputs) {
    const where = `input \`${name}\` of \`${graph.file}\``;
    if (feed.kind === "field" && !known.fields.has(feed.field))
      yield `${where} reads the unknown field \`${feed.field}\``;
    if ((feed.kind === "state" || feed.kind === "gradient") && !known.paths.has(feed.path))
      yield `${where} reads the unknown state \`${feed.path}\``;
    if (feed.kind === "schedule" && !known.schedules.has(feed.schedule))
      yield `${where} follows no schedule \`${feed.schedule}\``;
    if (feed.kind === "count" && feed.since > known.stage)
      yield `${where} counts since a later stage`;
  }
  for (const { name, meaning } of graph.outputs)
    if ((meaning.kind === "state" || meaning.kind === "gradient") && !known.paths.has(meaning.path))
      yield `output \`${name}\` of \`${graph.file}\` gives the unknown state \`${meaning.path}\``;
}

/** Every total is given by the evaluation graph, and every result by the closing one. */
function* metricContradictions(plan: Plan, stage: Stage): Iterable<string> {
  const { accumulators, closing, metrics } = measuresOf(plan, stage);
  const names = accumulators.map(({ name }) => name);
  yield* repeated(names, "accumulator");
  const { eval: evaluation } = stage.graphs;
  const given = evaluation.outputs.flatMap(({ meaning }) =>
    meaning.kind === "total" ? [meaning.accumulator] : [],
  );
  for (const name of names)
    if (!given.includes(name)) yield `\`${evaluation.file}\` gives no share of \`${name}\``;
  for (const { name, feed } of closing?.inputs ?? [])
    if (feed.kind !== "total" || !names.includes(feed.accumulator))
      yield `\`${name}\` of the closing graph is no total of an accumulator`;
  const results = new Set(
    closing?.outputs.flatMap(({ meaning }) => (meaning.kind === "result" ? [meaning.result] : [])),
  );
  for (const { split, name, measure } of metrics)
    if (measure.kind === "result" && !results.has(measure.result))
      yield `the closing graph does not give \`${split}.${name}\``;
}

/** Names that a result may hold. */
function knownValues(plan: Plan): ReadonlySet<string> {
  const losses = ["loss", ...plan.stages.flatMap((stage) => stage.losses.map(({ name }) => name))];
  return new Set([
    ...["train", "val", "test"].flatMap((split) => losses.map((name) => `${split}.${name}`)),
    ...[plan, ...plan.stages.map((stage) => measuresOf(plan, stage))].flatMap(({ metrics }) =>
      metrics.map(({ split, name }) => `${split}.${name}`),
    ),
  ]);
}

function* repeated(items: readonly string[], what: string): Iterable<string> {
  const seen = new Set<string>();
  for (const item of items) {
    if (seen.has(item)) yield `the ${what} \`${item}\` stands twice`;
    seen.add(item);
  }
}
