/** The AST as compact s-expressions, so that parser tests stay table rows. */

import type {
  Argument,
  Body,
  Declaration,
  DimNode,
  Expr,
  GPath,
  Step,
  TPath,
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
  path.segments.map((p) => p.text + (p.range ? `[${show(p.range)}]` : "")).join(".");

const dim = (d: DimNode): string =>
  (d.axis === null ? "" : `${d.axis.text}=`) +
  (d.kind === "ellipsis" ? "..." : d.kind === "unknown" ? "_" : show(d.size));

export const type = (t: TypeNode | null): string | null => {
  if (t === null) return null;
  if (t.kind === "tensor-type") return `${t.dtype.text}[${t.dims.map(dim).join(",")}]`;
  return t.alternatives.length === 0
    ? "?"
    : t.alternatives.map((a) => a.name.text + (a.length ? `[${show(a.length)}]` : "")).join("|");
};

const step = (st: Step): string =>
  st.kind === "apply"
    ? s("apply", show(st.callee), st.args === null ? null : `(${args(st.args)})`, tpath(st.as))
    : s(
        "repeat",
        st.count === null ? null : show(st.count),
        st.binder === null ? null : `${name(st.binder.name)}=${show(st.binder.range)}`,
        step(st.body),
        tpath(st.as),
      );

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

type MembersOf<K extends Declaration["kind"]> =
  Extract<Declaration, { kind: K }> extends { members: readonly (infer M)[] } ? M : never;
type TrainMember = MembersOf<"train">;
type Member =
  | Declaration
  | MembersOf<"optimizer">
  | MembersOf<"block">
  | MembersOf<"dataset">
  | TrainMember
  | Extract<TrainMember, { kind: "stage" }>["members"][number];

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
      return s("field", doc, name(m.name), show(m.reader), type(m.type));
    case "split":
      return s("split", m.by === null ? "random" : name(m.by), ...m.entries.map(show));
    case "transform":
    case "metrics":
      return s(m.kind, m.split && name(m.split), ...m.assigns.map(show));
    case "loss":
      return s("loss", ...m.assigns.map(show));
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
