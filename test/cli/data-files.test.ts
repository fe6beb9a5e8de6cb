/** `saic check` looks into data files that are there, and asks for nothing that only a run needs. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { createWorkplace, type Workplace } from "./saic.js";

const program = `param root: path

dataset Cars {
  source: csv("labels.csv", root: root)
  field image: image("{image_path}") -> u8[3, _, _]
  field clean: column("cleanliness_scor") -> f32[]
  split by column("split") { train: "train"  val: "valid" }
  transform { image = image |> resize(8, 8) }
  loader { batch: 2 }
}
`;

let place: Workplace;
beforeAll(() => {
  place = createWorkplace({ "cars.pipe": program });
  place.write(
    "labels.csv",
    'image_path,cleanliness_score,split\r\n"a, b.jpg",0.5,train\r\nc.jpg,1,valid\r\n',
  );
});
afterAll(() => place.remove());

test("a column that is misspelt: the file, the column and what was meant", async () => {
  const { code, stderr } = await place.saic("check", "cars.pipe", "--root", ".");
  expect(code).toBe(1);
  expect(stderr).toContain(
    "error[data/column-unknown]: `labels.csv` has no column `cleanliness_scor`",
  );
  expect(stderr).toContain("cars.pipe:6:23");
  expect(stderr).toContain("did you mean `cleanliness_score`?");
});

test("a column that is there", async () => {
  place.write("right.pipe", program.replace('scor")', 'score")'));
  const { code, stdout, stderr } = await place.saic("check", "right.pipe", "--root", ".");
  expect(stderr).not.toContain("error[");
  expect({ code, stdout }).toEqual({ code: 0, stdout: "right.pipe: no findings\n" });
});

test("a table that is not there, or whose folder is not given yet", async () => {
  const elsewhere = await place.saic("check", "cars.pipe", "--root", "nowhere");
  expect(elsewhere.code).toBe(0);
  expect(elsewhere.stderr).not.toContain("data/");
  const open = await place.saic("check", "cars.pipe");
  expect(open.code).toBe(0);
  expect(open.stderr).toContain("warning[names/missing-key]: this program needs `--root`");
});

test("a root that is not given stops a run", async () => {
  place.write("right.pipe", program.replace('scor")', 'score")'));
  const open = await place.saic("run", "right.pipe");
  expect(open.code).toBe(2);
  expect(open.stderr).toContain("error[names/missing-key]: this program needs `--root`");
});
