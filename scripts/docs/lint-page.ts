/** The page of the linter: every rule with an example, and how to silence one. */

import { lintRules } from "../../compiler/lint/rules.js";
import { diagnosticKinds, messageShape } from "../../grammar/catalogue.js";
import { at } from "../../grammar/invariant.js";
import { fenced, type Page, pageOf, prose } from "./markdown.js";

export function lintPage(): Page {
  return pageOf("lint", "Lint", "what `saic lint` finds in sound programs.", [
    prose(
      "`saic check` says what is wrong; `saic lint` says what is sound and probably not meant. It reports the errors of a program first and looks further only where there are none. Rules that concern values follow the graph, through functions, blocks and lets.",
    ),
    "",
    "Findings are warnings with the exit code 1.",
    "",
    ...lintRules.flatMap(({ code, example }) => {
      const kind = at(
        diagnosticKinds.filter((each) => each.code === code),
        0,
      );
      return [
        `## ${code}`,
        "",
        `\`\`${messageShape(kind)}\`\``,
        "",
        prose(kind.explain),
        "",
        "Wrong:",
        "",
        ...fenced("text", example.wrong),
        "",
        "Right:",
        "",
        ...fenced("text", example.right),
        "",
      ];
    }),
    "## Silencing a rule",
    "",
    "A comment at the end of a line, or alone on the line before, silences rules where they are wrong:",
    "",
    ...fenced("text", "train main {  // lint: allow lint/missing-seed: a sweep gives it"),
    "",
    prose(
      "Several codes have commas between them, and a text after a colon may say why. A comment that silences nothing is reported (`lint/unused-allow`), as is a code that is none (`lint/unknown-allow`).",
    ),
  ]);
}
