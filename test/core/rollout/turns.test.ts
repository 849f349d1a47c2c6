import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Executor, Feeds, Program } from "../../../core/graph/executor.ts";
import { OnnxExecutor } from "../../../core/graph/onnx/executor.ts";
import { loadXla, xlaSetup } from "../../../core/graph/xla/client/plugin.ts";
import { GraphLearner } from "../../../core/learner/graph-learner.ts";
import { createRandom } from "../../../core/math/random.ts";
import { loadModelFolder } from "../../../core/model/files/folder.ts";
import type { EncodedPrompt } from "../../../core/model/model.ts";
import type { EncodedPicture } from "../../../core/model/processing/picture.ts";
import { Processor } from "../../../core/model/processing/processor.ts";
import { createModel } from "../../../core/model/registry.ts";
import { ModelRuntime } from "../../../core/model/runtime.ts";
import type {
  EndedTurn,
  GeneratedResponse,
  GoOn,
  RolloutRequest,
  SamplingSettings,
} from "../../../core/rollout/engine.ts";
import { OnnxRolloutEngine } from "../../../core/rollout/onnx-engine.ts";
import { wordPieces } from "../../../core/rollout/read-words.ts";
import { LoopedWords, wordsAtOnce } from "../../../core/rollout/looped-words.ts";
import { largestDifference } from "../../golden/support.ts";
import { requestFor } from "./support.ts";

const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));

/** The real executor, which writes down how many tokens go through the decoder. */
class WatchingExecutor implements Executor {
  readonly name = "watching";
  readonly attendsInBlocks = true;
  /** Of prefixes, of words between turns, of sampled tokens: slots of each run, padding included. */
  readonly seen: Record<"prefix.source" | "words.source" | "tokens", number[]> = {
    "prefix.source": [],
    "words.source": [],
    tokens: [],
  };
  readonly #inner = new OnnxExecutor({ threads: 2 });

  async compile(...args: Parameters<Executor["compile"]>): Promise<Program> {
    const program = await this.#inner.compile(...args);
    return {
      run: (feeds: Feeds) => {
        for (const [name, sizes] of Object.entries(this.seen)) {
          const fed = feeds[name];
          if (fed !== undefined && "data" in fed) sizes.push(fed.shape.reduce((a, b) => a * b, 1));
        }
        return program.run(feeds);
      },
      release: () => program.release(),
    };
  }
}

const executor = new WatchingExecutor();
let runtime: ModelRuntime;
let shared: OnnxRolloutEngine;
let prompts: EncodedPrompt[];
let shown: EncodedPicture[];
let processor: Processor;
let sampling: SamplingSettings;

beforeAll(async () => {
  const { config, weights } = await loadModelFolder(folder, (found) => createModel(found).parameters);
  runtime = new ModelRuntime(createModel(config), weights, executor);
  shared = new OnnxRolloutEngine(runtime);
  processor = await Processor.load(folder);
  const random = createRandom(3);
  const draw = (name: string, width: number, height: number) =>
    processor.encodePicture({
      width,
      height,
      source: name,
      data: Uint8Array.from({ length: width * height * 3 }, (_, i) => 256 * random.key(name).uniform(i)),
    });
  const [small, wide] = [draw("small", 56, 56), draw("wide", 140, 60)];
  const ask = (prompt: string, ...pictures: EncodedPicture[]) => processor.encodePromptWith({ prompt }, pictures);
  prompts = [
    ask("What is 12 + 30?"),
    ask("<image>Name the shape.", small),
    ask("Compare <image> with <image>.", wide, small),
  ];
  shown = [draw("a", 56, 84), draw("b", 84, 56), draw("c", 28, 28)];
  sampling = {
    temperature: 0.8,
    topP: 0.95,
    topK: 0,
    maxNewTokens: 100,
    stopTokens: Array.from({ length: 24 }, (_, i) => 5 + i),
    bannedTokens: processor.bannedTokens,
  };
});
afterAll(() => runtime.release());

