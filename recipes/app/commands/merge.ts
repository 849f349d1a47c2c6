/** `papo merge`: a model folder with an adapter merged into its weights. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { mergeAdapters } from "@papo/core";
import { adapterFolder } from "../../run-file/model-folder.ts";
import type { Command } from "./command.ts";

const types = { input: "input", float32: "F32", bfloat16: "BF16", float16: "F16" } as const;

const options = { output: { type: "string" }, base: { type: "string" }, type: { type: "string", default: "input" } } as const;

export const merge: Command = {
  usage: "papo merge <adapter | checkpoint | run> [<adapter> …] --output <folder> [--base <model>] [--type input]",
  summary: [
    "Write the model that an adapter is for with the adapter merged into its weights: a Hugging Face folder. Several adapters are merged one after the other.",
    "The base is what adapter_config.json names, or --base. --type input (each tensor's type in the base), float32, bfloat16 or float16. One tensor at a time is in memory.",
  ].join("\n"),
  options,
  async run(args) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    if (positionals.length === 0 || values.output === undefined) throw new Error(`usage: ${merge.usage}`);
    const type = types[values.type as keyof typeof types];
    if (!Object.hasOwn(types, values.type)) throw new Error(`--type is ${values.type}; there are ${Object.keys(types).join(", ")}`);
    const folder = resolve(values.output);
    await mergeAdapters(folder, { adapters: positionals.map(adapterFolder), type, ...(values.base === undefined ? {} : { base: resolve(values.base) }) });
    console.log(`model: ${folder}`);
  },
};
