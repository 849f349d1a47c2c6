/** The embedded learner: forward, log-probs, backward and gradients are graphs on an executor, fed in microbatches. */
import { createHash } from "node:crypto";
import type { FloatArray, HostArray, Products, ProgramRuns } from "../graph/executor.ts";
import { firstNotFinite } from "../math/first-not-finite.ts";
import type { EncodedPrompt, Weights } from "../model/model.ts";
import { type Features, distinctPictures, pictureChunks } from "../model/pictures.ts";
import { type ModelCompileOptions, type ModelRuntime } from "../model/runtime.ts";
import { currentWeights } from "../model/weight-sets.ts";
import type { EncodedPicture } from "../model/processing/picture.ts";
import type { RowLayout } from "../model/rows/inputs.ts";
import { DivergedError } from "./diverged-error.ts";
import {
  type Learner,
  type LearnerBatch,
  type LearnerCapabilities,
  type OptimizerSettings,
  type Output,
  type Outputs,
  type SavedContent,
  type StepReport,
  outputs,
  outputsIn,
} from "./learner.ts";
import { emptyOutputs, GraphScorer, keyOf, spread, withOtherSide } from "./graph-scorer.ts";
import { gradientName, type GraphOptions, traceBackward, traceVisionBackward } from "./passes/learner-graphs.ts";
import type { Microbatch } from "./passes/microbatches.ts";
import { loadLearner, saveLearner, type SavedLearner } from "./learner-files.ts";
import { equalFeeds, feedsForAll } from "./passes/device-passes.ts";
import { changesValues, longestResponse, pictured, type Places } from "./passes/pass-feeds.ts";
import { boundedBackward, passBytes, passLimit } from "./passes/pass-memory.ts";
import { PassPrograms, type Traced } from "./passes/pass-programs.ts";
import { accumulate, createTrainingState, type TrainingState } from "./optimizer/training-state.ts";
import type { WeightStore } from "./weight-store.ts";

export interface GraphLearnerOptions {
  readonly optimizer: OptimizerSettings;
  /** Whether the gradient's memory goes back to the system after an update. Default false. */
  readonly handsBack?: boolean;
  /**
   * Padded tokens of one forward and backward pass, at most: bounds memory, never changes a loss. Passes over long rows
   * are cut further; see passLimit.
   */
  readonly microbatchTokens: number;
  /**
   * The same of a scoring pass, which needs less memory. It is a number of its own because with several threads the
   * last bits of a log-prob depend on what it is computed beside: `microbatchTokens` then leaves every log-prob, and so
   * every cotangent, the same bits. Default 16384.
   */
  readonly scoringTokens?: number;
  /**
   * Compute what is inside the decoder's layers again in the pass back instead of keeping it: less memory, more time,
   * the same gradients. Default false.
   */
  readonly recompute?: boolean;
  /** What a pass over long rows may hold, bytes, where it can be cut. Default: see passLimit. */
  readonly passBytes?: number;
  /**
   * Tokens of a prompt and a response from which attention is computed in blocks, where the executor does that. Default
   * 512.
   */
  readonly longRow?: number;
  /** Tokens of the vocabulary whose logits exist at a time. Default 16384. */
  readonly vocabularyChunk?: number;
  /** Where checkpoints hold the weights. Default: nowhere, `save` and `load` are errors. */
  readonly store?: WeightStore;
  /** Trained weights that `keep` takes under a name, instead of a copy of the current ones. */
  readonly copies?: ReadonlyMap<string, Weights>;
  /** Opens another folder's model on the same executor. Default: `teach` is an error. */
  readonly openTeacher?: (folder: string) => Promise<ModelRuntime>;
  /** What dropout is drawn by, where an adapter has it. Default 0. */
  readonly seed?: number;
}

