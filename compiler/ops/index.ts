/** Every op, in the order in which references list them. */

import { invariant } from "../../grammar/invariant.js";
import type { Op } from "./define.js";
import { abs } from "./elementwise/abs.js";
import { add } from "./elementwise/add.js";
import { and } from "./elementwise/and.js";
import { cast } from "./elementwise/cast.js";
import { constant } from "./elementwise/constant.js";
import { cos } from "./elementwise/cos.js";
import { div } from "./elementwise/div.js";
import { equal } from "./elementwise/equal.js";
import { erf } from "./elementwise/erf.js";
import { exp } from "./elementwise/exp.js";
import { floor } from "./elementwise/floor.js";
import { greater } from "./elementwise/greater.js";
import { greaterEqual } from "./elementwise/greater-equal.js";
import { less } from "./elementwise/less.js";
import { lessEqual } from "./elementwise/less-equal.js";
import { log } from "./elementwise/log.js";
import { maximum } from "./elementwise/maximum.js";
import { minimum } from "./elementwise/minimum.js";
import { mul } from "./elementwise/mul.js";
import { neg } from "./elementwise/neg.js";
import { not } from "./elementwise/not.js";
import { notEqual } from "./elementwise/not-equal.js";
import { or } from "./elementwise/or.js";
import { pow } from "./elementwise/pow.js";
import { reciprocal } from "./elementwise/reciprocal.js";
import { relu } from "./elementwise/relu.js";
import { reluGrad } from "./elementwise/relu-grad.js";
import { rsqrt } from "./elementwise/rsqrt.js";
import { sigmoid } from "./elementwise/sigmoid.js";
import { sin } from "./elementwise/sin.js";
import { softplus } from "./elementwise/softplus.js";
import { sqrt } from "./elementwise/sqrt.js";
import { square } from "./elementwise/square.js";
import { stopGradient } from "./elementwise/stop-gradient.js";
import { sub } from "./elementwise/sub.js";
import { tanh } from "./elementwise/tanh.js";
import { where } from "./elementwise/where.js";
import { conv } from "./linear/conv.js";
import { convInputGrad } from "./linear/conv-input-grad.js";
import { convWeightGrad } from "./linear/conv-weight-grad.js";
import { matmul } from "./linear/matmul.js";
import { transpose } from "./linear/transpose.js";
import { avgPool } from "./nn/avg-pool.js";
import { avgPoolGrad } from "./nn/avg-pool-grad.js";
import { batchNorm } from "./nn/batch-norm.js";
import { batchNormGrad } from "./nn/batch-norm-grad.js";
import { batchNormInference } from "./nn/batch-norm-inference.js";
import { crossEntropy } from "./nn/cross-entropy.js";
import { logSoftmax } from "./nn/log-softmax.js";
import { maxPool } from "./nn/max-pool.js";
import { maxPoolGrad } from "./nn/max-pool-grad.js";
import { oneHot } from "./nn/one-hot.js";
import { softmax } from "./nn/softmax.js";
import { amax } from "./reduce/amax.js";
import { argmax } from "./reduce/argmax.js";
import { logsumexp } from "./reduce/logsumexp.js";
import { mean } from "./reduce/mean.js";
import { sum } from "./reduce/sum.js";
import { concat } from "./shape/concat.js";
import { expand } from "./shape/expand.js";
import { flatten } from "./shape/flatten.js";
import { pad } from "./shape/pad.js";
import { reshape } from "./shape/reshape.js";
import { slice } from "./shape/slice.js";
import { squeeze } from "./shape/squeeze.js";
import { unsqueeze } from "./shape/unsqueeze.js";

const list: readonly Op[] = [
  // elementwise
  constant,
  neg,
  abs,
  exp,
  log,
  sqrt,
  rsqrt,
  reciprocal,
  square,
  relu,
  reluGrad,
  sigmoid,
  tanh,
  softplus,
  sin,
  cos,
  erf,
  floor,
  not,
  stopGradient,
  add,
  sub,
  mul,
  div,
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
  where,
  cast,
  // linear
  matmul,
  transpose,
  conv,
  convInputGrad,
  convWeightGrad,
  // shape
  reshape,
  expand,
  concat,
  slice,
  pad,
  squeeze,
  unsqueeze,
  flatten,
  // reduce
  sum,
  mean,
  amax,
  argmax,
  logsumexp,
  // nn
  softmax,
  logSoftmax,
  oneHot,
  crossEntropy,
  batchNorm,
  batchNormGrad,
  batchNormInference,
  maxPool,
  maxPoolGrad,
  avgPool,
  avgPoolGrad,
];

/** All ops by name: adding one takes its file and a line above. */
export const ops: ReadonlyMap<string, Op> = new Map(list.map((op) => [op.name, op]));

/** The op of that name, which must exist: graphs hold names of known ops only. */
export function opNamed(name: string): Op {
  const op = ops.get(name);
  invariant(op !== undefined, `there is no op named ${name}`);
  return op;
}
