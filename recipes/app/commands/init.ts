/** `papo init`: a project that trains at once. */
import { resolve } from "node:path";
import { textCommand } from "../command-line/command.ts";
import { say } from "../display/say.ts";
import { makeProject } from "../init/project.ts";

export const init = textCommand({
  name: "init",
  also: ["new", "create"],
  forms: ["[<folder>]"],
  summary: [
    "Write a project that trains at once: run file, ten rows with pictures, a reward, a plugin with its test.",
    "Or one on your own rows, JSONL or Parquet or what else data may be, or a benchmark's. Nothing is overwritten.",
  ],
  options: {
    data: {
      kind: "text",
      value: "<file or folder>",
      text: "Your rows in place of the ten: .jsonl, .json, .csv, .parquet, .arrow, or a folder of them.",
    },
    benchmark: {
      kind: "text",
      value: "<name>",
      text: "Whose layout the rows of --data have: geometry3k, mathverse, …",
    },
    model: {
      kind: "text",
      value: "<folder>",
      text: "The model; without it the shipped one, or for --data a place to put yours.",
    },
  },
  positionals: [0, 1],
  async run({ values, positionals: [folder = "."] }) {
    for (const line of await makeProject(resolve(folder), values)) say(line);
  },
});