export class GraphLearner implements Learner {
  readonly #runtime: ModelRuntime;
  readonly #options: GraphLearnerOptions;
  readonly #graphOptions: Omit<GraphOptions, "layout">;
  readonly #training: TrainingState;
  readonly #trained: ReadonlySet<string>;
  readonly #trainsVision: boolean;
  readonly #programs: PassPrograms;
  readonly #scorer: GraphScorer;
  /** Other folders' models, by name. */
  readonly #teachers = new Map<string, { readonly runtime: ModelRuntime; readonly scorer: GraphScorer }>();
  /** See passLimit. */
  readonly #passBytes: number;
  /** The executor's at the last update. */
  #runs: ProgramRuns = { all: 0, atKnownSizes: 0 };
  /** How programs of a pass back are compiled. */
  readonly #addingUp: ModelCompileOptions = { isSum: (output) => this.#training.addsUp(output) };
  /** Passes back since the last update. */
  #passes = 0;

  constructor(runtime: ModelRuntime, options: GraphLearnerOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#training = createTrainingState(runtime, options.optimizer, options.handsBack ?? false);
    this.#graphOptions = { recompute: options.recompute ?? false, vocabularyChunk: options.vocabularyChunk ?? 16_384 };
    this.#trained = new Set(runtime.trainedNames);
    this.#trainsVision = runtime.trainsVision;
    this.#passBytes = options.passBytes ?? passLimit(runtime.parameters, this.#trained);
    this.#programs = new PassPrograms(runtime);
    this.#scorer = this.#scorerOf(runtime, this.#passBytes);
  }

