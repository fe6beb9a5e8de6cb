/** The graph builder: emits typed nodes in order, skipping what changes nothing. */

import { isRejection } from "../../grammar/diagnostic.js";
import { at, invariant } from "../../grammar/invariant.js";
import { opNamed } from "../ops/index.js";
import { broadcastAxes } from "../ops/kit/broadcast.js";
import { inferOp } from "../ops/kit/infer-op.js";
import { type Dim, sameDim, sameShape } from "./dim.js";
import type { GraphBuilder, Origin } from "./builder.js";
import type { Attrs, NamedValue, Node, Value } from "./graph.js";
import { type DType, type TensorType, printType, rankOf } from "./type.js";

/**
 * An empty graph. `finish` leaves out the nodes that no output needs; inputs stay. Values count from
 * `firstId`, so that they can stand beside those of another graph.
 */
export function createGraphBuilder(firstId = 0): GraphBuilder {
  const nodes: Node[] = [];
  const inputs: NamedValue[] = [];
  const taken = new Set<string>();
  let origin: Origin = { span: null, scope: "" };
  let nextId = firstId;
  const newValue = (type: TensorType): Value => ({ id: nextId++, type });

  function emitAll(op: string, values: readonly Value[], raw: Attrs = {}): readonly Value[] {
    const types = values.map((value) => value.type);
    const inferred = inferOp(opNamed(op), types, raw);
    if (isRejection(inferred))
      invariant(
        false,
        `${op}(${types.map(printType).join(", ")}) is refused: ${inferred.diagnose(null).message}`,
      );
    const outputs = inferred.outputs.map(newValue);
    const { span, scope } = origin;
    nodes.push({ op, inputs: values, attrs: inferred.attrs, outputs, span, scope });
    return outputs;
  }

  function emit(op: string, values: readonly Value[], raw: Attrs = {}): Value {
    const outputs = emitAll(op, values, raw);
    invariant(outputs.length === 1, `${op} has ${outputs.length} outputs`);
    return at(outputs, 0);
  }

  return {
    nodes,
    inputs,
    input(name, type) {
      invariant(!taken.has(name), `two inputs are named ${name}`);
      taken.add(name);
      const value = newValue(type);
      inputs.push({ name, value });
      return value;
    },
    within(inner, body) {
      const outer = origin;
      origin = inner;
      try {
        return body();
      } finally {
        origin = outer;
      }
    },
    emit,
    emitAll,
    copy({ op, attrs, outputs: made }, values) {
      const outputs = made.map(({ type }) => newValue(type));
      const { span, scope } = origin;
      nodes.push({ op, inputs: values, attrs, outputs, span, scope });
      return outputs;
    },
    finish: (name, outputs) => ({
      name,
      inputs: [...inputs],
      nodes: liveNodes(nodes, outputs),
      outputs,
    }),
    ...arithmetic(emit),
    ...arrangement(emit),
    ...selection(emit),
  };
}

/** The nodes that `outputs` depend on, in order. */
export function liveNodes(nodes: readonly Node[], outputs: readonly NamedValue[]): readonly Node[] {
  const needed = new Set(outputs.map((output) => output.value.id));
  const live: Node[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output.id))) continue;
    for (const input of node.inputs) needed.add(input.id);
    live.push(node);
  }
  return live.toReversed();
}

type Emit = (op: string, inputs: readonly Value[], attrs?: Attrs) => Value;
type Methods<K extends keyof GraphBuilder> = Pick<GraphBuilder, K>;

const splat = (emit: Emit, value: number, dtype: DType, shape: readonly Dim[] = []): Value =>
  emit("constant", [], { value, dtype, shape });

function arithmetic(
  emit: Emit,
): Methods<
  | "constant"
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "neg"
  | "scale"
  | "shift"
  | "matmul"
  | "exp"
  | "log"
  | "square"
  | "sqrt"
  | "rsqrt"
  | "sigmoid"
  | "sin"
  | "cos"
  | "pow"
  | "maximum"
  | "minimum"
  | "reluGrad"
  | "softmax"
