/** Every parser of what comes from outside, with a valid file for each: a folder that is whole but for one file. */
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadPicture, openData } from "@papo/core";
import { grpo } from "@papo/recipes";
import { RunLogPlugin } from "@papo/plugins";
import sharp from "sharp";
import { newestCheckpoint } from "../../../core/checkpoint/checkpoint.ts";
import { RewardJournal } from "../../../core/checkpoint/journal.ts";
import { writeManifest } from "../../../core/checkpoint/manifest.ts";
import { RunFolder } from "../../../core/checkpoint/run-folder.ts";
import { adaptedModel, loadAdapterFolder } from "../../../core/model/files/adapter-folder.ts";
import { readModelConfig } from "../../../core/model/files/read-config.ts";
import { readFinite } from "../../../core/model/files/folder.ts";
import { readFolderEntries } from "../../../core/model/files/safetensors.ts";
import { Processor } from "../../../core/model/processing/processor.ts";
import { createModel } from "../../../core/model/registry.ts";
import { train } from "../../../core/pipeline/run.ts";
import { readRunFolder } from "../../../recipes/app/report/read-run.ts";
import { writeReport } from "../../../recipes/app/report/write-report.ts";
import { banditSettings, letterRows, ScorerPlugin } from "../bandit.ts";
import { root } from "../command-line.ts";
import { tabularPolicy } from "../tabular-policy.ts";

export interface Kind {
  readonly name: string;
  /** The file that is damaged, and the folder around it. */
  readonly folder: string;
  readonly file: string;
  /** Read it as a run does. @throws Error with what a person is told */
  readonly read: () => unknown;
  /** Bytes from the start that damage may meet; default: all. */
  readonly reach?: number;
}

const cases = join(root, "test/golden/cases");
const texts: Readonly<Record<string, string>> = {
  "rows.jsonl": '{"prompt": "a \\u00e9", "answer": 1.50, "about": {"list": [1, null, "x"]}}\n{"prompt": "b", "answer": "2"}\n',
  "rows.json": '[{"prompt": "a", "answer": "1", "images": []}, {"prompt": "b", "answer": "2"}]',
  "rows.csv": 'prompt,answer\n"a, b",1\nc,2\n',
};
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4" fill="red"/></svg>';

async function rowsOf(path: string): Promise<void> {
  const dataset = await openData(path, { onBadRow: "skip", limits: { seconds: 10, megabytes: 1024 } });
  for (let index = 0; index < Math.min(dataset.size, 20); index++) await dataset.row(index);
}

function dataKinds(folder: string): Kind[] {
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  cpSync(join(cases, "benchmarks/saved/test/data-00000-of-00001.arrow"), join(folder, "stream.arrow"));
  for (const name of ["values.parquet", "values.arrow"]) cpSync(join(cases, "rows", name), join(folder, name));
  return ["stream.arrow", "values.parquet", "values.arrow", ...Object.keys(texts)].map((file) => ({ name: file, folder, file, read: () => rowsOf(join(folder, file)) }));
}

async function pictureKinds(folder: string): Promise<Kind[]> {
  writeFileSync(join(folder, "picture.svg"), svg);
  for (const name of ["img2_56x56", "img7_pal_70x84"]) cpSync(join(cases, "images", `${name}.png`), join(folder, `${name}.png`));
  const small = sharp(join(cases, "images/img2_56x56.png"));
  for (const format of ["jpeg", "webp", "gif", "tiff", "avif"] as const) await small.clone().toFormat(format).toFile(join(folder, `picture.${format}`));
  return readdirSync(folder).map((file) => ({ name: file, folder, file, read: () => loadPicture(join(folder, file)) }));
}

/** Each of a model folder's files, the templates rendered, the weights read. */
function modelKinds(folder: string): Kind[] {
  cpSync(join(cases, "models/small"), folder, { recursive: true });
  const read = async (): Promise<void> => {
    const processor = await Processor.load(folder);
    processor.decode(processor.encodePrompt({ prompt: "How many?" } as never).ids);
    createModel(await readModelConfig(folder));
  };
  const weights = async (): Promise<void> => {
    for (const entry of (await readFolderEntries(folder)).values()) await readFinite(entry);
  };
  return readdirSync(folder).map((file) => {
    const isWeights = file.includes("safetensors");
    return { name: `model ${file}`, folder, file, read: isWeights ? weights : read, ...(file.endsWith(".safetensors") ? { reach: 3000 } : {}) };
  });
}