  get capabilities(): LearnerCapabilities {
    const sizes = [...this.#runtime.parameters].map(([name, shape]) => ({
      name,
      size: shape.reduce((a, b) => a * b, 1),
    }));
    const total = (counted: typeof sizes): number => counted.reduce((sum, { size }) => sum + size, 0);
    const trained = total(sizes.filter(({ name }) => this.#trained.has(name)));
    const { layers, heads } = this.#runtime.model.decoder;
    const { software } = this.#runtime.executor;
    return {
      outputs,
      decoder: { layers, heads },
      attention: true,
      parameters: total(sizes),
      trained,
      dropout: this.#runtime.dropsOut,
      teachers: this.#options.openTeacher !== undefined,
      ...(software === undefined ? {} : { software }),
    };
  }

  get version(): number {
    return this.#runtime.version;
  }

  /** The gradient accumulated since the last step, by parameter: for tests and reports. */
  get gradients(): ReadonlyMap<string, Float32Array> {
    return this.#training.gradients();
  }

  score(
    batch: LearnerBatch,
    asked: readonly Output[],
    weights = currentWeights,
    products: Products = "float32",
  ): Promise<Outputs> {
    const holder = this.#holderOf(weights);
    return holder.scorer.score(batch, asked, holder.weights, products);
  }

  async teach(name: string, folder: string): Promise<void> {
    const { openTeacher } = this.#options;
    if (openTeacher === undefined) throw new Error("this learner was made without a way to open other folders");
    const runtime = await openTeacher(folder);
    const scorer = this.#scorerOf(runtime, passLimit(runtime.parameters, new Set()));
    await this.#teachers.get(name)?.runtime.release();
    this.#teachers.set(name, { runtime, scorer });
  }

  #scorerOf(runtime: ModelRuntime, bytes: number): GraphScorer {
    const { scoringTokens = 16_384, longRow } = this.#options;
    const { vocabularyChunk } = this.#graphOptions;
    return new GraphScorer(runtime, {
      scoringTokens,
      longRow,
      passBytes: bytes,
      vocabularyChunk,
      holderOf: (weights) => this.#holderOf(weights),
    });
  }

  #holderOf(weights: string): { readonly scorer: GraphScorer; readonly weights: string } {
    const teacher = this.#teachers.get(weights);
    return teacher === undefined
      ? { scorer: this.#scorer, weights }
      : { scorer: teacher.scorer, weights: currentWeights };
  }

  async backward(batch: LearnerBatch, cotangents: Outputs): Promise<Outputs> {
    if (changesValues(batch))
      throw new Error(
        "a pass back through prompts that change what attention reads was asked for; they are scored alone",
      );
    const asked = outputsIn(cotangents);
    const T = longestResponse(batch);
    for (const output of asked) checkSize(output, cotangents[output] as Float32Array, batch.rows.length, T);
    const features = await this.#runtime.pictures.of(pictured(batch));
    const results = emptyOutputs(batch, asked);
    const ofFeatures = new Map<string, Float32Array>();
    const other = this.#scorer.otherSide(batch, asked);
    const traced = (layout: RowLayout, recompute: boolean): Traced =>
      this.#programs.trace(
        `backward ${layout} ${recompute} ${asked.join(" ")} ${keyOf(other)}`,
        (graph, parameters) => {
          traceBackward(
            this.#runtime.model,
            graph,
            parameters,
            { outputs: asked, trained: this.#trained, trainsVision: this.#trainsVision },
            { ...this.#graphOptions, ...(other === null ? {} : { other: other.head }), recompute, layout },
          );
        },
        this.#runtime.dropsOut,
      );
    const { cut, recompute } = this.#learningPasses(batch, features, asked, traced);
    for (const list of cut) {
      const fed = equalFeeds(list, (microbatch, options) =>
        this.#scorer.feeds(batch, microbatch, features, asked, options),
      );
      const given = await withOtherSide(fed, list, other);
      const own = fed.map(({ places }, i) => {
        const ofOutputs = asked.map(
          (output) =>
            [
              `cotangent.${output}`,
              { shape: [places.predictions], data: gathered(cotangents[output] as Float32Array, places) },
            ] as const,
        );
        const keys = this.#runtime.dropoutKeys(this.#options.seed ?? 0, {
          version: this.version,
          pass: this.#passes++,
        });
        return { ...given[i]!, ...Object.fromEntries(ofOutputs), ...keys };
      });
      const program = await this.#programs.program(traced(fed[0]!.layout, recompute), this.#addingUp);
      const computed = await this.#training.backward(program, feedsForAll(own, this.#scorer.devices));
      fed.forEach(({ places, hashes }, i) => {
        for (const output of asked)
          spread((computed[i]![output] as FloatArray).data, places, results[output] as Float32Array);
        const cotangent = computed[i]![gradientName("features")];
        if (cotangent !== undefined) this.#splitFeatures(hashes, features, cotangent.data, ofFeatures);
      });
    }
    if (this.#trainsVision) await this.#visionBackward(pictured(batch), ofFeatures);
    return results;
  }

  attention(picture: EncodedPicture, weights = currentWeights): Promise<Float32Array> {
    return this.#runtime.pictures.attention(picture, weights);
  }

  async step({ learningRate }: { readonly learningRate: number }): Promise<StepReport> {
    const { broken, ...report } = await this.#training.update({ learningRate });
    this.#passes = 0;
    if (!report.skipped) this.#runtime.changed(undefined, { vision: this.#trainsVision });
    if (broken !== null) {
      const { data } = this.#runtime.trained().get(broken) as { data: Float32Array };
      const at = firstNotFinite(data);
      throw new DivergedError(
        `the update made "${broken}" ${data[at]} at ${at}: lower the learning rate (it was ${learningRate})`,
      );
    }
    return { ...report, ...this.#runsSinceLast() };
  }

  #runsSinceLast(): Pick<StepReport, "runs"> {
    const { runs } = this.#runtime.executor;
    if (runs === undefined) return {};
    const since = { all: runs.all - this.#runs.all, atKnownSizes: runs.atKnownSizes - this.#runs.atKnownSizes };
    this.#runs = runs;
    return { runs: since };
  }

  async keep(name: string, decay = 0): Promise<void> {
    if (decay === 0) this.#runtime.keep(name, this.#options.copies?.get(name));
    else await this.#runtime.follow(name, decay);
  }

  digest(): Promise<string> {
    const hash = createHash("sha256");
    for (const [name, { data }] of [...this.#runtime.trained()].sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    return Promise.resolve(hash.digest("hex"));
  }

  /** Exact state; see learner-files.ts. */
  async save(folder: string, content: SavedContent = "all"): Promise<void> {
    await saveLearner(folder, this.#saved, content);
  }

  async load(folder: string): Promise<void> {
    const version = await loadLearner(folder, this.#saved);
    this.#passes = 0;
    this.#runtime.changed(version);
  }

  /** Free gradient, moments and what was compiled for them; the runtime frees the rest. */
  async release(): Promise<void> {
    await this.#training.release();
    for (const { runtime } of this.#teachers.values()) await runtime.release();
  }

  get #saved(): SavedLearner {
    const { store } = this.#options;
    if (store === undefined) throw new Error("this learner was made without a place to save to");
    return { runtime: this.#runtime, training: this.#training, store };
  }

  #learningPasses(
    batch: LearnerBatch,
    features: Features,
    asked: readonly Output[],
    traced: (layout: RowLayout, recompute: boolean) => Traced,
  ): { readonly cut: readonly Microbatch[][]; readonly recompute: boolean } {
    const { microbatchTokens: tokens, recompute = false } = this.#options;
    if (!this.#scorer.bounds(batch)) return { cut: this.#scorer.passesOf(batch, tokens), recompute };
    const bounded = boundedBackward(batch, { tokens, limit: this.#passBytes, recompute }, (pass, recomputes) => {
      const { feeds, layout } = this.#scorer.feeds(batch, pass, features, asked);
      const { graph } = traced(layout, recomputes);
      const sums = new Set([...graph.outputs.keys()].filter((output) => this.#training.addsUp(output)));
      return passBytes(graph, feeds, { files: this.#runtime.fileTypes, sums });
    });
    return { cut: bounded.cut.map((microbatch) => [microbatch]), recompute: bounded.recompute };
  }

  /** Add each picture's part of d loss / d features, [tokens, featureWidth], to what other passes gave it. */
  #splitFeatures(
    hashes: readonly string[],
    features: Features,
    cotangent: Float32Array,
    into: Map<string, Float32Array>,
  ): void {
    let start = 0;
    for (const hash of hashes) {
      const size = (features.get(hash) as Float32Array).length;
      accumulate(into, hash, cotangent.slice(start, start + size));
      start += size;
    }
  }

  async #visionBackward(
    prompts: readonly EncodedPrompt[],
    cotangents: ReadonlyMap<string, Float32Array>,
  ): Promise<void> {
    const { vision } = this.#runtime.model;
    const { featureWidth } = vision;
    const pictures = distinctPictures(prompts).filter(({ hash }) => cotangents.has(hash));
    if (pictures.length === 0) return;
    const { recompute } = this.#graphOptions;
    for (const chunk of pictureChunks(pictures)) {
      const inBlocks = this.#runtime.pictures.seesInBlocks(chunk);
      const traced = this.#programs.trace(`vision backward ${inBlocks}`, (graph, parameters) => {
        traceVisionBackward(this.#runtime.model, graph, parameters, this.#trained, { recompute, inBlocks });
      });
      const program = await this.#programs.program(traced, this.#addingUp);
      const fed = this.#runtime.pictures.feeds(chunk, inBlocks);
      const order = vision.order(chunk);
      const rows = vision.rows(fed);
      const data = new Float32Array(rows * featureWidth);
      let token = 0;
      for (const { hash } of chunk) {
        const own = cotangents.get(hash) as Float32Array;
        for (let i = 0; i < own.length; i += featureWidth)
          data.set(own.subarray(i, i + featureWidth), (order[token++] as number) * featureWidth);
      }
      const feeds = { ...fed, "cotangent.features": { shape: [rows, featureWidth], data } };
      const one: HostArray = { shape: [1], data: Float32Array.of(1) };
      await this.#training.backward(program, [recompute ? { ...feeds, one } : feeds]);
    }
  }
}

/** Cotangents of the predictions: what all tokens that are one of them have, added up. */
function gathered(cotangents: Float32Array, { ofToken, predictionOfToken, predictions }: Places): Float32Array {
  const sums = new Float64Array(predictions);
  ofToken.forEach(
    (place, i) =>
      (sums[predictionOfToken[i] as number] =
        (sums[predictionOfToken[i] as number] as number) + (cotangents[place] as number)),
  );
  return Float32Array.from(sums);
}

function checkSize(output: Output, array: Float32Array, B: number, T: number): void {
  if (array.length !== B * T)
    throw new Error(`the cotangent of ${output} has ${array.length} entries; the batch is [${B}, ${T}]`);
}
