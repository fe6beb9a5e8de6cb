/** Every subject of `saic show`, in the order in which help lists them. */

import { ir } from "./ir.js";
import { params } from "./params.js";
import { placement } from "./placement.js";
import { plan } from "./plan.js";
import { program } from "./program.js";
import { resolved } from "./resolved.js";
import { saved } from "./saved.js";
import { schedules } from "./schedules.js";
import { schema } from "./schema.js";
import { shapes } from "./shapes.js";
import type { Subject } from "./subject.js";

export const subjects: readonly Subject[] = [
  params,
  shapes,
  ir,
  schema,
  schedules,
  program,
  resolved,
  placement,
  saved,
  plan,
];