async function adapterKinds(folder: string): Promise<Kind[]> {
  cpSync(join(cases, "lora/adapters/vision"), folder, { recursive: true });
  const model = adaptedModel(await readModelConfig(join(cases, "models/tiny")));
  const read = (): Promise<unknown> => loadAdapterFolder(folder, "vision", model);
  return readdirSync(folder).map((file) => ({ name: `adapter ${file}`, folder, file, read, ...(file.endsWith(".safetensors") ? { reach: 4000 } : {}) }));
}

const question = {
  id: "a", question: "How many?", gold: "1", expected: "1", categories: { kind: "counting" }, pictures: [],
  answers: [{ text: "1", outcome: "right", found: "1", note: null, errorClass: null, consistent: true, parts: { accuracy: 1 }, tokens: 2, under: {} }],
};

/** What a run wrote: its checkpoints, its journal, and what the report reads. */
async function runKinds(folder: string): Promise<Kind[]> {
  const log = new RunLogPlugin({ folder, decode: (tokens) => [...tokens].join(" ") });
  const settings = { ...banditSettings, steps: 2, promptsPerStep: 2, samplesPerPrompt: 2, checkpointEvery: 1 };
  await train({ policy: tabularPolicy(), plugins: [new ScorerPlugin(), ...grpo({ referenceKl: 0 }), log], dataset: letterRows, settings, output: folder });
  appendFileSync(join(folder, "alarms.jsonl"), '{"step": 1, "plugin": "run", "message": "hot"}\n');
  mkdirSync(join(folder, "evaluation/before"), { recursive: true });
  writeFileSync(join(folder, "evaluation/before/questions.jsonl"), `${JSON.stringify(question)}\n`);
  const report = async (): Promise<void> => {
    const { problems } = readRunFolder(folder) as { readonly problems?: readonly string[] };
    await writeReport(join(folder, "report.html"), { title: "a run", runs: [readRunFolder(folder)] });
    if (problems !== undefined && problems.length > 0) throw new Error(problems.join("\n"));
  };
  const checkpoint = (): unknown => newestCheckpoint(join(folder, "checkpoints"));
  const newest = join(folder, "checkpoints/step-2");
  const told = ["metrics.jsonl", "timings.jsonl", "samples.jsonl", "alarms.jsonl", "run.json", "evaluation/before/questions.jsonl"];
  return [
    ...told.map((file) => ({ name: `report of ${file}`, folder, file, read: report })),
    { name: "metrics.jsonl, resumed", folder, file: "metrics.jsonl", read: () => new RunFolder(folder).cutAfter(1) },
    { name: "journal", folder, file: "rewards/step-2.jsonl", read: () => new RewardJournal(join(folder, "rewards")).begin(2) },
    { name: "checkpoint files.json", folder: newest, file: "files.json", read: checkpoint },
    { name: "checkpoint state.json", folder: newest, file: "state.json", read: checkpoint },
    {
      // As if it had been written so: hashes do not tell.
      name: "checkpoint state.json, signed", folder: newest, file: "state.json",
      read: () => (writeManifest(newest), checkpoint()),
    },
  ];
}

/** All kinds, their files in folders of this one. */
export async function makeKinds(parent: string): Promise<readonly Kind[]> {
  const made = (name: string): string => {
    mkdirSync(join(parent, name));
    return join(parent, name);
  };
  return [...dataKinds(made("data")), ...(await pictureKinds(made("pictures"))), ...modelKinds(made("model")), ...(await adapterKinds(made("adapter"))), ...(await runKinds(made("run")))];
}

/** The whole file. */
export const wholeOf = ({ folder, file }: Kind): Buffer => readFileSync(join(folder, file));
