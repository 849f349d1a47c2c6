/** Every parser of what comes from outside, with a valid file for each: a folder that is whole but for one file. */
import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadPicture, openData } from "@papo/core";
import { grpo } from "@papo/recipes";
import { RunLogPlugin } from "@papo/plugins";
import sharp from "sharp";
import { readBest } from "../../../core/checkpoint/best.ts";
import { newestCheckpoint } from "../../../core/checkpoint/checkpoint.ts";
import { RewardJournal } from "../../../core/checkpoint/journal.ts";
import { writeManifest } from "../../../core/checkpoint/manifest.ts";
import { RunFolder } from "../../../core/checkpoint/run-folder.ts";
import { digestsFile, keptDigests } from "../../../core/data/file-digest.ts";
import { adaptedModel, loadAdapterFolder } from "../../../core/model/files/adapter-folder.ts";
import { readModelConfig } from "../../../core/model/files/read-config.ts";
import { readFinite } from "../../../core/model/files/folder.ts";
import { readFolderEntries } from "../../../core/model/files/safetensors.ts";
import { Processor } from "../../../core/model/processing/processor.ts";
import { createModel } from "../../../core/model/registry.ts";
import { train } from "../../../core/pipeline/run.ts";
import { readCases } from "../../../recipes/app/commands/verify.ts";
import { importConfig } from "../../../recipes/app/import/import-config.ts";
import { compareSteps } from "../../../recipes/app/replay/compare.ts";
import { recordedStep } from "../../../recipes/app/replay/recorded-step.ts";
import { readEvaluation } from "../../../recipes/app/report/read-evaluation.ts";
import { readRunFolder } from "../../../recipes/app/report/read-run.ts";
import { writeReport } from "../../../recipes/app/report/write-report.ts";
import { readRecipe } from "../../../recipes/app/show/recipe.ts";
import { begunRun } from "../../../recipes/run-file/begun-run.ts";
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
  "rows.jsonl":
    '{"prompt": "a \\u00e9", "answer": 1.50, "about": {"list": [1, null, "x"]}}\n{"prompt": "b", "answer": "2"}\n',
  "rows.json": '[{"prompt": "a", "answer": "1", "images": []}, {"prompt": "b", "answer": "2"}]',
  "rows.csv": 'prompt,answer\n"a, b",1\nc,2\n',
};
const svg =
  '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4" fill="red"/></svg>';

async function rowsOf(path: string): Promise<void> {
  const dataset = await openData(path, { onBadRow: "skip", limits: { seconds: 10, megabytes: 1024 } });
  for (let index = 0; index < Math.min(dataset.size, 20); index++) await dataset.row(index);
}

function dataKinds(folder: string): Kind[] {
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  cpSync(join(cases, "benchmarks/saved/test/data-00000-of-00001.arrow"), join(folder, "stream.arrow"));
  for (const name of ["values.parquet", "values.arrow"]) cpSync(join(cases, "rows", name), join(folder, name));
  return ["stream.arrow", "values.parquet", "values.arrow", ...Object.keys(texts)].map((file) => ({
    name: file,
    folder,
    file,
    read: () => rowsOf(join(folder, file)),
  }));
}

async function pictureKinds(folder: string): Promise<Kind[]> {
  writeFileSync(join(folder, "picture.svg"), svg);
  for (const name of ["img2_56x56", "img7_pal_70x84"])
    cpSync(join(cases, "images", `${name}.png`), join(folder, `${name}.png`));
  const small = sharp(join(cases, "images/img2_56x56.png"));
  for (const format of ["jpeg", "webp", "gif", "tiff", "avif"] as const)
    await small
      .clone()
      .toFormat(format)
      .toFile(join(folder, `picture.${format}`));
  return readdirSync(folder).map((file) => ({ name: file, folder, file, read: () => loadPicture(join(folder, file)) }));
}