const requests = (count = 3): RolloutRequest[] => prompts.map((prompt, index) => requestFor(prompt, count, index));

/**
 * Words of a length and with pictures that follow from the turn's own tokens; nothing after some turns, nor after the
 * third.
 */
const answer = ({ tokens }: EndedTurn, turn: number): EncodedPrompt | null => {
  const kind = tokens.at(-1)! % 4;
  if (kind === 0 || turn > 2) return null;
  const pictures = kind === 1 ? [] : shown.slice(0, kind - 1);
  const given = {
    ids: processor.encodeReplyWith(
      { role: "user", content: `${"<image>".repeat(pictures.length)}Look${" again".repeat(tokens.length % 5)}.` },
      pictures,
    ),
    pictures,
  };
  return tokens.length + given.ids.length < sampling.maxNewTokens ? given : null;
};

interface Spoken {
  readonly flags: number[];
  readonly pictures: EncodedPicture[];
}

/** Sample, and keep what was put into each response. */
async function converse(
  asked: readonly RolloutRequest[],
  { engine = shared, between = answer, settings = sampling } = {},
) {
  const spoken = new Map<string, Spoken & { turn: number }>();
  const goOn: GoOn = (ended) =>
    Promise.resolve(
      ended.map((turn) => {
        const key = `${turn.request}/${turn.index}`;
        const { flags, pictures, turn: before } = spoken.get(key) ?? { flags: [], pictures: [], turn: 0 };
        const given = between(turn, before + 1);
        if (given === null) return null;
        const own = [
          ...flags,
          ...new Array<number>(turn.tokens.length - flags.length).fill(0),
          ...new Array<number>(given.ids.length).fill(1),
        ];
        spoken.set(key, { flags: own, pictures: [...pictures, ...given.pictures], turn: before + 1 });
        return given;
      }),
    );
  const responses: GeneratedResponse[] = [];
  await engine.generate(asked, settings, (response) => responses.push(response), { goOn });
  responses.sort((a, b) => a.request - b.request || a.index - b.index);
  const heard = responses.map(({ request, index, tokens }): Spoken => {
    const { flags = [], pictures = [] } = spoken.get(`${request}/${index}`) ?? {};
    return { flags: [...flags, ...new Array<number>(tokens.length - flags.length).fill(0)], pictures };
  });
  return { responses, heard };
}

const learnerOf = () =>
  new GraphLearner(runtime, {
    optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1, freeze: [] },
    microbatchTokens: 8192,
  });
const tokensOf = (responses: readonly GeneratedResponse[]) =>
  responses.map(({ request, index, tokens, finish }) => ({ request, index, tokens: [...tokens], finish }));

