#!/usr/bin/env node
// Plain JavaScript: Node runs no TypeScript by itself. From here on it does, the user's run file included.
import { register } from "tsx/esm/api";

register();
const { main } = await import("./cli.ts");
process.exitCode = await main(process.argv.slice(2));
