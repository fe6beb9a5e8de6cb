/** `saic init`: what it writes is checked, formatted and trained, and nothing is overwritten. */

import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writePicture } from "../data/fixtures.js";
import { createWorkplace, root } from "./saic.js";

const place = createWorkplace();
afterAll(place.remove);

test.for([
  ["quickstart", []],
  ["images", ["--data", "pictures"]],
] as const)("%s: the program is found right and well formed", async ([template, flags]) => {
  const ended = await place.saic("init", template, "--template", template);
  const file = join(template, `${template}.pipe`);
  expect(ended).toMatchObject({ code: 0, stdout: `${file}\n${join(template, ".gitignore")}\n` });
  expect(ended.stderr).toContain(`next: saic run ${file}`);
  expect(readdirSync(join(place.path, template)).toSorted()).toEqual([
    ".gitignore",
    `${template}.pipe`,
  ]);
  expect(await place.saic("check", file, ...flags)).toMatchObject({
    code: 0,
    stdout: `${file}: no findings\n`,
    stderr: "",
  });
  expect(await place.saic("fmt", "--check", file)).toMatchObject({ code: 0, stdout: "" });
});

test("the images program trains on folders of pictures; the quickstart is the one of the package", async () => {
  for (const [i, kind] of ["cat", "dog"].entries())
    for (let n = 0; n < 10; n++)
      await writePicture(
        join(place.path, "pictures", kind, `${n}.png`),
        16,
        16,
        (y, x) => (y * 7 + x * 3 + n + 100 * i) % 256,
      );
  await place.saic("init", "drawn");
  expect(place.read("drawn/quickstart.pipe")).toBe(
    readFileSync(join(root, "pipelines/quickstart.pipe"), "utf8"),
  );
  await place.saic("init", "trained", "--template", "images");
  const sizes = ["--height", "16", "--width", "16", "--batch", "4", "--steps", "2"];
  const argv = ["run", "trained/images.pipe", "--data", "pictures", ...sizes, "--format", "json"];
  const images = await place.saic(...argv);
  expect(images.code, images.stderr).toBe(0);
  expect(JSON.parse(images.stdout)).toMatchObject({ status: "finished", updates: 2 });
});

test("a folder with something in it is left alone", async () => {
  mkdirSync(join(place.path, "mine"));
  place.write("mine/thesis.txt", "");
  place.write("file", "");
  const occupied = await place.saic("init", "mine");
  expect(occupied).toMatchObject({ code: 2, stdout: "" });
  expect(occupied.stderr).toContain("error[command/folder-not-empty]: `mine` is not empty");
  expect(readdirSync(join(place.path, "mine"))).toEqual(["thesis.txt"]);
  const file = await place.saic("init", "file");
  expect(file).toMatchObject({ code: 2, stdout: "" });
  expect(file.stderr).toContain("cannot write `file`: a file is in its place");
});

test("an empty folder, one with `.git` only, and folders to be made are taken", async () => {
  mkdirSync(join(place.path, "repository", ".git"), { recursive: true });
  expect((await place.saic("init", "repository")).code).toBe(0);
  mkdirSync(join(place.path, "empty"));
  expect((await place.saic("init", "empty")).code).toBe(0);
  expect((await place.saic("init", "new/deep")).code).toBe(0);
  expect(existsSync(join(place.path, "new/deep/quickstart.pipe"))).toBe(true);
  const unknown = await place.saic("init", "other", "--template", "quick");
  expect(unknown).toMatchObject({ code: 2, stdout: "" });
  expect(existsSync(join(place.path, "other"))).toBe(false);
});
