/** `saic show --what program`: the program's text with variants and overrides written in. */

import type { Subject } from "./subject.js";

/** The text that an artifact carries as `program.pipe`. */
export const program: Subject = {
  name: "program",
  about: "the program with variants and overrides written in",
  text: ({ lowered }) => lowered.programText.trimEnd(),
  json: ({ lowered }) => ({ program: lowered.programText }),
};
