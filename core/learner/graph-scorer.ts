/**
 * What a model says of responses, without a gradient: passes forward over pieces of a batch, and the other side of
 * divergences.
 */
import type { FloatArray, HostArray, Products } from "../graph/executor.ts";
import type { EncodedPrompt } from "../model/model.ts";
import { type ModelRuntime } from "../model/runtime.ts";
import type { Features } from "../model/pictures.ts";
import { currentWeights } from "../model/weight-sets.ts";
import type { RowLayout } from "../model/rows/inputs.ts";
import { paddedExtent } from "../model/rows/sizes.ts";
import { isDivergence, type LearnerBatch, type Output, type Outputs } from "./learner.ts";
import { type GraphOptions, type OtherHead, traceForward, traceHidden } from "./passes/learner-graphs.ts";
import { type Microbatch, microbatches } from "./passes/microbatches.ts";
import { equalFeeds, feedsForAll, sideBySide } from "./passes/device-passes.ts";
import {
  attendsInBlocks,
  changesValues,
  cutsByBytes,
  givenPictures,
  longestResponse,
  passFeeds,
  type PassFeeds,
  pictured,
  type PassOptions,
  type Places,
} from "./passes/pass-feeds.ts";
import { boundedPasses, passBytes } from "./passes/pass-memory.ts";
import { PassPrograms, type Traced } from "./passes/pass-programs.ts";

export interface GraphScorerOptions {
  readonly scoringTokens: number;
  /** See passLimit. */
  readonly passBytes: number;
  readonly longRow?: number | undefined;
  readonly vocabularyChunk: number;
  /** Who has the weights of a name, and what they are called there. */
  readonly holderOf: (weights: string) => { readonly scorer: GraphScorer; readonly weights: string };
}

/** The other side of a batch's divergences: what a pass is traced for, and what it is fed. */
export interface OtherSide {
  readonly head: OtherHead;
  feeds(microbatch: Microbatch, places: Places): Promise<Record<string, HostArray>>;
}

export class GraphScorer {
  readonly #runtime: ModelRuntime;
  readonly #options: GraphScorerOptions;
  readonly #programs: PassPrograms;
  #frozenHead: HostArray | null = null;

  constructor(runtime: ModelRuntime, options: GraphScorerOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#programs = new PassPrograms(runtime);
  }

