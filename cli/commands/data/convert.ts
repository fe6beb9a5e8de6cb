/** `saic data convert`: files of arrays into each other. */

import { exitCodes } from "../../../runtime/fault.js";

export async function convertFile(
  from: string,
  to: string,
  { format }: { readonly format: "text" | "json" },
): Promise<number> {
  const { convertArrays } = await import("../../../runtime/use/convert-arrays.js");
  const arrays = convertArrays(from, to);
  const lines = arrays.map(
    ({ name, dtype, shape }) => `  ${name}: ${dtype}[${shape.join(", ")}]\n`,
  );
  const noun = arrays.length === 1 ? "array" : "arrays";
  process.stdout.write(
    format === "json"
      ? `${JSON.stringify({ from, to, arrays }, null, 2)}\n`
      : `${to}: ${arrays.length} ${noun}, read back and compared\n${lines.join("")}`,
  );
  return exitCodes.success;
}
