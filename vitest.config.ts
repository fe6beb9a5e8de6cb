import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Native addons (onnxruntime-node, sharp) must not be loaded twice into one process's threads.
    pool: "forks",
    testTimeout: 60_000,
    maxWorkers: 2,
  },
});
