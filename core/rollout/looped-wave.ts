/** Responses of a wave whose tokens a device draws: what each run of rounds is fed, and where its tokens go. */
import type { HostArray } from "../graph/executor.ts";
import { bucket } from "../math/bucket.ts";
import { type EncodedPrompt, promptLength } from "../model/model.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import { forbidden } from "../model/rows/masks.ts";
import type { SamplingSettings } from "./engine.ts";
import { GrowingResponse } from "./response.ts";
import { type Job, longestOf } from "./wave.ts";
import type { WaveMember } from "./waves.ts";

/** Tokens of a response that are sampled before the host looks at them. */
const roundsAtOnce = 32;

/** Sizes of a wave, padded: prompts, responses a prompt, prompt tokens, cached tokens a response, rounds of a run. */
export interface WaveSizes {
  readonly B: number;
  readonly N: number;
  readonly P: number;
  readonly L: number;
  readonly rounds: number;
}

/**
 * Responses of B prompts by N slots, row b·N + n; a slot is empty when its response is done, and is computed all the
 * same.
 */
export class LoopedWave {
  readonly #job: Job;
  readonly #runtime: ModelRuntime;
  readonly #sizes: WaveSizes;
  readonly #prompts: readonly { readonly length: number; readonly next: number }[];
  readonly #slots: (GrowingResponse | null)[];
  /** Tokens every response has. */
  #length = 0;

  constructor(
    members: readonly WaveMember[],
    job: Job,
    runtime: ModelRuntime,
    prompts: readonly EncodedPrompt[],
    sizes: WaveSizes,
  ) {
    this.#job = job;
    this.#runtime = runtime;
    this.#sizes = sizes;
    this.#prompts = prompts.map((prompt) => ({
      length: promptLength(prompt),
      next: runtime.model.decoder.positions(prompt).next,
    }));
    this.#slots = members.flatMap(({ request, first, count }) =>
      Array.from({ length: sizes.N }, (_, n) =>
        n < count ? new GrowingResponse(request, first + n, job.requests[request]!.keys[first + n]!) : null,
      ),
    );
  }

  get isDone(): boolean {
    return this.#slots.every((slot) => slot === null);
  }

  /** Give responses the tokens of some rounds, [rounds, B·N, 3]; those that end are handed on and leave. */
  take(drawn: Float32Array, rounds: number): void {
    const { sampling, onResponse } = this.#job;
    const rows = this.#sizes.B * this.#sizes.N;
    for (let round = 0; round < rounds; round++) {
      this.#length++;
      for (const [row, response] of this.#slots.entries()) {
        if (response === null) continue;
        const at = 3 * (round * rows + row);
        response.append(drawn[at]!, drawn[at + 1]!, drawn[at + 2]!);
        const finish = sampling.stopTokens.includes(response.lastToken)
          ? "stop"
          : this.#length === sampling.maxNewTokens
            ? "length"
            : null;
        if (finish === null) continue;
        this.#slots[row] = null;
        onResponse(response.finish(finish));
      }
    }
  }

  /** For the first draw: each row's prompt, and its words. */
  firstRows(): Record<string, HostArray> {
    const { B, N } = this.#sizes;
    return {
      "row.of": { shape: [B * N], data: Int32Array.from({ length: B * N }, (_, row) => Math.floor(row / N)) },
      words: this.#words([0], [B * N, 2]),
    };
  }

  /** The newest tokens, [B, N]. */
  tokens(): HostArray {
    const { B, N } = this.#sizes;
    return {
      shape: [B, N],
      data: Int32Array.from({ length: B * N }, (_, row) => Math.max(0, this.#slots[row]?.lastToken ?? 0)),
    };
  }

  /** What the next rounds have of their own. */
  parts(): Record<string, HostArray> {
    const { B, N, rounds } = this.#sizes;
    const lengths = Array.from({ length: rounds }, (_, round) => this.#length + round);
    return {
      ...this.#rotary(lengths),
      mask: this.#mask(lengths),
      place: { shape: [rounds, 1], data: Int32Array.from(lengths, (length) => length - 1) },
      words: this.#words(lengths, [rounds, B * N, 2]),
    };
  }

  #words(positions: readonly number[], shape: readonly number[]): HostArray {
    const rows = this.#sizes.B * this.#sizes.N;
    const data = new Int32Array(positions.length * rows * 2);
    positions.forEach((position, i) =>
      this.#slots.forEach((response, row) => response && data.set(response.words(position), 2 * (i * rows + row))),
    );
    return { shape, data };
  }

  #rotary(lengths: readonly number[]): Record<string, HostArray> {
    const { decoder } = this.#runtime.model;
    const { B, N } = this.#sizes;
    const half = decoder.headSize / 2;
    const positions = lengths.flatMap((length) =>
      Array.from({ length: B }, (_, b) => (this.#prompts[b]?.next ?? 0) + length - 1),
    );
    const tables = decoder.rotary(Int32Array.from([...positions, ...positions, ...positions]));
    const repeated = (table: Float32Array): HostArray => {
      const data = new Float32Array(lengths.length * B * N * half);
      for (let row = 0; row < lengths.length * B * N; row++) {
        const prompt = Math.floor(row / N);
        data.set(table.subarray(prompt * half, (prompt + 1) * half), row * half);
      }
      return { shape: [lengths.length, B, N, half], data };
    };
    return { cos: repeated(tables.cos), sin: repeated(tables.sin) };
  }

  /** What a prompt's responses attend to: its prefix, and their tokens up to the newest, [rounds, B, P + L]. */
  #mask(lengths: readonly number[]): HostArray {
    const { B, P, L } = this.#sizes;
    const width = P + L;
    const data = new Float32Array(lengths.length * B * width).fill(forbidden);
    lengths.forEach((length, round) => {
      for (let b = 0; b < B; b++) {
        const start = (round * B + b) * width;
        data.fill(0, start, start + (this.#prompts[b]?.length ?? 1)).fill(0, start + P, start + P + length);
      }
    });
    return { shape: [lengths.length, B, width], data };
  }
}

export function sizesOf(
  members: readonly WaveMember[],
  prompts: readonly EncodedPrompt[],
  { maxNewTokens }: SamplingSettings,
): WaveSizes {
  const cached = Math.max(1, maxNewTokens - 1);
  const rounds = Math.min(roundsAtOnce, bucket(cached));
  return {
    B: bucket(members.length),
    N: bucket(Math.max(...members.map(({ count }) => count))),
    P: bucket(longestOf(prompts), 4),
    L: Math.ceil(cached / rounds) * rounds,
    rounds,
  };
}
