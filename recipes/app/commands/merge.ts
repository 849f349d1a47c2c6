/** `papo merge`: a model folder with an adapter merged into its weights. */
import { resolve } from "node:path";
import { mergeAdapters } from "@papo/core";
import { adapterFolder } from "../../run-file/model-folder.ts";
import { textCommand } from "../command-line/command.ts";
import { say } from "../display/say.ts";

const types = { input: "input", float32: "F32", bfloat16: "BF16", float16: "F16" } as const;

export const merge = textCommand({
  name: "merge",
  also: ["model_merger", "merge-lora", "export"],
  forms: ["<adapter | checkpoint | run> [<adapter> …]"],
  summary: [
    "Write the model that an adapter is for with the adapter merged into its weights: a Hugging Face folder.",
    "Several adapters are merged one after the other. One tensor at a time is in memory.",
  ],
  options: {
    output: { kind: "text", value: "<folder>", required: true, text: "Where the merged model goes." },
    base: {
      kind: "text",
      value: "<model>",
      text: "The model that the adapter is for, where adapter_config.json does not name it.",
    },
    type: {
      kind: "choice",
      choices: ["input", "float32", "bfloat16", "float16"],
      default: "input",
      text: "Type of the weights that are written; input: each tensor's in the base.",
    },
  },
  positionals: [1, Infinity],
  async run({ values: { output, base, type }, positionals }) {
    const folder = resolve(output);
    await mergeAdapters(folder, {
      adapters: positionals.map(adapterFolder),
      type: types[type],
      ...(base === undefined ? {} : { base: resolve(base) }),
    });
    say(`model: ${folder}`);
  },
});
