/** Every op, in the order in which references list them. */

import { invariant } from "../../grammar/invariant.js";
import type { Op } from "./define.js";
import { abs } from "./elementwise/abs.js";
import { add } from "./elementwise/add.js";
import { and } from "./elementwise/and.js";
import { cast } from "./elementwise/cast.js";
import { ceil } from "./elementwise/ceil.js";
import { clip } from "./elementwise/clip.js";
import { constant } from "./elementwise/constant.js";
import { cos } from "./elementwise/cos.js";
import { div } from "./elementwise/div.js";
import { elu } from "./elementwise/elu.js";
import { equal } from "./elementwise/equal.js";
import { erf } from "./elementwise/erf.js";
import { exp } from "./elementwise/exp.js";
import { expm1 } from "./elementwise/expm1.js";
import { floor } from "./elementwise/floor.js";
import { gelu } from "./elementwise/gelu.js";
import { geluGrad } from "./elementwise/gelu-grad.js";
import { greater } from "./elementwise/greater.js";
import { greaterEqual } from "./elementwise/greater-equal.js";
import { hardsigmoid } from "./elementwise/hardsigmoid.js";
import { hardswish } from "./elementwise/hardswish.js";
import { isnan } from "./elementwise/isnan.js";
import { leakyRelu } from "./elementwise/leaky-relu.js";
import { less } from "./elementwise/less.js";
import { lessEqual } from "./elementwise/less-equal.js";
import { log } from "./elementwise/log.js";
import { log1p } from "./elementwise/log1p.js";
import { maximum } from "./elementwise/maximum.js";
import { minimum } from "./elementwise/minimum.js";
import { mod } from "./elementwise/mod.js";
import { mul } from "./elementwise/mul.js";
import { neg } from "./elementwise/neg.js";
import { not } from "./elementwise/not.js";
import { notEqual } from "./elementwise/not-equal.js";
import { or } from "./elementwise/or.js";
import { pow } from "./elementwise/pow.js";
import { reciprocal } from "./elementwise/reciprocal.js";
import { relu } from "./elementwise/relu.js";
import { reluGrad } from "./elementwise/relu-grad.js";
import { round } from "./elementwise/round.js";
import { rsqrt } from "./elementwise/rsqrt.js";
import { sigmoid } from "./elementwise/sigmoid.js";
import { sign } from "./elementwise/sign.js";
import { silu } from "./elementwise/silu.js";
import { siluGrad } from "./elementwise/silu-grad.js";
import { sin } from "./elementwise/sin.js";
import { softplus } from "./elementwise/softplus.js";
import { sqrt } from "./elementwise/sqrt.js";
import { square } from "./elementwise/square.js";
import { stopGradient } from "./elementwise/stop-gradient.js";
import { sub } from "./elementwise/sub.js";
import { tanh } from "./elementwise/tanh.js";
import { vector } from "./elementwise/vector.js";
import { where } from "./elementwise/where.js";
import { xor } from "./elementwise/xor.js";
import { conv } from "./linear/conv.js";
import { convInputGrad } from "./linear/conv-input-grad.js";
import { convTranspose } from "./linear/conv-transpose.js";
import { convWeightGrad } from "./linear/conv-weight-grad.js";
import { gemm } from "./linear/gemm.js";
import { gemmBias } from "./linear/gemm-bias.js";
import { gemmResidual } from "./linear/gemm-residual.js";
import { gemmWeightGrad } from "./linear/gemm-weight-grad.js";
import { matmul } from "./linear/matmul.js";
import { rowProduct } from "./linear/row-product.js";
import { transpose } from "./linear/transpose.js";
import { adaptiveAvgPool } from "./nn/adaptive-avg-pool.js";
import { adaptiveAvgPoolGrad } from "./nn/adaptive-avg-pool-grad.js";
import { avgPool } from "./nn/avg-pool.js";
import { avgPoolGrad } from "./nn/avg-pool-grad.js";
import { batchNorm } from "./nn/batch-norm.js";
import { batchNormGrad } from "./nn/batch-norm-grad.js";
import { batchNormInference } from "./nn/batch-norm-inference.js";
import { batchNormRelu } from "./nn/batch-norm-relu.js";
import { batchNormReluGrad } from "./nn/batch-norm-relu-grad.js";
import { groupNorm } from "./nn/group-norm.js";
import { groupNormGrad } from "./nn/group-norm-grad.js";
import { layerNorm } from "./nn/layer-norm.js";
import { layerNormGrad } from "./nn/layer-norm-grad.js";
import { logSoftmax } from "./nn/log-softmax.js";
import { lstmCell } from "./nn/lstm-cell.js";
import { lstmCellGrad } from "./nn/lstm-cell-grad.js";
import { maxPool } from "./nn/max-pool.js";
import { maxPoolGrad } from "./nn/max-pool-grad.js";
import { oneHot } from "./nn/one-hot.js";
import { resize } from "./nn/resize.js";
import { resizeGrad } from "./nn/resize-grad.js";
import { rmsNorm } from "./nn/rms-norm.js";
import { scaledDotProduct } from "./nn/scaled-dot-product.js";
import { scaledDotProductBiased } from "./nn/scaled-dot-product-biased.js";
import { scaledDotProductGrad } from "./nn/scaled-dot-product-grad.js";
import { softmax } from "./nn/softmax.js";
import { softmaxCrossEntropy } from "./nn/softmax-cross-entropy.js";
import { softmaxCrossEntropyGrad } from "./nn/softmax-cross-entropy-grad.js";
import { standardize } from "./nn/standardize.js";
import { all } from "./reduce/all.js";
import { amax } from "./reduce/amax.js";
import { amin } from "./reduce/amin.js";
import { any } from "./reduce/any.js";
import { argmax } from "./reduce/argmax.js";
import { argmin } from "./reduce/argmin.js";
import { cumsum } from "./reduce/cumsum.js";
import { logsumexp } from "./reduce/logsumexp.js";
import { mean } from "./reduce/mean.js";
import { prod } from "./reduce/prod.js";
import { sum } from "./reduce/sum.js";
import { topK } from "./reduce/top-k.js";
import { variance } from "./reduce/variance.js";
import { after } from "./shape/after.js";
import { concat } from "./shape/concat.js";
import { expand } from "./shape/expand.js";
import { expandLike } from "./shape/expand-like.js";
import { flatten } from "./shape/flatten.js";
import { flip } from "./shape/flip.js";
import { gather } from "./shape/gather.js";
import { iota } from "./shape/iota.js";
import { pad } from "./shape/pad.js";
import { reshape } from "./shape/reshape.js";
import { roll } from "./shape/roll.js";
import { scatterAdd } from "./shape/scatter-add.js";
import { scatterAlong } from "./shape/scatter-along.js";
import { scatterMax } from "./shape/scatter-max.js";
import { scatterMin } from "./shape/scatter-min.js";
import { slice } from "./shape/slice.js";
import { split } from "./shape/split.js";
import { squeeze } from "./shape/squeeze.js";
import { stack } from "./shape/stack.js";
import { takeAlong } from "./shape/take-along.js";
import { tile } from "./shape/tile.js";
import { unsqueeze } from "./shape/unsqueeze.js";

