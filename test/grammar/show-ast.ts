/** The AST as compact s-expressions, so that parser tests stay table rows. */

import type {
  Argument,
  AxisItem,
  BlockMember,
  Body,
  DatasetMember,
  Declaration,
  DimNode,
  Expr,
  GPath,
  MetricMember,
  OptimizerMember,
  PathRule,
  StageLine,
  Step,
  TPath,
  TrainMember,
  TypeNode,
} from "../../grammar/ast.js";

type Node = { readonly kind: string };

/** Prints any AST node; `null` is `-`. */
export function show(node: Node | null): string {
  if (node === null) return "-";
  return showExpr(node as Expr) ?? showMember(node as Declaration);
}

const list = (items: readonly string[]): string => items.join(" ");
const name = (n: { readonly text: string } | null): string =>
  n === null ? "-" : n.text === "" ? "?" : n.text;
const names = (ns: readonly { readonly text: string }[]): string => ns.map(name).join(",");
const s = (...parts: readonly (string | null)[]): string =>
  `(${parts.filter((part) => part !== null && part !== "").join(" ")})`;
const when = (label: string, node: Node | null): string | null =>
  node === null ? null : `${label}${show(node)}`;

const args = (items: readonly Argument[]): string =>
  list(items.map((a) => (a.name === null ? show(a.value) : `${a.name.text}:${show(a.value)}`)));

export const body = ({ lets, value }: Body): string =>
  lets.length === 0 ? show(value) : s("do", ...lets.map(show), show(value));

export const tpath = (path: TPath | null): string | null =>
  path === null
    ? null
    : `@${path.segments.map((p) => p.text + (p.computed ? `{${show(p.computed)}}` : "")).join(".")}`;

export const gpath = (path: GPath): string =>
  path.segments
    .map(
      (p) =>
        p.text +
        (p.computed ? `{${show(p.computed)}}` : "") +
        (p.binder ? `[${p.binder.text}=${show(p.range)}]` : p.range ? `[${show(p.range)}]` : "") +
        (p.index ? `[${show(p.index)}]` : ""),
    )
    .join(".");

const rule = (r: PathRule): string => s(`${r.globs.map(gpath).join(",")}:`, show(r.value));

const dim = (d: DimNode): string =>
  (d.axis === null ? "" : `${d.axis.text}=`) +
  (d.kind === "ellipsis" ? "..." : d.kind === "unknown" ? "_" : show(d.size));

export const type = (t: TypeNode | null): string | null => {
  if (t === null) return null;
  if (t.kind === "list-type")
    return `[${type(t.item)}${t.length === null ? "" : `;${show(t.length)}`}]`;
  if (t.kind === "tensor-type") return `${t.dtype.text}[${t.dims.map(dim).join(",")}]`;
  return t.alternatives.length === 0
    ? "?"
    : t.alternatives.map((a) => a.name.text + (a.length ? `[${show(a.length)}]` : "")).join("|");
};

const axes = (items: readonly AxisItem[]): string =>
  list(
    items.map((item) => {
      if (item.kind === "axis") return item.name.text;
      return item.kind === "size" ? String(item.value) : `(${axes(item.items)})`;
    }),
  );

function step(st: Step): string {
  const as = tpath(st.as);
  switch (st.kind) {
    case "apply": {
      const given = st.args === null ? null : `(${args(st.args)})`;
      return s(st.unused ? "unused" : null, "apply", show(st.callee), given, as);
    }
    case "repeat": {
      const binder = st.binder && `${name(st.binder.name)}=${show(st.binder.range)}`;
      return s("repeat", st.count && show(st.count), binder, step(st.body), as);
    }
    case "each":
      return s("each", name(st.axis), step(st.body), as);
    case "scan": {
      const b = st.binder;
      const binder = b && `${name(b.name)}=${show(b.list)}${b.axis ? `@${b.axis.text}` : ""}`;
      return s("scan", st.over && name(st.over), binder, step(st.body), as);
    }
    case "rearrange":
    case "einsum": {
      const inputs = st.inputs.map(({ items }) => axes(items)).join(", ");
      return s(st.kind, inputs, "->", axes(st.output.items), args(st.sizes), as);
    }
  }
}

function showExpr(e: Expr): string | null {
  switch (e.kind) {
    case "number":
      return e.integer ? String(e.value) : `${e.value}f`;
    case "quantity":
      return `${e.value}'${e.unit}`;
    case "string":
      return JSON.stringify(e.value);
    case "bool":
      return String(e.value);
    case "name":
      return e.name;
    case "member":
      return s(".", show(e.object), e.member.text);
    case "call":
      return s("call", show(e.callee), args(e.args));
    case "index":
      return s("at", show(e.object), show(e.index));
    case "unary":
      return s(e.operator, show(e.operand));
    case "binary":
      return s(e.operator, show(e.left), show(e.right));
    case "range":
      return s("..", show(e.from), show(e.to));
    case "if":
      return s("if", show(e.condition), body(e.then), body(e.otherwise));
    case "list":
      return `[${list(e.items.map(show))}]`;
    case "spread":
      return `...${show(e.value)}`;
    case "comprehension":
      return s("for", name(e.name), show(e.range), when("if ", e.condition), show(e.value));
    case "computed-member":
      return s(".", show(e.object), `${e.text}{${show(e.computed)}}`);
    case "tuple":
      return s("tuple", args(e.items));
    case "pipe":
      return s("|>", show(e.input), step(e.step));
    case "broken":
      return "<broken>";
    default:
      return null;
  }
}