describe("responses of several turns", () => {
  it("have the learner's log-probs to 2e-5 in every turn, words and pictures between them", async () => {
    const { responses, heard } = await converse(requests());
    const said = heard.filter(({ flags }) => flags.includes(1));
    expect(said.length).toBeGreaterThan(4);
    expect(said.some(({ pictures }) => pictures.length > 1) && said.some(({ pictures }) => pictures.length === 0)).toBe(
      true,
    );
    // Some go on after a second answer.
    expect(
      said.filter(({ flags }) => flags.filter((flag, i) => flag === 1 && flags[i + 1] === 0).length > 1).length,
    ).toBeGreaterThan(0);
    const rows = responses.map(({ request, tokens }, i) => ({
      prompt: request,
      tokens,
      given: { flags: Uint8Array.from(heard[i]!.flags), pictures: heard[i]!.pictures },
    }));
    const { logProbs } = await learnerOf().score({ prompts, rows, temperature: sampling.temperature }, ["logProbs"]);
    const T = Math.max(...rows.map(({ tokens }) => tokens.length));
    responses.forEach((response, b) =>
      response.logProbs.forEach((value, t) => {
        expect(Math.abs(value - logProbs![b * T + t]!), `${b}, ${t}`).toBeLessThanOrEqual(2e-5);
        if (heard[b]!.flags[t] === 1)
          expect([value, response.behaviourLogProbs[t], logProbs![b * T + t]]).toEqual([0, 0, 0]);
      }),
    );
  });

  it("draw the same tokens alone, in waves of a few, and read in pieces", async () => {
    const { responses } = await converse(requests());
    const alone = await converse([requests()[2]!]);
    expect(tokensOf(alone.responses).map((response) => ({ ...response, request: 2 }))).toEqual(
      tokensOf(responses).filter(({ request }) => request === 2),
    );
    const narrow = new OnnxRolloutEngine(runtime, { rows: 2, prefillTokens: 12 });
    expect(tokensOf((await converse(requests(), { engine: narrow })).responses)).toEqual(tokensOf(responses));
  });

  it("are what they were where nothing is said", async () => {
    const plain: GeneratedResponse[] = [];
    await shared.generate(requests(), sampling, (response) => plain.push(response));
    const { responses } = await converse(requests(), { between: () => null });
    expect(tokensOf(responses)).toEqual(tokensOf(plain.sort((a, b) => a.request - b.request || a.index - b.index)));
  });

  it("are entered again from what is cached: nothing before the words goes through the decoder again", async () => {
    for (const sizes of Object.values(executor.seen)) sizes.length = 0;
    const one = [requestFor(prompts[2]!, 1, 2)];
    const given = {
      ids: processor.encodeReplyWith({ role: "user", content: "<image>Look again." }, [shown[1]!]),
      pictures: [shown[1]!],
    };
    let answers = 0;
    const between = (_: EndedTurn, turn: number): EncodedPrompt | null => (turn > 2 ? null : (answers++, given));
    const { responses, heard } = await converse(one, { between, settings: { ...sampling, maxNewTokens: 300 } });
    const said = heard[0]!.flags.filter((flag) => flag === 1).length;
    expect([answers, said]).toEqual([2, 2 * given.ids.length]);
    const total = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);
    const { "prefix.source": prefixes, "words.source": words, tokens: sampled } = executor.seen;
    expect(prefixes).toEqual([prompts[2]!.ids.length]);
    // The token that ended a turn goes with the words after it; the last of all goes nowhere.
    expect(words).toHaveLength(2);
    expect(total(words)).toBe(said + 2);
    expect(total(words) + total(sampled)).toBe(responses[0]!.tokens.length - 1);
  });

  it("refuse words for which there is no room, and answers that are not as many as the turns", async () => {
    const few = { ...sampling, maxNewTokens: 40 };
    const long = { ids: new Int32Array(50).fill(40), pictures: [] };
    await expect(converse(requests(1), { between: () => long, settings: few })).rejects.toThrow(
      /50 tokens are put into it after \d+, and there is room for 1 to \d+ \(maxNewTokens 40\)/,
    );
    const none = shared.generate(requests(1), sampling, () => undefined, { goOn: () => Promise.resolve([]) });
    await expect(none).rejects.toThrow(/\d turns ended, and 0 answers came to them/);
  });

  it("are read in pieces whose scores fit", () => {
    const wave = { N: 8, P: 1000, room: 1000, heads: 16, longest: 300 };
    expect(wordPieces(wave, 4096)).toEqual({ size: 227, prompts: 1 });
    expect(wordPieces({ ...wave, N: 1, P: 20, room: 20, longest: 10 }, 4096)).toEqual({ size: 10, prompts: 409 });
  });
});

const forms = ["whole", "segments"] as const;

