/** Losses as linear combinations of sum/weight atoms, so that they add up over batches and devices. */

import type { Loss } from "./value.js";

export const addLosses = (a: Loss, b: Loss): Loss => ({
  constant: a.constant + b.constant,
  terms: [...a.terms, ...b.terms],
});

export const scaleLoss = (loss: Loss, factor: number): Loss => ({
  constant: loss.constant * factor,
  terms: loss.terms.map((term) => ({ ...term, coefficient: term.coefficient * factor })),
});

export const divideLoss = (loss: Loss, divisor: number): Loss => scaleLoss(loss, 1 / divisor);
