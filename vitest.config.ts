import { defineConfig } from "vitest/config";

/** Folders whose tests start processes, take signals, or watch what a process holds: each file has one to itself. */
const apart = ["test/recipes/**", "test/trust/**", "test/resume/**", "test/contract/**", "test/golden/**"];

const common = {
  // Native modules (onnxruntime-node, sharp) and worker threads started by tests want processes of their own.
  pool: "forks",
  testTimeout: 120_000,
  hookTimeout: 120_000,
} as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    globalSetup: ["./test/support/own-temporary-folder.mjs", "./test/support/build-once.mjs"],
    projects: [
      // Most files are small: loading the product once for all of them takes half of the time away.
      { test: { ...common, name: "parts", include: ["test/**/*.test.ts"], exclude: apart, isolate: false } },
      { test: { ...common, name: "whole", include: apart.map((folder) => `${folder}/*.test.ts`) } },
    ],
  },
});
