/** The XML reader takes what is well-formed and names what is not. */

import { describe, expect, it } from "vitest";
import { readXml } from "../../runtime/data/xml.js";

const problem = (text: string): string => {
  const result = readXml(text);
  return result.ok ? "none" : `${result.line}: ${result.problem}`;
};

describe("readXml", () => {
  it("reads elements, text, entities, comments, CDATA and attributes", () => {
    const result = readXml(
      `<?xml version="1.0"?>\n<!-- <b> --><a x="1" y='&lt;'>A&amp;&#66;&#x43;<b/><![CDATA[<d>]]><c>\n x </c></a>\n`,
    );
    expect(result).toEqual({
      ok: true,
      root: {
        name: "a",
        text: "A&BC<d>",
        children: [
          { name: "b", text: "", children: [] },
          { name: "c", text: "\n x ", children: [] },
        ],
      },
    });
  });

  it.each([
    ["", "1: it holds no element"],
    ["<a>\n<b>\n</a>", "3: `</a>` where `</b>` is due"],
    ["<a>\n<b></b>", "1: `<a>` is never closed"],
    ["<a/></a>", "1: `</a>` closes nothing"],
    ["<a/><b/>", "1: a second root element"],
    ["<a/>x", "1: text outside of the root element"],
    ["<a>&nbsp;</a>", "1: unknown entity `&nbsp;`"],
    ["<a>x & y</a>", "1: unknown entity `&`"],
    ["<a>&#xD800;</a>", "1: unknown entity `&#xD800;`"],
    ["<a>1 < 2</a>", "1: a malformed tag"],
    ["<a x=1/>", "1: a malformed tag"],
    ['<a x="1" x="2"/>', "1: attribute `x` is given twice"],
    ["<!DOCTYPE a><a/>", "1: a document type is not read"],
    ["<a><!-- </a>", "1: the comment never ends"],
  ])("refuses %j", (text, expected) => expect(problem(text)).toBe(expected));
});
