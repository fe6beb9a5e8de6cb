/** What the policies in force come to, as the lowering and the plan need them. */

import type { Span } from "../../grammar/source.js";
import type { Duration } from "../plan/schema.js";
import { evaluate, type Frame } from "./frame.js";
import { choiceOf, lengthOf, type MetricChoice } from "./policies.js";
import { type Policy, policyOf } from "./policy-forms.js";
import type { KeyValues } from "./train-keys.js";
import { asNumber, none } from "./value.js";

/** How updates are made in a stage. */
export interface UpdatePolicies {
  /** Micro-batches of an update. */
  readonly accumulate: number;
  readonly accumulateSpan: Span | null;
  readonly clip: {
    readonly form: "norm" | "value";
    readonly max: number;
    /** An update whose norm is above is skipped. */
    readonly skipAbove: number | null;
  } | null;
  /** The rate of the weights' moving average. */
  readonly ema: number | null;
  readonly earlyStop:
    | (MetricChoice & { readonly over: Duration; readonly minDelta: number })
    | null;
  /** Whether a loss that is not finite is traced to the first bad value. */
  readonly dump: boolean;
  /** The smallest micro-batch that `on_oom` may come to, and where it stands; `null` without it. */
  readonly halve: { readonly min: number; readonly span: Span } | null;
  /** Where `on_oom` stands, unless the program allows that batch statistics change with it. */
  readonly halvedUnallowed: Span | null;
  /** The weights that are validated, tested and written. */
  readonly weights: "trained" | "ema";
}

/** Reads policies that have been found sound: nothing is reported. */
export function updatePolicies(frame: Frame, values: KeyValues): UpdatePolicies {
  const policy = (key: string): Policy | null => {
    const given = values.get(key);
    return given === undefined ? null : policyOf(frame, key, given.value);
  };
  const accumulate = values.get("accumulate");
  const count = accumulate === undefined ? 1 : asNumber(evaluate(frame, accumulate.value));
  const clip = policy("clip_grad");
  const average = policy("ema");
  const patience = policy("early_stop");
  const over = patience === null ? null : lengthOf(frame, patience, "over");
  const choice = patience === null ? null : choiceOf(patience);
  const halving = policy("on_oom");
  const dump = policy("on_nan")?.bound.get("dump")?.meaning;
  const weights = values.get("weights")?.value;
  return {
    accumulate: count ?? 1,
    accumulateSpan: accumulate?.span ?? null,
    clip:
      clip === null
        ? null
        : {
            form: clip.form === "norm" ? "norm" : "value",
            max: numberOf(clip, "max"),
            skipAbove: asNumber(clip.bound.get("skip_above")?.meaning ?? none),
          },
    ema: average === null ? null : numberOf(average, "rate"),
    earlyStop:
      patience === null || over === null || choice === null
        ? null
        : { ...choice, over, minDelta: numberOf(patience, "min_delta") },
    dump: dump?.kind === "bool" && dump.value && count === 1,
    halve: halving === null ? null : { min: numberOf(halving, "min"), span: halving.span },
    halvedUnallowed: values.has("allow") ? null : (values.get("on_oom")?.span ?? null),
    weights: weights?.kind === "name" && weights.name === "ema" ? "ema" : "trained",
  };
}

const numberOf = ({ bound }: Policy, name: string): number =>
  asNumber(bound.get(name)?.meaning ?? none) ?? 0;
