import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("core/learner/optimizer/adamw-wasm.ts is what adamw.wat compiles to (npm run docs)", async () => {
  const script = (await import(new URL("../../docs/scripts/compile-wat.mjs", import.meta.url).href)) as {
    readonly target: string;
    compiled(): Promise<string>;
  };
  expect(readFileSync(script.target, "utf8")).toBe(await script.compiled());
});
