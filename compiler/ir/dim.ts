/**
 * Dims: extents of tensors as polynomials over names, kept in one normal form, so that `n*m`
 * equals `m*n`. A dim without names is a plain number.
 */

import { at, invariant } from "../../grammar/invariant.js";

export type Dim = number | SymbolicDim;

/** A sum of terms that holds at least one atom. `text` is its normal form and its identity. */
export interface SymbolicDim {
  readonly terms: readonly Term[];
  readonly text: string;
}

/** `coefficient * atom * atom …`; atoms are sorted by their text, repeated for powers. */
export interface Term {
  readonly coefficient: number;
  readonly atoms: readonly Atom[];
}

/** A name, or the floor or ceiling of a quotient that has no exact form. */
export type Atom =
  | { readonly kind: "name"; readonly text: string }
  | {
      readonly kind: "floor" | "ceil";
      readonly over: Dim;
      readonly under: Dim;
      readonly text: string;
    };

export const namedDim = (name: string): Dim =>
  fromTerms([{ coefficient: 1, atoms: [{ kind: "name", text: name }] }]);

export const sameDim = (a: Dim, b: Dim): boolean =>
  a === b || (typeof a !== "number" && typeof b !== "number" && a.text === b.text);

export const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, i) => sameDim(dim, at(b, i)));

export const printDim = (dim: Dim): string => (typeof dim === "number" ? String(dim) : dim.text);

// Most dims are numbers: arithmetic on two of them makes no terms.

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === 0) return b;
  return b === 0 ? a : fromTerms([...termsOf(a), ...termsOf(b)]);
}

export const negateDim = (a: Dim): Dim => multiplyDims(-1, a);

export const subtractDims = (a: Dim, b: Dim): Dim => addDims(a, negateDim(b));

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a * b + 0;
  if (a === 1) return b;
  if (b === 1) return a;
  return fromTerms(
    termsOf(a).flatMap((x) =>
      termsOf(b).map((y) => ({
        coefficient: x.coefficient * y.coefficient,
        atoms: [...x.atoms, ...y.atoms],
      })),
    ),
  );
}

export const productOf = (dims: readonly Dim[]): Dim => dims.reduce<Dim>(multiplyDims, 1);

/** `a / b` where it has no remainder as a polynomial by a single term, otherwise `null`. */
export function divideExactly(a: Dim, b: Dim): Dim | null {
  if (b === 0) return null;
  if (typeof a === "number" && typeof b === "number") return a % b === 0 ? a / b + 0 : null;
  if (sameDim(a, b)) return 1;
  const divisor = termsOf(b);
  if (divisor.length !== 1) return divideByRatio(a, b);
  const { coefficient, atoms } = at(divisor, 0);
  const quotient: Term[] = [];
  for (const term of termsOf(a)) {
    if (term.coefficient % coefficient !== 0) return null;
    const rest = [...term.atoms];
    for (const atom of atoms) {
      const found = rest.findIndex((other) => other.text === atom.text);
      if (found < 0) return null;
      rest.splice(found, 1);
    }
    quotient.push({ coefficient: term.coefficient / coefficient, atoms: rest });
  }
  return fromTerms(quotient);
}

/** `a = k * b` for an integer `k` and a sum `b`: the only quotient by a sum that occurs. */
function divideByRatio(a: Dim, b: Dim): Dim | null {
  const [first, divisor] = [termsOf(a)[0], termsOf(b)[0]];
  if (first === undefined || divisor === undefined) return a === 0 ? 0 : null;
  const head = divideExactly(fromTerms([first]), fromTerms([divisor]));
  return head !== null && sameDim(multiplyDims(head, b), a) ? head : null;
}

/** The floor of `a / b`: exact where it can be, an atom otherwise. */
export const floorDivide = (a: Dim, b: Dim): Dim => rounded("floor", a, b);

/** The ceiling of `a / b`: exact where it can be, an atom otherwise. */
export const ceilDivide = (a: Dim, b: Dim): Dim => rounded("ceil", a, b);

/**
 * Normal form of a rounded quotient: `ceil(a / k)` becomes `floor((a + k - 1) / k)` and what `k`
 * divides is taken out, so that `floor((H - 1) / 2) + 1` equals `ceil(H / 2)`.
 */
function rounded(kind: "floor" | "ceil", a: Dim, b: Dim): Dim {
  invariant(b !== 0, "dims are never divided by zero here");
  if (typeof a === "number" && typeof b === "number")
    return kind === "floor" ? Math.floor(a / b) : Math.ceil(a / b);
  const exact = divideExactly(a, b);
  if (exact !== null) return exact;
  if (typeof b !== "number" || b < 0) return roundedAtom(kind, a, b);
  if (kind === "ceil") return rounded("floor", addDims(a, b - 1), b);
  const [whole, rest]: [Term[], Term[]] = [[], []];
  for (const term of termsOf(a)) {
    const quotient = Math.floor(term.coefficient / b);
    const remainder = term.coefficient - quotient * b;
    if (quotient !== 0) whole.push({ ...term, coefficient: quotient });
    if (remainder !== 0) rest.push({ ...term, coefficient: remainder });
  }
  return addDims(fromTerms(whole), roundedAtom("floor", fromTerms(rest), b));
}

function roundedAtom(kind: "floor" | "ceil", over: Dim, under: Dim): Dim {
  if (typeof over === "number" && typeof under === "number")
    return kind === "floor" ? Math.floor(over / under) : Math.ceil(over / under);
  const text = printRounded(kind, over, under);
  return fromTerms([{ coefficient: 1, atoms: [{ kind, over, under, text }] }]);
}

