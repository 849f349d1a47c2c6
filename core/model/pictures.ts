/** What the vision tower makes of pictures: each distinct one is encoded once until the weights change. */
import type { Feeds, FloatArray, HostArray } from "../graph/executor.ts";
import type { EncodedPrompt, VisionTower } from "./model.ts";
import type { EncodedPicture } from "./processing/picture.ts";
import { type BlockExecutor, seesInBlocks } from "./rows/attention-blocks.ts";
import type { PlacedPrompt } from "./rows/groups.ts";
import type { TraceModel } from "./trace.ts";
import { currentWeights } from "./weight-sets.ts";

/** Patches that go through the vision tower at once: bounds its memory. */
const patchesAtOnce = 8192;

/** Bytes of features kept for pictures that were not asked for last. */
const keptFeatureBytes = 256 * 2 ** 20;

/** Runs a traced part of the model with a set of weights. */
export type PictureProgram = (feeds: Feeds, weights: string) => Promise<Record<string, FloatArray>>;

export interface PictureOptions {
  readonly executor: BlockExecutor;
  readonly program: (trace: TraceModel) => PictureProgram;
}

/** Visual features of pictures by content hash, [tokens, featureWidth] each. */
export type Features = ReadonlyMap<string, Float32Array>;

export class PictureFeatures {
  readonly #vision: VisionTower;
  readonly #executor: BlockExecutor;
  readonly #features = new Map<string, Map<string, Float32Array>>();
  readonly #whole: PictureProgram;
  readonly #inBlocks: PictureProgram;
  readonly #attention: PictureProgram;

  constructor(vision: VisionTower, { executor, program }: PictureOptions) {
    this.#vision = vision;
    this.#executor = executor;
    const encode = (inBlocks: boolean): PictureProgram =>
      program((graph, parameters) => graph.output("features", vision.trace(graph, parameters, { inBlocks })));
    this.#whole = encode(false);
    this.#inBlocks = encode(true);
    this.#attention = program((graph, parameters) =>
      graph.output("attention", vision.traceAttention(graph, parameters)),
    );
  }

  /** The set's features are of other weights than it has now. */
  forget(weights: string): void {
    this.#features.delete(weights);
  }

  /** Features of all pictures of the prompts. */
  async of(prompts: readonly EncodedPrompt[], weights = currentWeights): Promise<Features> {
    const known = this.#features.get(weights) ?? new Map<string, Float32Array>();
    this.#features.set(weights, known);
    const pictures = distinctPictures(prompts);
    forgetOthers(known, pictures);
    const missing = pictures.filter(({ hash }) => !known.has(hash));
    // One at a time: the last bits of a matrix product may depend on what else is in it, and features must not depend
    // on which are kept already.
    for (const picture of missing) {
      const inBlocks = this.seesInBlocks([picture]);
      const { features } = await (inBlocks ? this.#inBlocks : this.#whole)(this.feeds([picture], inBlocks), weights);
      known.set(picture.hash, this.#inTokenOrder(picture, features as FloatArray));
    }
    return known;
  }

  /** Whether the vision tower attends to these pictures in blocks. */
  seesInBlocks(pictures: readonly EncodedPicture[]): boolean {
    return seesInBlocks(pictures, this.#executor);
  }

  /** What the vision tower is fed, of few sizes where the executor needs that. */
  feeds(pictures: readonly EncodedPicture[], inBlocks: boolean): Readonly<Record<string, HostArray>> {
    return this.#vision.feeds(pictures, { inBlocks, padded: this.#executor.fixedSizes === true });
  }

  /** Attention that each visual token of a picture receives in the vision tower, [tokens], in token order. */
  async attention(picture: EncodedPicture, weights = currentWeights): Promise<Float32Array> {
    const { attention } = await this.#attention(this.feeds([picture], false), weights);
    return Float32Array.from(this.#vision.order([picture]), (row) => (attention as FloatArray).data[row] as number);
  }

  /** Lay the features of the prompts' pictures out as one matrix, and say which rows each prompt reads. */
  place(
    prompts: readonly EncodedPrompt[],
    features: Features,
  ): { readonly placed: PlacedPrompt[]; readonly matrix: HostArray; readonly hashes: readonly string[] } {
    const { featureWidth } = this.#vision;
    const pictures = distinctPictures(prompts);
    const firstRow = new Map<string, number>();
    let rows = 0;
    for (const picture of pictures) {
      firstRow.set(picture.hash, rows);
      rows += this.#vision.tokens(picture);
    }
    const data = new Float32Array(rows * featureWidth);
    for (const { hash } of pictures)
      data.set(features.get(hash) as Float32Array, (firstRow.get(hash) as number) * featureWidth);
    const placed = prompts.map((prompt) => ({
      prompt,
      featureRows: Int32Array.from(
        prompt.pictures.flatMap((picture) =>
          Array.from({ length: this.#vision.tokens(picture) }, (_, i) => (firstRow.get(picture.hash) as number) + i),
        ),
      ),
    }));
    return { placed, matrix: { shape: [rows, featureWidth], data }, hashes: pictures.map(({ hash }) => hash) };
  }

  #inTokenOrder(picture: EncodedPicture, { data }: FloatArray): Float32Array {
    const { featureWidth } = this.#vision;
    const rows = new Float32Array(this.#vision.tokens(picture) * featureWidth);
    this.#vision.order([picture]).forEach((row, token) => {
      rows.set(data.subarray(row * featureWidth, (row + 1) * featureWidth), token * featureWidth);
    });
    return rows;
  }
}

/** Pictures in chunks of similar size, so that little of a padded block is padding. */
export function pictureChunks(pictures: readonly EncodedPicture[]): EncodedPicture[][] {
  const patches = ({ grid: [time, height, width] }: EncodedPicture): number => time * height * width;
  const chunks: EncodedPicture[][] = [];
  let total = Infinity;
  for (const picture of [...pictures].sort((a, b) => patches(a) - patches(b))) {
    total += patches(picture);
    if (total > patchesAtOnce) {
      chunks.push([]);
      total = patches(picture);
    }
    chunks.at(-1)?.push(picture);
  }
  return chunks;
}

export function distinctPictures(prompts: readonly EncodedPrompt[]): EncodedPicture[] {
  const distinct = new Map<string, EncodedPicture>();
  for (const { pictures } of prompts)
    for (const picture of pictures) if (!distinct.has(picture.hash)) distinct.set(picture.hash, picture);
  return [...distinct.values()];
}

/** When more is kept than allowed, drop what `wanted` does not name. */
function forgetOthers(features: Map<string, Float32Array>, wanted: readonly EncodedPicture[]): void {
  let bytes = 0;
  for (const rows of features.values()) bytes += rows.byteLength;
  if (bytes <= keptFeatureBytes) return;
  const keep = new Set(wanted.map(({ hash }) => hash));
  for (const hash of features.keys()) if (!keep.has(hash)) features.delete(hash);
}
