/** Compiles core/learner/optimizer/adamw.wat into core/learner/optimizer/adamw-wasm.ts: part of `npm run docs`. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import openWabt from "wabt";

const folder = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "core", "learner", "optimizer");
export const target = join(folder, "adamw-wasm.ts");

/** The generated file's text. */
export async function compiled() {
  const wabt = await openWabt();
  const { buffer } = wabt
    .parseWat("adamw.wat", readFileSync(join(folder, "adamw.wat"), "utf8"), { simd: true })
    .toBinary({});
  return `/** adamw.wat, compiled (npm run docs). */\nexport const adamwWasm = "${Buffer.from(buffer).toString("base64")}";\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(target, await compiled());
  console.log("Wrote core/learner/optimizer/adamw-wasm.ts");
}
