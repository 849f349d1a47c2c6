import { pathToFileURL } from "node:url";
import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { limitSchema, registerScore } from "./thread/scoring.ts";

const schema = z.strictObject({
  /** Names the part of the reward. */
  part: z.string().min(1),
  /** Weight in the reward. */
  weight: z.number().default(1),
  /** The module: new URL("./reward.ts", import.meta.url), or a path from the working directory. */
  module: z.union([z.instanceof(URL), z.string()]),
  /** The name that the module exports the function by. */
  export: z.string().default("default"),
  /** Plain data that the function is given with each sample. */
  options: z.record(z.string(), z.unknown()).default({}),
  ...limitSchema,
});

/**
 * Your own function from a module, in a thread that is killed when a response takes too long: for rewards that compute.
 * `export default (sample, options) => number, { value, note }, or null where it does not apply`, or a promise of one;
 * the sample has prompt.row (id, prompt, answer, fields) and response (text, tokens). FunctionRewardPlugin is for
 * functions that wait for others.
 */
export class ModuleRewardPlugin implements Plugin {
  readonly name = "ModuleRewardPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema>) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    const { module, export: name, options, ...reward } = this.options;
    registerScore(run, module instanceof URL ? module : pathToFileURL(module), name, reward, options);
  }
}
