#!/usr/bin/env node
// Plain JavaScript: Node runs no TypeScript by itself. From here on it does, the user's run file included.
import { nodeProblem } from "./app/node-version.mjs";

const problem = nodeProblem(process.versions.node);
if (problem === null) {
  const { register } = await import("tsx/esm/api");
  register();
  const { main } = await import("./app/cli.ts");
  const code = await main(process.argv.slice(2));
  // What a reward or a plugin left running (a call that hangs, a server) must not keep a finished command alive.
  process.stdout.write("", () => process.exit(code));
} else {
  console.error(`papo: ${problem}`);
  process.exitCode = 1;
}