const list: readonly Op[] = [
  // constants
  constant,
  vector,
  iota,
  // elementwise: one input
  neg,
  abs,
  sign,
  exp,
  expm1,
  log,
  log1p,
  sqrt,
  rsqrt,
  reciprocal,
  square,
  sin,
  cos,
  erf,
  floor,
  ceil,
  round,
  clip,
  cast,
  not,
  isnan,
  stopGradient,
  // elementwise: activations
  relu,
  reluGrad,
  leakyRelu,
  elu,
  gelu,
  geluGrad,
  silu,
  siluGrad,
  sigmoid,
  hardsigmoid,
  hardswish,
  tanh,
  softplus,
  // elementwise: several inputs
  add,
  sub,
  mul,
  div,
  mod,
  pow,
  maximum,
  minimum,
  less,
  lessEqual,
  greater,
  greaterEqual,
  equal,
  notEqual,
  and,
  or,
  xor,
  where,
  // linear
  matmul,
  rowProduct,
  gemm,
  gemmBias,
  gemmResidual,
  gemmWeightGrad,
  transpose,
  conv,
  convInputGrad,
  convWeightGrad,
  convTranspose,
  // shape
  reshape,
  flatten,
  squeeze,
  unsqueeze,
  expand,
  expandLike,
  concat,
  stack,
  split,
  slice,
  pad,
  tile,
  flip,
  roll,
  after,
  // indexing
  gather,
  takeAlong,
  scatterAdd,
  scatterMin,
  scatterMax,
  scatterAlong,
  oneHot,
  // reduce
  sum,
  mean,
  variance,
  prod,
  amax,
  amin,
  any,
  all,
  argmax,
  argmin,
  logsumexp,
  cumsum,
  topK,
  // softmax, losses and attention
  softmax,
  logSoftmax,
  softmaxCrossEntropy,
  softmaxCrossEntropyGrad,
  scaledDotProduct,
  scaledDotProductBiased,
  scaledDotProductGrad,
  // normalization
  batchNorm,
  batchNormGrad,
  batchNormRelu,
  batchNormReluGrad,
  batchNormInference,
  standardize,
  layerNorm,
  layerNormGrad,
  rmsNorm,
  groupNorm,
  groupNormGrad,
  // recurrence
  lstmCell,
  lstmCellGrad,
  // pooling and resizing
  maxPool,
  maxPoolGrad,
  avgPool,
  avgPoolGrad,
  adaptiveAvgPool,
  adaptiveAvgPoolGrad,
  resize,
  resizeGrad,
];

/** All ops by name: adding one takes its file and a line above. */
export const ops: ReadonlyMap<string, Op> = new Map(list.map((op) => [op.name, op]));

/** The op of that name, which must exist: graphs hold names of known ops only. */
export function opNamed(name: string): Op {
  const op = ops.get(name);
  invariant(op !== undefined, `there is no op named ${name}`);
  return op;
}
