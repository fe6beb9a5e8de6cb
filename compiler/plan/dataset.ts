/** The data program of a dataset that checks: the runtime carries out every form of it. */

import type { DataProgram } from "./data.js";
import type { TransformOp } from "./transform-op.js";

export type DatasetOp = TransformOp;
export type DatasetProgram = DataProgram;
export type DatasetLoader = DataProgram["loader"];