> {
  const one = (op: string) => (x: Value) => emit(op, [x]);
  const two = (op: string) => (a: Value, b: Value) => emit(op, [a, b]);
  return {
    constant: (value, dtype = "f32", shape = []) => splat(emit, value, dtype, shape),
    add: two("add"),
    sub: two("sub"),
    mul: two("mul"),
    div: two("div"),
    neg: one("neg"),
    scale: (x, factor) => (factor === 1 ? x : emit("mul", [x, splat(emit, factor, x.type.dtype)])),
    shift: (x, term) => (term === 0 ? x : emit("add", [x, splat(emit, term, x.type.dtype)])),
    matmul: two("matmul"),
    exp: one("exp"),
    log: one("log"),
    square: one("square"),
    sqrt: one("sqrt"),
    rsqrt: one("rsqrt"),
    sigmoid: one("sigmoid"),
    sin: one("sin"),
    cos: one("cos"),
    pow: two("pow"),
    maximum: two("maximum"),
    minimum: two("minimum"),
    reluGrad: two("relu_grad"),
    softmax: (x, axis) => emit("softmax", [x], { axis }),
  };
}

function selection(
  emit: Emit,
): Methods<
  "less" | "lessEqual" | "greater" | "greaterEqual" | "equal" | "where" | "cast" | "oneHot"
> {
  const compare = (op: string) => (a: Value, b: Value) => emit(op, [a, b]);
  return {
    less: compare("less"),
    lessEqual: compare("less_equal"),
    greater: compare("greater"),
    greaterEqual: compare("greater_equal"),
    equal: compare("equal"),
    where: (cond, a, b) => emit("where", [cond, a, b]),
    cast: (x, dtype) => (x.type.dtype === dtype ? x : emit("cast", [x], { dtype })),
    oneHot: (x, attrs) => emit("one_hot", [x], attrs),
  };
}

function arrangement(
  emit: Emit,
): Methods<
  | "sum"
  | "mean"
  | "reshape"
  | "transpose"
  | "transposeLast"
  | "insertAxis"
  | "expand"
  | "sumTo"
  | "slice"
  | "pad"
  | "concat"
> {
  const reshape = (x: Value, shape: readonly Dim[]): Value =>
    sameShape(x.type.shape, shape) ? x : emit("reshape", [x], { shape });
  const sum: GraphBuilder["sum"] = (x, attrs) =>
    attrs.axes.length === 0 ? x : emit("sum", [x], attrs);
  const transpose = (x: Value, order: readonly number[]): Value =>
    order.every((axis, i) => axis === i) ? x : emit("transpose", [x], { order });
  return {
    sum,
    mean: (x, attrs) => (attrs.axes.length === 0 ? x : emit("mean", [x], attrs)),
    reshape,
    transpose,
    transposeLast: (x) => transpose(x, lastSwapped(rankOf(x.type))),
    insertAxis: (x, axis) => reshape(x, x.type.shape.toSpliced(axis, 0, 1)),
    expand: (x, shape) => (sameShape(x.type.shape, shape) ? x : emit("expand", [x], { shape })),
    sumTo: (x, shape) =>
      reshape(sum(x, { axes: broadcastAxes(shape, x.type.shape), keep: false }), shape),
    slice(x, { axis, from, to, step = 1 }) {
      const whole = from === 0 && step === 1 && sameDim(at(x.type.shape, axis), to);
      return whole ? x : emit("slice", [x], { axis, from, to, step });
    },
    pad: (x, before, after) =>
      [...before, ...after].every((count) => count === 0) ? x : emit("pad", [x], { before, after }),
    concat: (xs, axis) => (xs.length === 1 ? at(xs, 0) : emit("concat", xs, { axis })),
  };
}

const lastSwapped = (rank: number): readonly number[] =>
  Array.from({ length: rank }, (_, i) =>
    i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i,
  );