type Member =
  | Declaration
  | BlockMember
  | OptimizerMember
  | MetricMember
  | DatasetMember
  | TrainMember
  | StageLine;

const formals = (
  items: readonly { name: { text: string }; type: TypeNode | null; value: Expr | null }[],
): string =>
  `(${items
    .map(
      (f) =>
        `${name(f.name)}${f.type ? `:${type(f.type)}` : ""}${f.value ? `=${show(f.value)}` : ""}`,
    )
    .join(" ")})`;

function showMember(node: Node): string {
  const m = node as Member;
  const doc = "doc" in m && m.doc !== null ? `/${m.doc}/` : null;
  switch (m.kind) {
    case "import":
      return s(
        "import",
        doc,
        m.names === null ? null : `{${names(m.names)}}`,
        m.alias && name(m.alias),
        show(m.from),
      );
    case "param":
      return s("param", doc, name(m.name), type(m.type), when("=", m.value), when("in ", m.range));
    case "const":
      return s("const", doc, name(m.name), show(m.value));
    case "fn":
      return s("fn", doc, name(m.name), formals(m.formals), body(m.body));
    case "block":
      return s("block", doc, name(m.name), formals(m.formals), ...m.members.map(show));
    case "optimizer":
      return s(
        "optimizer",
        doc,
        name(m.name),
        formals(m.formals),
        `in:${name(m.parameter)},${name(m.gradient)}`,
        ...m.members.map(show),
      );
    case "schedule":
      return s("schedule", doc, name(m.name), formals(m.formals), show(m.value));
    case "dataset":
    case "train":
      return s(m.kind, doc, name(m.name), ...m.members.map(show));
    case "metric": {
      const head = [name(m.name), formals(m.formals), m.better && `better:${m.better}`];
      return s("metric", doc, ...head, ...m.members.map(show));
    }
    case "mesh":
      return s("mesh", doc, name(m.name), ...m.axes.map(show));
    case "shard":
      return s("shard", doc, name(m.name), `on:${name(m.on)}`, ...m.rules.map(rule));
    case "variant": {
      const own = m.quoted ? JSON.stringify(m.name.text) : name(m.name);
      return s("variant", doc, own, `of:${name(m.of)}`, ...m.members.map(show));
    }
    case "sweep":
      return s("sweep", doc, name(m.name), `over:${name(m.over)}`, ...m.entries.map(show));
    case "export":
      return s("export", doc, name(m.name), show(m.file), ...m.entries.map(show));
    case "expect":
      return s("expect", doc, show(m.condition));
    case "port":
      return s(
        m.direction,
        doc,
        name(m.name),
        type(m.type),
        when("=", m.value),
        when("if ", m.guard),
      );
    case "owned":
      return s(
        m.unused ? "unused" : null,
        m.role,
        doc,
        name(m.name),
        type(m.type),
        show(m.value),
        tpath(m.as),
        when("if ", m.guard),
      );
    case "slot":
      return s(
        "slot",
        name(m.name),
        type(m.type),
        show(m.value),
        tpath(m.as),
        when("if ", m.guard),
      );
    case "let":
      return s("let", names(m.names), show(m.value));
    case "assign":
      return s("=", names(m.names), show(m.value));
    case "update":
      return s("<-", name(m.name), show(m.value));
    case "entry":
      return s(`${m.key.map(name).join(".")}:`, show(m.value));
    case "field":
      return s("field", doc, name(m.name), show(m.reader), type(m.type), when("if ", m.guard));
    case "fit": {
      const outputs = m.outputs.map((o) => `${o.name ? `${o.name.text}:` : ""}${type(o.type)}`);
      return s("fit", doc, name(m.name), show(m.value), ...outputs);
    }
    case "split": {
      const by = m.by === null ? "random" : name(m.by);
      return s("split", by, m.args && `(${args(m.args)})`, ...m.entries.map(show));
    }
    case "transform":
    case "metrics":
      return s(m.kind, m.split && name(m.split), ...m.assigns.map(show));
    case "loss":
      return s("loss", m.name && name(m.name), ...m.members.map(show));
    case "group": {
      const binder = m.binder && `${name(m.binder.name)}=${show(m.binder.range)}`;
      const globs = m.globs.map(gpath).join(",");
      return s("group", binder, globs, when("where ", m.where), ...m.entries.map(show));
    }
    case "init":
      return s("init", ...m.rules.map(rule));
    case "predict": {
      const given = m.args.length === 0 ? null : `(${args(m.args)})`;
      return s("predict", m.name && name(m.name), given, ...m.assigns.map(show));
    }
    case "restart":
      return s("restart", name(m.what));
    case "tap":
      return s("tap", name(m.name), show(m.value));
    case "accumulator":
      return s(m.reduction, name(m.name), type(m.type), show(m.value));
    case "loader":
      return s("loader", ...m.entries.map(show));
    case "stage":
      return s("stage", name(m.name), show(m.duration), ...m.members.map(show));
    case "freeze":
    case "unfreeze":
      return s(m.kind, ...m.globs.map(gpath));
    case "objective":
      return s("objective", show(m.condition));
  }
}
