/** `saic doctor`: what this machine has for running graphs, and what is missing. */

import { exitCodes } from "../../runtime/fault.js";
import { formatOption } from "../program-flags.js";
import type { CommandDefinition } from "./index.js";

export const doctor: CommandDefinition = (program) => {
  program
    .command("doctor")
    .description("say what this machine has for training, and what is missing")
    .addOption(formatOption("how to print"))
    .action(async (flags: { readonly format: "text" | "json" }) => {
      const { lookAround } = await import("./doctor/findings.js");
      const findings = await lookAround();
      if (flags.format === "json") process.stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
      else
        for (const { name, status, detail, hint } of findings) {
          process.stdout.write(`${status.padEnd(8)} ${name}: ${detail}\n`);
          if (hint !== null) process.stdout.write(`         ${hint}\n`);
        }
      if (findings.some(({ status }) => status === "broken"))
        process.exitCode = exitCodes.environment;
    });
};
