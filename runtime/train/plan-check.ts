/** Checks a plan's references before anything runs: what a name refers to must exist. */

import type { GraphSpec, Plan } from "../../compiler/plan/schema.js";
import { diagnose } from "../../grammar/diagnostic.js";
import { artifactInconsistent } from "../../grammar/diagnostics/run.js";
import { exitCodes, Fault } from "../fault.js";
import { inputsOf } from "../metrics/metrics.js";

/** Faults with exit code 2 at the first name that leads nowhere. */
export function checkPlan(plan: Plan): void {
  for (const reason of contradictions(plan))
    throw new Fault(diagnose(artifactInconsistent, { reason }, null), exitCodes.environment);
}

function* contradictions(plan: Plan): Iterable<string> {
  const paths = new Set(plan.state.map(({ path }) => path));
  yield* repeated(
    plan.state.map(({ path }) => path),
    "state path",
  );
  for (const slots of [true, false])
    yield* repeated(
      plan.state.filter(({ role }) => (role === "slot") === slots).map(({ key }) => key),
      "checkpoint key",
    );
  const schedules = new Set(plan.schedules.map(({ name }) => name));
  const fields = new Set(plan.data.outputs.map(({ name }) => name));
  for (const [index, stage] of plan.stages.entries()) {
    for (const path of [...stage.trainable, ...stage.bornSlots])
      if (!paths.has(path)) yield `stage \`${stage.name}\` names the unknown state \`${path}\``;
    for (const name of stage.schedules)
      if (!schedules.has(name)) yield `stage \`${stage.name}\` follows no schedule \`${name}\``;
    for (const graph of Object.values(stage.graphs)) {
      yield* graphContradictions(graph, { paths, schedules, fields, stage: index });
      const atoms = new Set(
        graph.outputs.flatMap(({ meaning }) => (meaning.kind === "sum" ? [meaning.atom] : [])),
      );
      if (graph === stage.graphs.apply) continue;
      for (const { name, terms } of stage.losses)
        for (const { atom } of terms)
          if (!atoms.has(atom))
            yield `\`${graph.file}\` gives no \`${atom}\`, which the loss \`${name}\` needs`;
    }
    const available = new Set([...stage.graphs.eval.outputs.map(({ name }) => name), ...fields]);
    for (const { split, name, measure } of plan.metrics)
      for (const input of inputsOf(measure))
        if (!available.has(input))
          yield `\`${split}.${name}\` reads \`${input}\`, which \`${stage.graphs.eval.file}\` does not give`;
  }
  yield* metricContradictions(plan);
  const known = knownValues(plan);
  for (const { name } of plan.objectives)
    if (!known.has(name)) yield `the objective \`${name}\` is measured nowhere`;
  const { best } = plan.checkpoint;
  if (best !== null && !(best.metric.startsWith("val.") && known.has(best.metric)))
    yield `the best checkpoint is chosen by \`${best.metric}\`, which validation does not measure`;
}

function* graphContradictions(
  graph: GraphSpec,
  known: {
    readonly paths: ReadonlySet<string>;
    readonly schedules: ReadonlySet<string>;
    readonly fields: ReadonlySet<string>;
    readonly stage: number;
  },
): Iterable<string> {
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

/** Every total is given by each evaluation graph, and every result by the closing one. */
function* metricContradictions({ accumulators, closing, metrics, stages }: Plan): Iterable<string> {
  const names = accumulators.map(({ name }) => name);
  yield* repeated(names, "accumulator");
  for (const { graphs } of stages) {
    const given = graphs.eval.outputs.flatMap(({ meaning }) =>
      meaning.kind === "total" ? [meaning.accumulator] : [],
    );
    for (const name of names)
      if (!given.includes(name)) yield `\`${graphs.eval.file}\` gives no share of \`${name}\``;
  }
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
    ...plan.metrics.map(({ split, name }) => `${split}.${name}`),
  ]);
}

function* repeated(items: readonly string[], what: string): Iterable<string> {
  const seen = new Set<string>();
  for (const item of items) {
    if (seen.has(item)) yield `the ${what} \`${item}\` stands twice`;
    seen.add(item);
  }
}
