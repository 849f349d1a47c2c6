/**
 * Public benchmarks in the layouts that they are published in: which column holds what, and how a row becomes a
 * question.
 */
import { shown, type DataOptions, type PictureSource, type Row } from "@papo/core";

export interface Benchmark {
  /** Where the layout is from, on the Hugging Face hub or as said. */
  readonly layout: string;
  readonly options: DataOptions;
  /** Said where the data cannot be opened. */
  readonly needs?: string;
  /** Columns that say of what kind a question is. */
  readonly categories: readonly string[];
  /** The question as it is asked. Default: the row as it is. */
  readonly row?: (row: Row) => Row;
}

const letters = "ABCDEFGHIJ";
/** For questions that stand in the picture alone. */
const asked = "Answer the question in the picture.";

const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");
const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");

/** The question with its choices under it, one a line, and the choices for the verifier. */
function withChoices(row: Row, choices: readonly string[], prompt = row.prompt): Row {
  return {
    ...row,
    prompt: [prompt, ...choices.map((choice, index) => `(${letters[index]}) ${choice}`)].join("\n"),
    fields: { ...row.fields, choices },
  };
}

/** Choices that stand in a text as "A. …", "A: …" or "(A) …", each up to the next; null for fewer than two. */
function choicesIn(list: string, separator: RegExp): Record<string, string> | null {
  const found = list.split(separator).flatMap((part) => {
    const [, letter, choice] = /^\s*\(?([A-J])\s*[).:]\s*(.*?)\s*;?\s*$/s.exec(part) ?? [];
    return letter === undefined || choice === undefined ? [] : [[letter, choice] as const];
  });
  return found.length < 2 ? null : Object.fromEntries(found);
}

/** A Python list of strings, as text. @throws Error when it is none */
function pythonList(value: string, id: string): string[] {
  const items = [...value.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/gs)].map(([, single, double]) =>
    (single ?? double ?? "").replace(/\\(.)/gs, (_, letter: string) => (letter === "n" ? "\n" : letter)),
  );
  if (!/^\s*\[.*\]\s*$/s.test(value) || items.length < 2)
    throw new Error(`row "${id}" has no list of options: ${shown(value)}`);
  return items;
}

/** Marks "<image 2>" become those of the row's pictures, which come in the order in which they are named. */
function orderedPictures(row: Row, prompt: string): Row {
  const images: PictureSource[] = [];
  const marked = prompt.replace(/<image (\d)>/g, (_, number: string) => {
    const picture = row.images[Number(number) - 1];
    if (picture === undefined)
      throw new Error(`row "${row.id}" names <image ${number}> and has ${row.images.length} pictures`);
    images.push(picture);
    return "<image>";
  });
  return images.length === 0 ? { ...row, prompt } : { ...row, prompt: marked, images };
}

const visionVersions = ["Vision Intensive", "Vision Dominant", "Vision Only"];

