import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LearnerBatch } from "../../core/learner/learner.ts";
import { loadPicture } from "../../core/model/processing/picture.ts";
import { executors } from "../support/executors.ts";
import { createLearner, type LoadedModel, loadModel } from "./loaded-model.ts";
import { goldenDir, goldenJson, hasPart, largestDifference, relativeError } from "./support.ts";

type ByPrecision<T> = Readonly<Record<"f32" | "f64", T>>;

/** What make_turns.py writes. */
interface Turns {
  readonly pictures: readonly [string, string];
  readonly asked: string;
  readonly said: string;
  readonly cases: Readonly<Record<string, TurnsCase>>;
}

interface TurnsCase {
  readonly ids: readonly number[];
  /** Tokens of the prompt, of the first turn, and of what stands between the turns. */
  readonly prompt: number;
  readonly first: number;
  readonly said: number;
  /** What the policy wrote, stop tokens included. */
  readonly turns: readonly [string, string];
  readonly logps: ByPrecision<readonly number[]>;
  /** L2 norms of gradients by parameter, and some gradients whole. */
  readonly norms: ByPrecision<Readonly<Record<string, number>>>;
  readonly whole: ByPrecision<Readonly<Record<string, readonly number[]>>>;
  readonly noise: readonly string[];
}

const golden = goldenJson<Turns>("turns.json");
const there = hasPart("turns.json");

// A file without tests would be an error.
test.skipIf(there)("turns", ({ skip }) => skip());

const closer = <T>(values: ByPrecision<T>, error: (wanted: T) => number): number =>
  Math.min(error(values.f32), error(values.f64));
const norm = (x: ArrayLike<number>): number => Math.sqrt(Array.from(x).reduce((sum: number, g) => sum + g * g, 0));

const all = Object.keys(golden?.cases ?? {}).flatMap((name) =>
  executors.map((executor) => ({ name, executor, on: executor.name })),
);

describe.skipIf(!there).each(all)("two turns: $name on $on", ({ name, executor }) => {
  const { asked, said, pictures } = golden!;
  const wanted = golden!.cases[name]!;
  let model: LoadedModel;
  let batch: LearnerBatch;
  /** Of the tokens of both turns, in [B, T]. */
  let places: number[];

  beforeAll(async () => {
    model = await loadModel(name, executor);
    const { processor } = model;
    const [own, shown] = await Promise.all(
      pictures.map(async (file) => processor.encodePicture(await loadPicture(join(goldenDir(), "images", file)))),
    );
    const prompt = processor.encodePromptWith({ prompt: `<image>${asked}` }, [own!]);
    const turn = (text: string): number[] => [...processor.tokenizer.encode(text)];
    const between = processor.encodeReplyWith({ role: "user", content: `<image>${said}` }, [shown!]);
    const parts = [turn(wanted.turns[0]), [...between], turn(wanted.turns[1])];
    const flags = Uint8Array.from(parts.flatMap((part, index) => part.map(() => (index === 1 ? 1 : 0))));
    batch = {
      prompts: [prompt],
      rows: [{ prompt: 0, tokens: Int32Array.from(parts.flat()), given: { flags, pictures: [shown!] } }],
      temperature: 1,
    };
    places = [...flags.keys()].filter((place) => flags[place] === 0);
  });
  afterAll(() => model.runtime.release());

  test("the chat template's tokens, whole and part by part", () => {
    const { tokens, given } = batch.rows[0]!;
    expect([...batch.prompts[0]!.ids, ...tokens]).toEqual(wanted.ids);
    const said = given!.flags.reduce((sum, flag) => sum + flag, 0);
    expect([batch.prompts[0]!.ids.length, given!.flags.indexOf(1), said]).toEqual([
      wanted.prompt,
      wanted.first,
      wanted.said,
    ]);
  });

  // One family goes both ways.
  test.each(
    name === all[0]!.name
      ? ([
          ["padded", {}],
          ["in blocks", { longRow: 1 }],
        ] as const)
      : ([["padded", {}]] as const),
  )("log-probs and gradients are torch's, what was said has none: %s", async (_, options) => {
    const learner = createLearner(model, 4096, options);
    const { logProbs } = await learner.score(batch, ["logProbs"]);
    expect(
      closer(wanted.logps, (one) =>
        largestDifference(
          places.map((place) => logProbs![place]!),
          one,
        ),
      ),
    ).toBeLessThanOrEqual(2e-5);
    const { flags } = batch.rows[0]!.given!;
    expect(logProbs!.filter((_value, place) => flags[place] === 1).every((value) => value === 0)).toBe(true);
    // A cotangent where the environment wrote reaches nothing.
    const cotangent = new Float32Array(flags.length).fill(7);
    places.forEach((place, t) => (cotangent[place] = Math.cos(t)));
    await learner.backward(batch, { logProbs: cotangent });
    const own = (parameter: string): Float32Array => learner.gradients.get(parameter) ?? new Float32Array();
    const off = Object.keys(wanted.norms.f64)
      .filter((parameter) => !wanted.noise.includes(parameter))
      .flatMap((parameter) => {
        const error = closer(
          { f32: wanted.norms.f32[parameter]!, f64: wanted.norms.f64[parameter]! },
          (one) => Math.abs(norm(own(parameter)) - one) / one,
        );
        return error <= 1e-4 ? [] : [`${parameter}: ${error}`];
      });
    expect(off).toEqual([]);
    for (const parameter of Object.keys(wanted.whole.f64)) {
      const error = closer({ f32: wanted.whole.f32[parameter]!, f64: wanted.whole.f64[parameter]! }, (one) =>
        relativeError(own(parameter), one),
      );
      expect(error, parameter).toBeLessThanOrEqual(1e-4);
    }
    await learner.release();
  });
});