/** Each of a model folder's files, the templates rendered, the weights read. @param files default: all */
function modelKinds(folder: string, model = "small", files = /./): Kind[] {
  cpSync(join(cases, "models", model), folder, { recursive: true });
  const read = async (): Promise<void> => {
    const processor = await Processor.load(folder);
    processor.decode(processor.encodePrompt({ prompt: "How many?" } as never).ids);
    createModel(await readModelConfig(folder));
  };
  const weights = async (): Promise<void> => {
    for (const entry of (await readFolderEntries(folder)).values()) await readFinite(entry);
  };
  return readdirSync(folder)
    .filter((file) => files.test(file))
    .map((file) => {
      const isWeights = file.includes("safetensors");
      return {
        name: `model ${model === "small" ? "" : `${model}/`}${file}`,
        folder,
        file,
        read: isWeights ? weights : read,
        ...(file.endsWith(".safetensors") ? { reach: 3000 } : {}),
      };
    });
}

async function adapterKinds(folder: string): Promise<Kind[]> {
  cpSync(join(cases, "lora/adapters/vision"), folder, { recursive: true });
  const model = adaptedModel(await readModelConfig(join(cases, "models/tiny")));
  const read = (): Promise<unknown> => loadAdapterFolder(folder, "vision", model);
  return readdirSync(folder).map((file) => ({
    name: `adapter ${file}`,
    folder,
    file,
    read,
    ...(file.endsWith(".safetensors") ? { reach: 4000 } : {}),
  }));
}

const evaluationSettings = {
  model: "m",
  data: "d",
  samples: 1,
  temperature: 0,
  topP: 1,
  topK: 0,
  maxNewTokens: 8,
  seed: 1,
  pictures: "real",
};
const question = {
  id: "a",
  question: "How many?",
  gold: "1",
  expected: "1",
  categories: { kind: "counting" },
  pictures: [],
  answers: [
    {
      text: "1",
      outcome: "right",
      found: "1",
      note: null,
      errorClass: null,
      consistent: true,
      parts: { accuracy: 1 },
      tokens: 2,
      under: {},
    },
  ],
};

/** What a run wrote: its checkpoints, its journal, and what the report reads. */
async function runKinds(folder: string): Promise<Kind[]> {
  const log = new RunLogPlugin({ folder, decode: (tokens) => [...tokens].join(" ") });
  const settings = { ...banditSettings, steps: 2, promptsPerStep: 2, samplesPerPrompt: 2, checkpointEvery: 1 };
  await train({
    policy: tabularPolicy(),
    plugins: [new ScorerPlugin(), ...grpo({ referenceKl: 0 }), log],
    dataset: letterRows,
    settings,
    output: folder,
  });
  appendFileSync(join(folder, "alarms.jsonl"), '{"step": 1, "plugin": "run", "message": "hot"}\n');
  const evaluation = join(folder, "evaluation/before");
  mkdirSync(evaluation, { recursive: true });
  writeFileSync(join(evaluation, "questions.jsonl"), `${JSON.stringify(question)}\n`);
  writeFileSync(join(evaluation, "settings.json"), JSON.stringify(evaluationSettings));
  writeFileSync(join(folder, "best.json"), JSON.stringify({ step: 2, metric: "reward/mean", value: 0.5 }));
  keptDigests(join(folder, digestsFile))(join(evaluation, "settings.json"));
  const again = (): unknown => {
    const step = recordedStep(folder, 2);
    return compareSteps(step, {
      ...step,
      metrics: {},
      digests: Object.fromEntries(Object.keys(step.digests ?? {}).map((name) => [name, ""])),
      verdicts: [],
    });
  };
  const report = async (): Promise<void> => {
    const { problems } = readRunFolder(folder) as { readonly problems?: readonly string[] };
    await writeReport(join(folder, "report.html"), { title: "a run", runs: [readRunFolder(folder)] });
    if (problems !== undefined && problems.length > 0) throw new Error(problems.join("\n"));
  };
  const checkpoint = (): unknown => newestCheckpoint(join(folder, "checkpoints"));
  const newest = join(folder, "checkpoints/step-2");
  const told = [
    "metrics.jsonl",
    "timings.jsonl",
    "samples.jsonl",
    "alarms.jsonl",
    "run.json",
    "evaluation/before/questions.jsonl",
  ];
  return [
    ...told.map((file) => ({ name: `report of ${file}`, folder, file, read: report })),
    ...["metrics.jsonl", "steps.jsonl", "rewards/step-2.jsonl", "checkpoints/step-2/files.json"].map((file) => ({
      name: `replay of ${file}`,
      folder,
      file,
      read: again,
    })),
    { name: "run.json, resumed", folder, file: "run.json", read: () => begunRun(folder) },
    { name: "run.json, shown", folder, file: "run.json", read: () => readRecipe(folder) },
    { name: "best.json", folder, file: "best.json", read: () => readBest(folder) },
    {
      name: "digests.jsonl",
      folder,
      file: digestsFile,
      read: () => keptDigests(join(folder, digestsFile))(join(evaluation, "settings.json")),
    },
    {
      name: "evaluation settings.json",
      folder: evaluation,
      file: "settings.json",
      read: () => readEvaluation(evaluation),
    },
    {
      name: "evaluation questions.jsonl",
      folder: evaluation,
      file: "questions.jsonl",
      read: () => readEvaluation(evaluation),
    },
    { name: "metrics.jsonl, resumed", folder, file: "metrics.jsonl", read: () => new RunFolder(folder).cutAfter(1) },
    {
      name: "journal",
      folder,
      file: "rewards/step-2.jsonl",
      read: () => new RewardJournal(join(folder, "rewards")).begin(2),
    },
    { name: "checkpoint files.json", folder: newest, file: "files.json", read: checkpoint },
    { name: "checkpoint state.json", folder: newest, file: "state.json", read: checkpoint },
    {
      // As if it had been written so: hashes do not tell.
      name: "checkpoint state.json, signed",
      folder: newest,
      file: "state.json",
      read: () => (writeManifest(newest), checkpoint()),
    },
  ];
}

