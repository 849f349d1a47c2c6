#!/usr/bin/env node
// Plain JavaScript: it says so to a Node that is too old, and finds the command line. A package holds it built; a clone
// runs the built one as long as its sources are what was built, and the sources otherwise, which need a loader.
import { existsSync } from "node:fs";
import { installationProblem } from "./app/installation.mjs";
import { nodeProblem } from "./app/node-version.mjs";

async function commandLine() {
  const packed = new URL("./cli.js", import.meta.url);
  if (existsSync(packed)) return import(packed.href);
  const { builtCommandLine } = await import("../build/packages.mjs");
  const built = builtCommandLine();
  if (built !== null) return import(built.href);
  const { register } = await import("tsx/esm/api");
  register();
  return import("./app/cli.ts");
}

let main = null;
let problem = nodeProblem(process.versions.node);
if (problem === null) {
  try {
    ({ main } = await commandLine());
  } catch (error) {
    problem = installationProblem(error);
    if (problem === null) throw error;
  }
}
if (main !== null) {
  const code = await main(process.argv.slice(2));
  // What a reward or a plugin left running (a call that hangs, a server) must not keep a finished command alive.
  process.stdout.write("", () => process.exit(code));
} else {
  console.error(`papo: ${problem}`);
  process.exitCode = 1;
}
