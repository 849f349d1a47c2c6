import { defineConfig } from "vitest/config";

/**
 * Tests that start processes, take signals, train runs from files, or watch what a process holds: each file has a
 * process to itself, which takes one to two seconds to load the product.
 */
const apart = [
  "test/{trust,resume,contract}/**/*.test.ts",
  "test/recipes/{examples,real-data,run-file}/**/*.test.ts",
  "test/recipes/app/{commands,init}/**/*.test.ts",
  "test/recipes/app/page/{server/*,*-page}.test.ts",
  "test/recipes/{works,app/compare}/run-files.test.ts",
  "test/recipes/app/{cli,help,node-version,session,stopping}.test.ts",
];

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
      // All others share two processes: loading the product once for all of them takes half of the time away.
      { test: { ...common, name: "parts", include: ["test/**/*.test.ts"], exclude: apart, isolate: false } },
      { test: { ...common, name: "whole", include: apart } },
    ],
  },
});
