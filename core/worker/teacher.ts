/** Another folder's weights beside the policy's, for scores alone. */
import type { Executor } from "../graph/executor.ts";
import { loadModelFolder } from "../model/files/folder.ts";
import type { Picture } from "../model/processing/picture.ts";
import { Processor } from "../model/processing/processor.ts";
import { createModel } from "../model/registry.ts";
import { ModelRuntime } from "../model/runtime.ts";

export interface TeacherOptions {
  /** Of the policy. */
  readonly folder: string;
  /** Whether frozen weights stay in their files; see Executor.readsFiles. */
  readonly leavesInFiles: boolean;
}

/** @throws Error naming what is wrong with the folder, or in what it reads prompts otherwise than the policy */
export async function openTeacher(
  teacher: string,
  { folder, leavesInFiles }: TeacherOptions,
  executor: Executor,
): Promise<ModelRuntime> {
  const [own, other] = [await Processor.load(folder), await Processor.load(teacher)];
  const fault = tokensFault(own, other) ?? picturesFault(own, other);
  if (fault !== null) throw new Error(`${teacher} cannot be a teacher of ${folder}: ${fault}`);
  const { config, weights } = await loadModelFolder(
    teacher,
    (described) => createModel(described).parameters,
    () => leavesInFiles,
  );
  return new ModelRuntime(createModel(config), weights, executor, { trained: new Set() });
}

/** Where two tokenizers differ; null where they do not. Padding rows of the models' vocabularies may differ. */
function tokensFault(
  { tokenizer: own, imageToken }: Processor,
  { tokenizer: other, imageToken: otherImage }: Processor,
): string | null {
  const ids = Array.from({ length: Math.max(own.size, other.size) }, (_, id) => id);
  const differing = ids.filter((id) => own.tokenOf(id) !== other.tokenOf(id));
  const spelled = (token: string | null): string => (token === null ? "no token" : JSON.stringify(token));
  if (differing.length > 0) {
    const [first] = differing as [number];
    return `their tokenizers differ in ${differing.length} of ${ids.length} tokens, the first is ${first}, ${spelled(own.tokenOf(first))} to the policy and ${spelled(other.tokenOf(first))} to the teacher; log-probs of tokens can be compared between models of one tokenizer alone`;
  }
  return imageToken === otherImage
    ? null
    : `the token of a picture is ${imageToken} to the policy and ${otherImage} to the teacher`;
}

/** Sides that are no multiples of any patch. */
const probe: Picture = {
  width: 97,
  height: 61,
  data: Uint8Array.from({ length: 97 * 61 * 3 }, (_, i) => (i * 37) % 256),
  source: "a probe of 97 × 61 pixels",
};

/** Where two models would read a picture's patches otherwise. */
function picturesFault({ images: own }: Processor, { images: other }: Processor): string | null {
  const [a, b] = [own.encode(probe), other.encode(probe)];
  if (a.grid.join() !== b.grid.join() || own.tokens(a) !== other.tokens(b)) {
    return `a picture of 97 × 61 pixels becomes ${own.tokens(a)} visual tokens (patches ${a.grid.join(" × ")}) for the policy and ${other.tokens(b)} (${b.grid.join(" × ")}) for the teacher; set the same sizes of pictures in both folders' processor configuration`;
  }
  const same = a.pixels.length === b.pixels.length && a.pixels.every((value, i) => value === b.pixels[i]);
  return same
    ? null
    : "the patches of a picture hold other numbers: resampling, mean or deviation differ in their processor configurations";
}