export const benchmarks = {
  geometry3k: {
    layout: "hiyouga/geometry3k",
    options: { columns: { prompt: "problem" }, split: "test" },
    categories: [],
  },
  mathvista: {
    layout: "AI4Math/MathVista (testmini)",
    options: { columns: { prompt: "question", images: "decoded_image", id: "pid" }, split: "testmini" },
    categories: ["question_type", "metadata.category", "metadata.task"],
    row: (row) => {
      const { choices, unit, question_type: type } = row.fields;
      const question = text(unit) === "" ? row.prompt : `${row.prompt} (unit: ${text(unit)})`;
      return type === "multi_choice" && isTexts(choices)
        ? withChoices(row, choices, question)
        : { ...row, prompt: question };
    },
  },
  mathverse: {
    layout: "AI4Math/MathVerse (testmini)",
    options: { columns: { prompt: "question", images: "image", id: "sample_index" }, split: "testmini" },
    categories: ["visionDependent", "problem_version", "metadata.subject"],
    row: (row) => {
      const choices = choicesIn(/Choices:\s*(.*)$/s.exec(row.prompt)?.[1] ?? "", /\n/);
      const fields = {
        ...row.fields,
        visionDependent: visionVersions.includes(text(row.fields["problem_version"])),
        ...(choices === null ? {} : { choices }),
      };
      return { ...row, prompt: row.prompt.trim() === "" ? asked : row.prompt, fields };
    },
  },
  "we-math": {
    layout: "We-Math/We-Math (testmini)",
    options: { columns: { prompt: "question", images: "image_path", id: "question number" }, split: "testmini" },
    categories: ["key", "knowledge concept"],
    row: (row) => {
      const option = text(row.fields["option"]);
      const choices = choicesIn(option, /;\s*(?=\(?[A-J]\s*[).:])/);
      return {
        ...row,
        prompt: `${row.prompt}\n${option}`,
        fields: { ...row.fields, ...(choices === null ? {} : { choices }) },
      };
    },
  },
  mmk12: {
    layout: "FanqingM/MMK12 (test)",
    options: { columns: { prompt: "question", images: "image" }, split: "test" },
    categories: ["subject"],
  },
  logicvista: {
    layout: "lscpku/LogicVista, or dataset.json of Yijia-Xiao/LogicVista",
    options: { columns: { prompt: "question" }, split: "test", pictures: "images" },
    categories: ["skill"],
    row: (row) => {
      const { skill } = row.fields;
      // Several right letters are a set.
      const answer = /^\s*[A-J]\s*(?:,\s*[A-J]\s*)+$/.test(row.answer) ? `\\{${row.answer.trim()}\\}` : row.answer;
      return { ...row, answer, fields: { ...row.fields, skill: isTexts(skill) ? skill.join(" + ") : skill } };
    },
  },
  counting: {
    layout: "BUAADreamer/clevr_count_70k",
    options: { columns: { prompt: "problem" }, split: "test" },
    categories: [],
  },
  superclevr: {
    layout: "superclevr_test200_counting_problems.jsonl of Deep-Agent/R1-V",
    options: { columns: { prompt: "question", answer: "ground_truth", images: "image_path" } },
    categories: [],
  },
  "mmmu-pro": {
    layout: "MMMU/MMMU_Pro (standard, 4 or 10 options)",
    options: {
      columns: { prompt: "question", images: [1, 2, 3, 4, 5, 6, 7].map((number) => `image_${number}`) },
      split: "test",
    },
    categories: ["subject", "topic_difficulty"],
    row: (row) => {
      const made = withChoices(row, pythonList(text(row.fields["options"]), row.id));
      return orderedPictures(made, made.prompt);
    },
  },
  "mmmu-pro-vision": {
    layout: "MMMU/MMMU_Pro (vision)",
    options: { columns: { prompt: "id", images: "image" }, split: "test" },
    categories: ["subject"],
    row: (row) => ({
      ...row,
      prompt: asked,
      fields: { ...row.fields, choices: pythonList(text(row.fields["options"]), row.id) },
    }),
  },
  "seed-bench-r1": {
    layout:
      'TencentARC/SEED-Bench-R1 (JSONL), with a column "frames" of pictures taken from each video, the last of them the current observation',
    options: { columns: { prompt: "question", answer: "golden_choice_idx", images: "frames", id: "sample_id" } },
    needs: 'videos are not read; take frames from them and name their files in a column "frames"',
    categories: ["video_source"],
    row: (row) => {
      if (row.images.length === 0)
        throw new Error(
          `row "${row.id}" has no pictures: videos are not read; take frames from them and name their files in a column "frames"`,
        );
      return withChoices(
        row,
        ["a", "b", "c", "d"].map((letter) => text(row.fields[`choice_${letter}`])),
      );
    },
  },
} as const satisfies Record<string, Benchmark>;

export type BenchmarkName = keyof typeof benchmarks;

/** @throws Error naming those there are */
export function benchmarkOf(name: string): Benchmark {
  if (!Object.hasOwn(benchmarks, name))
    throw new Error(`There is no benchmark "${name}"; there are ${Object.keys(benchmarks).join(", ")}`);
  return benchmarks[name as BenchmarkName];
}