  /** @param weights of this model's own */
  async score(
    batch: LearnerBatch,
    asked: readonly Output[],
    weights = currentWeights,
    products: Products = "float32",
  ): Promise<Outputs> {
    const results = emptyOutputs(batch, asked);
    const other = this.otherSide(batch, asked);
    const options = { ...this.#graphOptions(other), changesValues: changesValues(batch) };
    const traced = (layout: RowLayout): Traced =>
      this.#programs.trace(
        `forward ${layout} ${[...asked].sort().join(" ")} ${keyOf(other)} ${options.changesValues}`,
        (graph, parameters) => {
          traceForward(this.#runtime.model, graph, parameters, asked, { ...options, layout });
        },
      );
    await this.#run(batch, asked, { traced, weights, products, other }, (scored, places) => {
      for (const output of asked) spread((scored[output] as FloatArray).data, places, results[output] as Float32Array);
    });
    return results;
  }

  /**
   * Hidden states that tokens are predicted from, after the last norm, [B, T, hidden]: they never leave the learner.
   */
  async hidden(batch: LearnerBatch, weights: string): Promise<Float32Array> {
    const { hiddenSize } = this.#runtime.model.decoder;
    const result = new Float32Array(batch.rows.length * longestResponse(batch) * hiddenSize);
    const options = { ...this.#graphOptions(null), changesValues: changesValues(batch) };
    const traced = (layout: RowLayout): Traced =>
      this.#programs.trace(`hidden ${layout} ${options.changesValues}`, (graph, parameters) =>
        traceHidden(this.#runtime.model, graph, parameters, { ...options, layout }),
      );
    await this.#run(
      batch,
      [],
      { traced, weights, products: "float32", other: null },
      ({ hidden }, { ofToken, predictionOfToken }) => {
        const rows = (hidden as FloatArray).data;
        ofToken.forEach((place, token) =>
          result.set(
            rows.subarray(predictionOfToken[token]! * hiddenSize, (predictionOfToken[token]! + 1) * hiddenSize),
            place * hiddenSize,
          ),
        );
      },
    );
    return result;
  }

  /** Null where no divergence is asked for. @throws Error for a divergence from nothing */
  otherSide(batch: LearnerBatch, asked: readonly Output[]): OtherSide | null {
    if (!asked.some(isDivergence)) return null;
    const { against } = batch;
    if (against === undefined)
      throw new Error(`a batch without "against" was asked for ${asked.filter(isDivergence).join(", ")}`);
    const { scorer, weights } = this.#options.holderOf(against.weights ?? currentWeights);
    const head = scorer.head(weights);
    const [vocabulary, hiddenSize] = head.shape as [number, number];
    const T = longestResponse(batch);
    return {
      head: { vocabulary, hiddenSize },
      feeds: async ({ groups }, { ofToken, predictionOfToken, predictions }) => {
        const rows = groups.flatMap((group) => group.rows);
        const part: LearnerBatch = {
          prompts: against.prompts,
          rows: rows.map((row) => ({ ...batch.rows[row]!, prompt: against.promptOf[row]! })),
          temperature: batch.temperature,
        };
        const [hidden, shorter] = [await scorer.hidden(part, weights), longestResponse(part)];
        const rowOf = new Map(rows.map((row, index) => [row, index]));
        const data = new Float32Array(predictions * hiddenSize);
        ofToken.forEach((place, token) => {
          const from = (rowOf.get(Math.floor(place / T))! * shorter + (place % T)) * hiddenSize;
          data.set(hidden.subarray(from, from + hiddenSize), predictionOfToken[token]! * hiddenSize);
        });
        return { "against.hidden": { shape: [predictions, hiddenSize], data }, "against.head": head };
      },
    };
  }

  /** The head's weights of a set, [vocabulary, hidden]. */
  head(weights: string): HostArray {
    if (this.#frozenHead !== null) return this.#frozenHead;
    const { model } = this.#runtime;
    const { parameters } = this.#programs.trace("head", (graph, read) => void model.decoder.head(read));
    const name = parameters[0]!;
    const { shape, data } = this.#runtime.weights(weights).get(name)!;
    const head = { shape: [...shape], data };
    // One that is read from a file would be read again each time.
    if (!this.#runtime.trainedNames.includes(name)) this.#frozenHead = head;
    return head;
  }

  feeds(
    batch: LearnerBatch,
    microbatch: Microbatch,
    features: Features,
    asked: readonly Output[],
    options: Partial<Pick<PassOptions, "least" | "sharesRows">> = {},
  ): PassFeeds & { readonly hashes: readonly string[] } {
    const { model, executor, passes, pictures } = this.#runtime;
    const prompts = microbatch.groups.map(({ prompt }) => batch.prompts[prompt] as EncodedPrompt);
    const withPictures = microbatch.groups
      .flatMap(({ rows }) => rows)
      .flatMap((row) => {
        const given = givenPictures(batch.rows[row]!);
        return given === null ? [] : [{ row, given }];
      });
    const { hashes, placed, matrix } = pictures.place(
      [...prompts, ...withPictures.map(({ given }) => given)],
      features,
    );
    const given = new Map(withPictures.map(({ row }, i) => [row, placed[prompts.length + i]!.featureRows]));
    const inBlocks = attendsInBlocks(batch, executor, this.#options.longRow);
    return {
      hashes,
      ...passFeeds(
        model.decoder,
        batch,
        microbatch,
        { placed: placed.slice(0, prompts.length), given, matrix },
        {
          asked,
          inBlocks,
          pads: executor.fixedSizes === true,
          sharesRows: passes.sharedRows,
          changesValues: changesValues(batch),
          ...options,
        },
      ),
    };
  }

  /** See cutsByBytes. */
  bounds(batch: LearnerBatch): boolean {
    return cutsByBytes(batch, this.#runtime.executor, this.#options.longRow);
  }

  /** Microbatches, in lists of those that run on several devices at once. */
  passesOf(batch: LearnerBatch, tokens: number): Microbatch[][] {
    if (this.devices > 1) return sideBySide(batch, tokens, this.devices);
    // What sizes become where they must be among few.
    const padding = this.#runtime.executor.fixedSizes === true ? paddedExtent : undefined;
    return microbatches(batch, tokens, padding).map((microbatch) => [microbatch]);
  }

  get devices(): number {
    return this.#runtime.executor.devices ?? 1;
  }

  async #run(
    batch: LearnerBatch,
    asked: readonly Output[],
    { traced, weights, products, other }: Run,
    take: (outputs: Record<string, FloatArray>, places: Places) => void,
  ): Promise<void> {
    const features = await this.#runtime.pictures.of(pictured(batch), weights);
    for (const list of this.#cut(batch, features, asked, traced)) {
      const fed = equalFeeds(list, (microbatch, options) => this.feeds(batch, microbatch, features, asked, options));
      const program = await this.#programs.program(traced(fed[0]!.layout), { products });
      const given = await withOtherSide(fed, list, other);
      const outputs = await this.#runtime.runOnEach(program, feedsForAll(given, this.devices), weights);
      fed.forEach(({ places }, i) => take(outputs[i]!, places));
    }
  }

  #cut(
    batch: LearnerBatch,
    features: Features,
    asked: readonly Output[],
    traced: (layout: RowLayout) => Traced,
  ): readonly Microbatch[][] {
    const { scoringTokens: tokens } = this.#options;
    if (!this.bounds(batch)) return this.passesOf(batch, tokens);
    return boundedPasses(batch, tokens, this.#options.passBytes, (pass) => {
      const { feeds, layout } = this.feeds(batch, pass, features, asked);
      return passBytes(traced(layout).graph, feeds, { files: this.#runtime.fileTypes });
    }).cut.map((microbatch) => [microbatch]);
  }

  #graphOptions(other: OtherSide | null): Omit<GraphOptions, "layout"> {
    return {
      recompute: false,
      vocabularyChunk: this.#options.vocabularyChunk,
      ...(other === null ? {} : { other: other.head }),
    };
  }
}

/** What each microbatch of a list is fed, with the other side of its divergences. */
export function withOtherSide(
  fed: readonly PassFeeds[],
  list: readonly Microbatch[],
  other: OtherSide | null,
): Promise<Record<string, HostArray>[]> {
  return Promise.all(
    fed.map(async ({ feeds, places }, i) => ({ ...feeds, ...(await other?.feeds(list[i]!, places)) })),
  );
}

interface Run {
  readonly traced: (layout: RowLayout) => Traced;
  readonly weights: string;
  readonly products: Products;
  readonly other: OtherSide | null;
}

/** What passes for divergences from heads of other sizes differ by. */
export const keyOf = (other: OtherSide | null): string =>
  other === null ? "" : `against ${other.head.vocabulary} ${other.head.hiddenSize}`;

export const emptyOutputs = (batch: LearnerBatch, outputs: readonly Output[]): Outputs =>
  Object.fromEntries(outputs.map((output) => [output, new Float32Array(batch.rows.length * longestResponse(batch))]));

/** Write each token's prediction to its place in [B, T]. */
export function spread(predictions: Float32Array, { ofToken, predictionOfToken }: Places, into: Float32Array): void {
  ofToken.forEach((place, i) => (into[place] = predictions[predictionOfToken[i] as number] as number));
}
