/** What the compiler of TypeScript leaves to do: the command must be executable for `npx saic`. */

import { chmodSync } from "node:fs";
import { fileURLToPath } from "node:url";

chmodSync(fileURLToPath(new URL("../cli/main.js", import.meta.url)), 0o755);
