/** The package: what goes into it, and that it works where it is installed. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { build } from "../runtime/build.js";
import { root, tinyProgram } from "./saic.js";

const folder = mkdtempSync(join(tmpdir(), "saic-package-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(build);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

function npm(cwd: string, ...args: readonly string[]): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync("npm", args, { cwd, encoding: "utf8" });
  return { code: status, output: status === 0 ? stdout : stderr };
}

function pack(...args: readonly string[]): Packed {
  const { code, output } = npm(root, "pack", "--json", "--ignore-scripts", ...args);
  expect(code, output).toBe(0);
  const [packed] = JSON.parse(output) as readonly Packed[];
  if (packed === undefined) throw new Error("nothing was packed");
  return packed;
}

test("the package holds the command, the library and the pipelines, and no tests", () => {
  const { files } = pack("--dry-run");
  const paths = files.map(({ path }) => path);
  for (const needed of [
    "package.json",
    "README.md",
    "dist/cli/main.js",
    "dist/cli/program.cjs",
    "dist/runtime/train/process.js",
    "dist/runtime/train/worker.js",
    "dist/runtime/executor/bound/thread.js",
    "stdlib/layers.pipe",
    "stdlib/vision/resnet.pipe",
    "pipelines/quickstart.pipe",
  ])
    expect(paths).toContain(needed);
  expect(paths.filter((path) => /^test|\.test\.|^bench|^scripts|\.ts$/u.test(path))).toEqual([]);
});

test("npx saic works from the installed package", (context) => {
  const { filename } = pack("--pack-destination", folder);
  const home = join(folder, "home");
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), "{}");
  writeFileSync(join(home, "tiny.pipe"), tinyProgram());
  const tarball = join(folder, filename);
  const install = npm(home, "install", "--no-audit", "--no-fund", "--prefer-offline", tarball);
  if (
    install.code !== 0 &&
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/u.test(install.output)
  )
    context.skip(`the package registry cannot be reached: ${install.output.split("\n")[0] ?? ""}`);
  expect(install.code, install.output).toBe(0);
  const check = spawnSync("npx", ["--no-install", "saic", "check", "tiny.pipe"], {
    cwd: home,
    encoding: "utf8",
  });
  expect(check).toMatchObject({ status: 0, stdout: "tiny.pipe: no findings\n" });
  const run = spawnSync("npx", ["--no-install", "saic", "run", "tiny.pipe", "--format", "json"], {
    cwd: home,
    encoding: "utf8",
  });
  expect(run.status, run.stderr).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({
    status: "finished",
    updates: 12,
    executor: "bound",
  });
}, 240_000);

test("the command starts without native libraries: what one needs loads when it is used", () => {
  const text = readFileSync(join(root, "dist/cli/program.cjs"), "utf8");
  const imported = [...text.matchAll(/^(?:let|const) .*? = require\("([^"]+)"\)/gmu)].map(
    ([, from]) => from,
  );
  expect(imported).toContain("node:fs");
  for (const native of ["onnxruntime-node", "koffi", "sharp"])
    expect(imported).not.toContain(native);
  // A script has no `import()`: what needs one is in a part that Node itself loads.
  expect(text.match(/(?<![\w.{]\s?)await import\(/gu)).toBeNull();
});
