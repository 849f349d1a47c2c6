/** `papo report`: one page of runs and evaluations. */
import { basename, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Command } from "./command.ts";
import { readRunFolder } from "../report/read-run.ts";
import { writeReport } from "../report/write-report.ts";

const options = { output: { type: "string", default: "report.html" } } as const;

export const report: Command = {
  usage: "papo report <run or evaluation folder> … [--output report.html]",
  summary: [
    "Write one page of what runs and evaluations left in their folders: curves, what each term of the loss did, every question with each run's answers.",
    "The page needs no network and no other file. Equal recipes with other seeds are drawn together.",
  ].join("\n"),
  options,
  async run(args) {
    const { values, positionals } = parseArgs({ args: [...args], allowPositionals: true, options });
    if (positionals.length === 0) throw new Error(`usage: ${report.usage}`);
    const names = positionals.map((folder) => basename(resolve(folder)));
    // Folders of equal names are told apart by their paths.
    const runs = positionals.map((folder, index) => readRunFolder(resolve(folder), names.filter((name) => name === names[index]).length > 1 ? { name: relative(process.cwd(), resolve(folder)) } : {}));
    const file = resolve(values.output);
    await writeReport(file, { title: names.length === 1 ? names[0]! : `${names.length} runs`, runs });
    console.log(`written to ${file}`);
  },
};