const configurations: Readonly<Record<string, string>> = {
  "trl.yaml":
    "learning_rate: 1.0e-6\nnum_generations: 8\nreward_weights: [1.0, 0.1]\nbeta: 0.04\nmax_completion_length: 512\n",
  "verl.yaml":
    "actor_rollout_ref:\n  model: {path: models/a}\n  actor: {use_kl_loss: true, kl_loss_coef: 0.01, optim: {lr: 1.0e-6}}\n  rollout: {n: 8}\ndata: {train_batch_size: 64}\n",
  "easyr1.json":
    '{"worker": {"actor": {"optim": {"lr": 1e-6}, "clip_ratio_low": 0.2}, "rollout": {"n": 5}}, "algorithm": {"kl_coef": 0.01}}',
  "verl.sh":
    "python3 -m verl.trainer.main_ppo \\\n  algorithm.adv_estimator=grpo \\\n  actor_rollout_ref.rollout.n=8 \\\n  data.max_response_length=512\n",
};

/** What commands are given by hand: peers' configurations, and cases for the verifier. */
function givenKinds(folder: string): Kind[] {
  for (const [name, text] of Object.entries(configurations)) writeFileSync(join(folder, name), text);
  writeFileSync(
    join(folder, "cases.json"),
    '[{"gold": "1/2", "response": "\\\\boxed{0.5}", "expected": 1, "choices": ["1", "1/2"]}]',
  );
  return [
    ...Object.keys(configurations).map((file) => ({
      name: `import of ${file}`,
      folder,
      file,
      read: () => importConfig(readFileSync(join(folder, file), "utf8"), join(folder, file)),
    })),
    { name: "verify's cases", folder, file: "cases.json", read: () => readCases(join(folder, "cases.json")) },
  ];
}

/** All kinds, their files in folders of this one. */
export async function makeKinds(parent: string): Promise<readonly Kind[]> {
  const made = (name: string): string => {
    mkdirSync(join(parent, name));
    return join(parent, name);
  };
  return [
    ...dataKinds(made("data")),
    ...(await pictureKinds(made("pictures"))),
    ...modelKinds(made("model")),
    ...["qwen2_vl", "qwen3_vl", "smolvlm", "idefics3"].flatMap((model) =>
      modelKinds(made(model), model, /(config|processor)\.json$/),
    ),
    ...(await adapterKinds(made("adapter"))),
    ...(await runKinds(made("run"))),
    ...givenKinds(made("given")),
  ];
}

/** The whole file. */
export const wholeOf = ({ folder, file }: Kind): Buffer => readFileSync(join(folder, file));
