/** A DINOv2 folder, ready to look at pictures: features and attention maps, on the CPU through onnxruntime. */
import { join } from "node:path";
import type { FloatArray, HostArray, Program } from "../../../graph/executor.ts";
import { Graph, type Value } from "../../../graph/graph.ts";
import { OnnxExecutor } from "../../../graph/onnx/executor.ts";
import { readJson } from "../../files/json.ts";
import type { Picture } from "../../processing/picture.ts";
import { resize } from "../../processing/resize.ts";
import { shown } from "../../../messages/shown.ts";
import { readFloats, readFolderEntries } from "../../files/safetensors.ts";
import { readDinov2Config, type Dinov2Config } from "./config.ts";
import { interpolatePositions } from "./positions.ts";
import { dinov2Parameters, traceDinov2 } from "./trace.ts";

export interface Dinov2Result {
  /** Patches, rows and columns. */
  readonly rows: number;
  readonly columns: number;
  /** After the last norm, [1 + registers + rows·columns, hidden]: CLS token, registers, patches row by row. */
  readonly features: Float32Array;
  /** Of each layer asked for, the mean over heads of what token i (row) pays to token j, [S, S]. */
  readonly attentions: ReadonlyMap<number, Float32Array>;
}

export interface Dinov2Options {
  /** Layers whose attention is wanted, from 0; beyond the last they are an error. Default none. */
  readonly layers?: readonly number[];
  /** Threads inside one operation; default 1. */
  readonly threads?: number;
}

/** Per channel. */
interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** ImageNet's, which the published folders have. */
const usual: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

type Dinov2Weights = ReadonlyMap<string, HostArray & { readonly data: Float32Array }>;

export class Dinov2Encoder {
  readonly config: Dinov2Config;
  readonly #weights: Dinov2Weights;
  readonly #program: Program;
  readonly #layers: readonly number[];
  readonly #norm: Normalisation;

  private constructor(
    config: Dinov2Config,
    weights: Dinov2Weights,
    program: Program,
    layers: readonly number[],
    norm: Normalisation,
  ) {
    this.config = config;
    this.#weights = weights;
    this.#program = program;
    this.#layers = layers;
    this.#norm = norm;
  }

  /** @throws Error naming the file, the field or the tensor that is missing or wrong */
  static async open(folder: string, { layers = [], threads = 1 }: Dinov2Options = {}): Promise<Dinov2Encoder> {
    const config = await readDinov2Config(folder);
    const beyond = layers.find((layer) => !Number.isInteger(layer) || layer < 0 || layer >= config.layers);
    if (beyond !== undefined)
      throw new Error(`${folder} has ${config.layers} layers, from 0; there is no layer ${beyond}`);
    const weights = await readWeights(folder, config);
    const graph = new Graph();
    const used = new Map<string, Value>();
    traceDinov2(
      config,
      graph,
      (name) => {
        const value = used.get(name) ?? graph.input(name, weights.get(name)!.shape);
        used.set(name, value);
        return value;
      },
      layers,
    );
    const processor = (await readJson(join(folder, "preprocessor_config.json"))) ?? {};
    const numbers = (
      key: string,
      otherwise: readonly number[],
      isUsable: (value: number) => boolean,
    ): readonly number[] => {
      const given = processor[key] ?? otherwise;
      if (
        Array.isArray(given) &&
        given.length === 3 &&
        given.every((value) => Number.isFinite(value) && isUsable(value as number))
      )
        return given as number[];
      throw new Error(
        `${join(folder, "preprocessor_config.json")}: ${key} is ${shown(given)}; three numbers are needed${key === "image_std" ? " above 0, since pixels are divided by them" : ""}`,
      );
    };
    const normalisation = {
      mean: numbers("image_mean", usual.mean, () => true),
      std: numbers("image_std", usual.std, (value) => value > 0),
    };
    return new Dinov2Encoder(
      config,
      weights,
      await new OnnxExecutor({ threads }).compile(graph),
      layers,
      normalisation,
    );
  }

  /**
   * A picture, whole: resized so that its longer side has `longest` patches at most and both sides are whole patches.
   * (The published processor crops the middle out; a mask has to cover the whole picture.)
   */
  encode(picture: Picture, longest = 37): Promise<Dinov2Result> {
    const { patchSize } = this.config;
    const scale = Math.min(longest / (Math.max(picture.width, picture.height) / patchSize), 1);
    const patches = (side: number): number => Math.max(1, Math.round((side * scale) / patchSize));
    const [rows, columns] = [patches(picture.height), patches(picture.width)];
    const { data } = resize(picture, columns * patchSize, rows * patchSize);
    const area = rows * columns * patchSize ** 2;
    const { mean, std } = this.#norm;
    const pixels = Float32Array.from({ length: 3 * area }, (_, at) => {
      const channel = Math.floor(at / area);
      return (data[(at % area) * 3 + channel]! / 255 - mean[channel]!) / std[channel]!;
    });
    return this.encodePixels(pixels, rows, columns);
  }

  /** @param pixels normalised, [3, rows·patch, columns·patch] */
  async encodePixels(pixels: Float32Array, rows: number, columns: number): Promise<Dinov2Result> {
    const { patchSize, positions, hiddenSize, registers } = this.config;
    // transformers interpolates with antialiasing in the models with registers only.
    const embeddings = interpolatePositions(
      this.#weights.get("embeddings.position_embeddings")!.data,
      positions,
      hiddenSize,
      rows,
      columns,
      registers > 0 ? "antialiased" : "plain",
    );
    const feeds = {
      ...Object.fromEntries(this.#weights),
      patches: { shape: [rows * columns, 3 * patchSize ** 2], data: cutPatches(pixels, rows, columns, patchSize) },
      positions: { shape: [1 + rows * columns, hiddenSize], data: embeddings },
    };
    const results = await this.#program.run(feeds);
    const of = (name: string): Float32Array => (results[name] as FloatArray).data;
    return {
      rows,
      columns,
      features: of("features"),
      attentions: new Map(this.#layers.map((layer) => [layer, of(`attention.${layer}`)])),
    };
  }

  close(): Promise<void> {
    return this.#program.release();
  }
}

async function readWeights(folder: string, config: Dinov2Config): Promise<Dinov2Weights> {
  const entries = await readFolderEntries(folder);
  const weights = new Map<string, HostArray & { data: Float32Array }>();
  for (const [name, shape] of dinov2Parameters(config)) {
    const entry = entries.get(name);
    if (entry === undefined) throw new Error(`${folder}: the weights have no "${name}"`);
    if (entry.shape.join() !== shape.join())
      throw new Error(
        `${folder}: "${name}" is [${entry.shape.join(", ")}], its config.json says [${shape.join(", ")}]`,
      );
    weights.set(name, { shape, data: await readFloats(entry) });
  }
  return weights;
}

/** [3, rows·patch, columns·patch] → [rows·columns, 3·patch²]: a patch is [channel, row, column]. */
function cutPatches(pixels: Float32Array, rows: number, columns: number, patch: number): Float32Array {
  const out = new Float32Array(pixels.length);
  const [width, plane] = [columns * patch, rows * columns * patch ** 2];
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      for (let channel = 0; channel < 3; channel++) {
        for (let y = 0; y < patch; y++) {
          const from = channel * plane + (row * patch + y) * width + column * patch;
          out.set(pixels.subarray(from, from + patch), at);
          at += patch;
        }
      }
    }
  }
  return out;
}
