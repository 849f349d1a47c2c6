/** What is wrong with a dataset, before a run finds out. */
import { createHash } from "node:crypto";
import {
  controlTokensIn,
  loadPicture,
  marksProblem,
  shown,
  type Dataset,
  type PictureSource,
  type Row,
} from "@papo/core";
import { isUsableGold, restoreCommands } from "@papo/plugins";
import { missingWords, tellsAnswer } from "./gold.ts";
import { bytesOf, distance, lookOf, looksIn, nameOf, type Look, type Seen } from "./looks.ts";

export interface DataReport {
  readonly rows: number;
  /** Rows by the number of their pictures: those without, with one, with several. */
  readonly pictures: { readonly none: number; readonly one: number; readonly several: number };
  /** By kind, every finding. */
  readonly findings: Readonly<Record<FindingKind, readonly Finding[]>>;
}

/** Those of the first are rows that a run could not use. */
export const unusableKinds = ["unusable row", "marks", "empty answer", "unparsable answer", "broken picture"] as const;
export const findingKinds = [
  ...unusableKinds,
  "lost backslash",
  "missing value",
  "answer in the question",
  "control token",
  "repeated row",
  "repeated picture",
  "leak",
] as const;
export type FindingKind = (typeof findingKinds)[number];

export interface Finding {
  /** Id of the row. */
  readonly row: string;
  readonly what: string;
}

export interface CheckOptions {
  /** Rows that must not be seen in training: pictures that look alike are leaks. */
  readonly against?: Dataset;
  /** Bits of 64 in which the hashes of two pictures that look alike may differ. Default 3. */
  readonly threshold?: number;
  /** Special tokens of the model that is to be trained; default: those that chat formats usually have. */
  readonly controlTokens?: readonly string[];
  /** Called with the number of rows done. */
  readonly onProgress?: (done: number) => void;
}

/** Read every row and every picture. Answers that are words are no finding: they are compared as words. */
export async function checkData(dataset: Dataset, options: CheckOptions = {}): Promise<DataReport> {
  const check = new Check(options, options.against === undefined ? [] : await looksIn(options.against));
  for (const { where, reason } of dataset.skipped) check.add("unusable row", where, reason);
  for (let index = 0; index < dataset.size; index++) {
    try {
      await check.row(await dataset.row(index));
    } catch (error) {
      check.add("unusable row", String(index), (error as Error).message);
    }
    options.onProgress?.(index + 1);
  }
  return { rows: dataset.size, pictures: check.pictures, findings: check.findings };
}

/** A picture that could be read. */
interface ReadPicture {
  readonly name: string;
  readonly digest: string;
  readonly look: Look | null;
}

class Check {
  readonly findings = Object.fromEntries(findingKinds.map((kind) => [kind, [] as Finding[]])) as Record<
    FindingKind,
    Finding[]
  >;
  readonly pictures = { none: 0, one: 0, several: 0 };
  readonly #options: CheckOptions;
  readonly #held: readonly Seen[];
  /** Ids of rows by what they ask, and by their pictures. */
  readonly #asked = new Map<string, string>();
  readonly #shown = new Map<string, string>();

  constructor(options: CheckOptions, held: readonly Seen[]) {
    this.#options = options;
    this.#held = held;
  }

  add(kind: FindingKind, row: string, what: string): void {
    this.findings[kind].push({ row, what });
  }

  async row(row: Row): Promise<void> {
    this.pictures[row.images.length === 0 ? "none" : row.images.length === 1 ? "one" : "several"]++;
    this.#answer(row);
    this.#texts(row);
    const read = (await Promise.all(row.images.map((source) => this.#picture(row, source)))).filter(
      (picture) => picture !== null,
    );
    this.#repeats(row, read);
    for (const picture of read) this.#leaks(row, picture);
  }

  #answer(row: Row): void {
    const answer = row.answer.trim();
    if (answer === "") this.add("empty answer", row.id, "the answer is empty");
    else if (missingWords.has(answer.toLowerCase()))
      this.add(
        "missing value",
        row.id,
        `the answer is the word ${JSON.stringify(answer)}, which stands for a missing value where data is converted`,
      );
    else if (!isUsableGold(row.answer, row.fields["choices"]))
      this.add("unparsable answer", row.id, row.answer.slice(0, 80));
    const restored = restoreCommands(row.answer);
    if (restored.count > 0)
      this.add("lost backslash", row.id, `${shown(row.answer)} is read as ${shown(restored.text)}`);
  }

  #texts(row: Row): void {
    const wrong = marksProblem(row);
    if (wrong !== null) this.add("marks", row.id, wrong);
    if (tellsAnswer(row))
      this.add("answer in the question", row.id, `the answer ${shown(row.answer)} stands in the question`);
    const texts = [row.system ?? "", ...(row.history ?? []).map(({ content }) => content), row.prompt];
    const tokens = texts.flatMap((text) => controlTokensIn(text, this.#options.controlTokens));
    if (tokens.length > 0)
      this.add(
        "control token",
        row.id,
        `the question has ${[...new Set(tokens)].join(", ")}, which a model reads as marks of its chat format (controlTokens: "text" makes them text)`,
      );
  }

  async #picture(row: Row, source: PictureSource): Promise<ReadPicture | null> {
    try {
      const bytes = await bytesOf(source);
      await loadPicture(bytes, nameOf(source));
      return {
        name: nameOf(source),
        digest: createHash("sha256").update(bytes).digest("hex"),
        look: this.#held.length === 0 ? null : await lookOf(bytes),
      };
    } catch (error) {
      this.add("broken picture", row.id, (error as Error).message);
      return null;
    }
  }

  #repeats(row: Row, pictures: readonly ReadPicture[]): void {
    const key = JSON.stringify([
      row.system,
      row.history,
      row.prompt,
      row.answer,
      pictures.map(({ digest }) => digest),
      row.images.length,
    ]);
    const earlier = this.#asked.get(key);
    if (earlier !== undefined)
      this.add("repeated row", row.id, `the same question, answer and pictures as "${earlier}"`);
    else this.#asked.set(key, row.id);
    for (const { digest } of pictures) {
      const other = this.#shown.get(digest);
      if (other === undefined) this.#shown.set(digest, row.id);
      else if (other === row.id) this.add("repeated picture", row.id, "it has the same picture twice");
      else if (earlier === undefined)
        this.add("repeated picture", row.id, `one of its pictures is also in "${other}", which asks something else`);
    }
  }

  #leaks(row: Row, { name, look }: ReadPicture): void {
    if (look === null) return;
    const { threshold = 3, against } = this.#options;
    for (const held of this.#held) {
      const bits = distance(look, held.look);
      if (bits <= threshold)
        this.add(
          "leak",
          row.id,
          `its picture ${name} looks like ${held.picture} of "${held.row}" in ${against!.name}, ${bits} of 64 bits differ; asked are ${shown(row.prompt)} and ${shown(held.prompt)}`,
        );
    }
  }
}
