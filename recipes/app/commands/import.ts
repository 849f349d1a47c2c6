/** `papo import`: a configuration of TRL, verl or EasyR1 as a run file. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { readSmallFile, writeFileAtomic } from "@papo/core";
import { peers } from "../../run-file/peers/counterparts.ts";
import { textCommand } from "../command-line/command.ts";
import { say } from "../display/say.ts";
import { configurationBytes, importConfig } from "../import/import-config.ts";

export const importCommand = textCommand({
  name: "import",
  also: ["convert", "from"],
  forms: ["<configuration>"],
  summary: [
    "Write a run file from a configuration of TRL (GRPOConfig as YAML or JSON, the file of `trl grpo --config`), verl (YAML, or a script with overrides) or EasyR1 (YAML, or a script).",
    "What could not be carried over stands as a comment at the place where it would be set, with its line and the reason; where the configuration is silent, the peer's own defaults are written. papo plan says what it takes.",
  ],
  options: {
    output: { kind: "text", value: "<run.ts>", default: "run.ts", text: "The run file; nothing is overwritten." },
  },
  positionals: [1, 1],
  run({ values, positionals: [file] }) {
    if (!existsSync(file!) || statSync(file!).isDirectory()) throw new Error(`there is no file ${resolve(file!)}`);
    const output = resolve(values.output);
    if (existsSync(output)) throw new Error(`${output} is there already: name another file, --output other.ts`);
    const { peer, text, left, missing } = importConfig(readSmallFile(file!, configurationBytes), file!);
    writeFileAtomic(output, text);
    const rest =
      left.length === 0
        ? "all of it was carried over"
        : `${left.length} option${left.length === 1 ? " was" : "s were"} not carried over: a comment at each place says why`;
    const base =
      missing === undefined
        ? ""
        : `\n${file} changes ${missing}, which was not found: its options are missing. Import it from a clone where it lies beside it.`;
    say(`${peers[peer]}'s ${file} is ${output}; ${rest}.${base}\n\n  npx papo plan ${values.output}`);
  },
});