/** `floor((H + 1) / 2)` reads better as `ceil(H / 2)`. */
function printRounded(kind: "floor" | "ceil", over: Dim, under: Dim): string {
  if (kind === "floor" && typeof over !== "number" && typeof under === "number") {
    const constant = over.terms.find((term) => term.atoms.length === 0)?.coefficient ?? 0;
    if (constant === under - 1)
      return `ceil(${parenthesized(addDims(over, -constant))} / ${under})`;
  }
  return `${kind}(${parenthesized(over)} / ${parenthesized(under)})`;
}

/** Dims are immutable, and asked for their names again and again. */
const namesByDim = new WeakMap<SymbolicDim, ReadonlySet<string>>();
const noNames: ReadonlySet<string> = new Set();

/** The names a dim depends on, inside floors and ceilings too. */
export function namesOf(dim: Dim): ReadonlySet<string> {
  if (typeof dim === "number") return noNames;
  const known = namesByDim.get(dim) ?? collectNames(dim);
  namesByDim.set(dim, known);
  return known;
}

function collectNames(dim: SymbolicDim): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (d: Dim): void => {
    for (const atom of termsOf(d).flatMap((term) => term.atoms))
      if (atom.kind === "name") names.add(atom.text);
      else {
        visit(atom.over);
        visit(atom.under);
      }
  };
  visit(dim);
  return names;
}

/** Replaces names by dims; a name without a binding stays. `null` when a division by zero arises. */
export function substitute(dim: Dim, bindings: ReadonlyMap<string, Dim>): Dim | null {
  if (typeof dim === "number" || ![...namesOf(dim)].some((name) => bindings.has(name))) return dim;
  let sum: Dim = 0;
  for (const term of termsOf(dim)) {
    let product: Dim = term.coefficient;
    for (const atom of term.atoms) {
      const factor = substituteAtom(atom, bindings);
      if (factor === null) return null;
      product = multiplyDims(product, factor);
    }
    sum = addDims(sum, product);
  }
  return sum;
}

function substituteAtom(atom: Atom, bindings: ReadonlyMap<string, Dim>): Dim | null {
  if (atom.kind === "name") return bindings.get(atom.text) ?? fromTerms([oneAtom(atom)]);
  const over = substitute(atom.over, bindings);
  const under = substitute(atom.under, bindings);
  return over === null || under === null || under === 0 ? null : rounded(atom.kind, over, under);
}

/**
 * Solves `pattern = value` for `name`, in which `pattern` must be linear with no other unknown:
 * `pattern = c * name + rest`. `null` when it is not linear or the division leaves a remainder.
 */
export function solveLinear(pattern: Dim, name: string, value: Dim): Dim | null {
  const [slope, rest]: Term[][] = [[], []];
  for (const term of termsOf(pattern)) {
    const found = term.atoms.findIndex((atom) => atom.kind === "name" && atom.text === name);
    if (found < 0) {
      if (term.atoms.some((atom) => atom.kind !== "name" && dependsOn(atom, name))) return null;
      rest?.push(term);
    } else slope?.push({ ...term, atoms: term.atoms.toSpliced(found, 1) });
  }
  const coefficient = fromTerms(slope ?? []);
  if (coefficient === 0 || namesOf(coefficient).has(name)) return null;
  return divideExactly(subtractDims(value, fromTerms(rest ?? [])), coefficient);
}

const dependsOn = (atom: Atom, name: string): boolean =>
  namesOf(fromTerms([oneAtom(atom)])).has(name);

const oneAtom = (atom: Atom): Term => ({ coefficient: 1, atoms: [atom] });

const termsOf = (dim: Dim): readonly Term[] =>
  typeof dim === "number" ? (dim === 0 ? [] : [{ coefficient: dim, atoms: [] }]) : dim.terms;

/** Sorts, merges and prints: the only way a dim comes to be. */
function fromTerms(terms: readonly Term[]): Dim {
  const merged = new Map<string, Term>();
  for (const term of terms) {
    const atoms = term.atoms.toSorted((x, y) => compareText(x.text, y.text));
    const key = atoms.map((atom) => atom.text).join("*");
    const coefficient = (merged.get(key)?.coefficient ?? 0) + term.coefficient;
    if (coefficient === 0) merged.delete(key);
    else merged.set(key, { coefficient, atoms });
  }
  const sorted = [...merged].toSorted(
    ([x, a], [y, b]) => b.atoms.length - a.atoms.length || compareText(x, y),
  );
  if (sorted.length === 0) return 0;
  const [only] = sorted;
  if (sorted.length === 1 && only?.[0] === "") return only[1].coefficient;
  return {
    terms: sorted.map(([, term]) => term),
    text: printTerms(sorted.map(([, term]) => term)),
  };
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function printTerms(terms: readonly Term[]): string {
  return terms
    .map(({ coefficient, atoms }, i) => {
      const size = Math.abs(coefficient);
      const factors = [
        ...(size === 1 && atoms.length > 0 ? [] : [size]),
        ...atoms.map((a) => a.text),
      ];
      const sign = coefficient < 0 ? (i === 0 ? "-" : " - ") : i === 0 ? "" : " + ";
      return sign + factors.join(" * ");
    })
    .join("");
}

const parenthesized = (dim: Dim): string =>
  typeof dim !== "number" && dim.terms.length > 1 ? `(${dim.text})` : printDim(dim);