describe.skipIf(xlaSetup() === null)("turns in rounds on the device (where `papo setup xla` has been run)", () => {
  const devices = forms.flatMap((loops) => [1, 3].map((count) => ({ loops, count })));

  it.each(devices)("give what the host's sampler gives: form $loops, devices $count", async ({ loops, count }) => {
    const xla = loadXla({ loops, devices: count });
    const { config, weights } = await loadModelFolder(folder, (found) => createModel(found).parameters);
    const ofXla = new ModelRuntime(createModel(config), weights, xla);
    const arrays = (): number => (xla.device as unknown as { readonly arrays: number }).arrays;
    try {
      const host = await converse(requests());
      // Some have more than one answer, some one with pictures, and some end while others go on.
      expect(new Set(host.responses.map(({ finish }) => finish)).size).toBeGreaterThan(1);
      const asked = async (engine: OnnxRolloutEngine) => (await converse(requests(), { engine })).responses;
      const whole = await asked(new OnnxRolloutEngine(ofXla));
      expect(tokensOf(whole)).toEqual(tokensOf(host.responses));
      whole.forEach(({ logProbs, behaviourLogProbs }, i) => {
        expect(largestDifference(logProbs, host.responses[i]!.logProbs)).toBeLessThan(2e-5);
        expect(largestDifference(behaviourLogProbs, host.responses[i]!.behaviourLogProbs)).toBeLessThan(2e-5);
      });
      // Waves of a few responses, whose words are read in pieces.
      const before = arrays();
      const narrow = await asked(new OnnxRolloutEngine(ofXla, { rows: 4, prefillTokens: 16 }));
      expect(tokensOf(narrow)).toEqual(tokensOf(host.responses));
      expect(arrays()).toBe(before);
    } finally {
      await ofXla.release();
      xla.close();
    }
  });

  it("have the learner's log-probs in bfloat16, and caches that are laid anew where rounds would leave them", async () => {
    const xla = loadXla({ precision: "bfloat16" });
    const { config, weights } = await loadModelFolder(folder, (found) => createModel(found).parameters);
    const ofXla = new ModelRuntime(createModel(config), weights, xla);
    const laid = vi.spyOn(LoopedWords.prototype, "layAnew");
    try {
      const settings = { ...sampling, temperature: 1, topP: 1, maxNewTokens: 140 };
      const between = ({ tokens }: EndedTurn): EncodedPrompt | null =>
        tokens.length > 100 ? null : { ids: new Int32Array(5 + (tokens.length % 7)).fill(40), pictures: [] };
      const engine = new OnnxRolloutEngine(ofXla);
      const { responses, heard } = await converse([requestFor(prompts[0]!, 8, 0)], { engine, between, settings });
      expect(laid.mock.calls.filter(([, , words]) => words === undefined).length).toBeGreaterThan(0);
      const rows = responses.map(({ tokens }, i) => ({
        prompt: 0,
        tokens,
        given: { flags: Uint8Array.from(heard[i]!.flags), pictures: [] },
      }));
      const batch = { prompts: prompts.slice(0, 1), rows, temperature: 1 };
      const { logProbs } = await learnerOf().score(batch, ["logProbs"]);
      const T = Math.max(...rows.map(({ tokens }) => tokens.length));
      const differences = responses.flatMap((response, b) =>
        [...response.logProbs].map((value, t) => Math.abs(value - logProbs![b * T + t]!)),
      );
      // A token that read another response's places, or none, would be off by whole nats.
      expect(Math.max(...differences)).toBeLessThan(0.15);
      expect(differences.reduce((a, b) => a + b, 0) / differences.length).toBeLessThan(0.02);
    } finally {
      laid.mockRestore();
      await ofXla.release();
      xla.close();
    }
  });

  it("read as many words at once as their scores allow, one of few sizes", () => {
    const wave = { B: 16, N: 8, P: 1024, L: 2080, heads: 16, longest: 300 };
    expect(wordsAtOnce(wave, 4096)).toBe(8);
    expect(wordsAtOnce({ ...wave, B: 1, N: 1, P: 20, L: 32, longest: 10 }, 4096)).toBe(12);
  });
});
