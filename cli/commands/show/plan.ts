/** `saic show --what plan`: what the runtime reads. */

import type { Subject } from "./subject.js";

/** `plan.json`, in either format. */
export const plan: Subject = {
  name: "plan",
  about: "the plan that the runtime reads",
  text: ({ lowered }) => JSON.stringify(lowered.plan, null, 2),
  json: ({ lowered }) => lowered.plan,
};
