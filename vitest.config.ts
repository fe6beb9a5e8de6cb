import { defineConfig } from "vitest/config";

/** What only computes: its files run one after another in the same processes, and load the code once. */
const pure = "autodiff check docs grammar ir lint lower onnx ops passes stdlib tidy"
  .split(" ")
  .flatMap((folder) => [`test/${folder}/**/*.test.ts`, `test/${folder}.test.ts`]);

export default defineConfig({
  test: {
    // Native addons (onnxruntime-node, sharp) must not be loaded twice into one process's threads.
    pool: "forks",
    testTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: "pure", include: pure, isolate: false } },
      // What runs, and changes folders, signals and the state of its process on the way.
      { extends: true, test: { name: "running", include: ["test/**/*.test.ts"], exclude: pure } },
    ],
  },
});
