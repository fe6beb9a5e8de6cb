/** Every form of the language, with a golden case that uses it and one that misuses it. */

import { readFileSync } from "node:fs";

export interface Form {
  readonly form: string;
  /** `file.pipe: title` of a program without a mistake. */
  readonly positive: string;
  /** `file.pipe: title` of a program with one finding. */
  readonly negative: string;
}

/** The lines of `forms.txt`, in the order of the language's pages; `#` begins a heading. */
export const forms: readonly Form[] = readFileSync(new URL("forms.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const [form = "", positive = "", negative = ""] = line.split(" | ");
    return { form, positive, negative };
  });
