/**
 * A sampler on OpenXLA in a process of its own, random weights made on the device: what the programs of decoding take
 * to compile in each form, nothing kept from before, and waves that have them, forms in turn. Its setting is JSON in
 * the first argument, its answer a line.
 */
import type { LoopForm } from "../core/graph/xla/loop.ts";
import { loadXla } from "../core/graph/xla/plugin.ts";
import { OnnxRolloutEngine } from "../core/rollout/onnx-engine.ts";
import { ids, type ModelShape, randomModel } from "./xla-model.ts";

export interface DecodeSetting extends ModelShape {
  readonly forms: readonly LoopForm[];
  readonly prompts: number;
  /** Of each prompt: tokens of it, responses, and tokens of each. */
  readonly text: number;
  readonly responses: number;
  readonly tokens: number;
  /** Waves after the first, of each form. */
  readonly waves: number;
}

export interface Wave {
  readonly seconds: number;
  /** Seconds of the process's threads. */
  readonly busy: number;
}

export interface FormAnswer {
  readonly form: LoopForm;
  /** The first wave whose responses have more than one token, and programs compiled in it. */
  readonly first: Wave;
  readonly compiled: number;
  readonly waves: readonly Wave[];
  /** Of every token of the first wave. */
  readonly meanLogProb: number;
}

const setting = JSON.parse(process.argv[2]!) as DecodeSetting;
const requests = Array.from({ length: setting.prompts }, (_, prompt) => ({
  prompt: { ids: ids(setting.text, prompt), pictures: [] },
  count: setting.responses,
  keys: Array.from({ length: setting.responses }, (_, i) => [prompt, i] as const),
}));

async function sampled(engine: OnnxRolloutEngine, maxNewTokens: number): Promise<Wave & { meanLogProb: number }> {
  const [begun, used] = [performance.now(), process.cpuUsage()];
  const logProbs: number[] = [];
  const settings = { temperature: 1, topP: 1, topK: 0, maxNewTokens, stopTokens: [], bannedTokens: [] };
  await engine.generate(requests, settings, (response) => logProbs.push(...response.logProbs));
  const { user, system } = process.cpuUsage(used);
  const meanLogProb = logProbs.reduce((a, b) => a + b, 0) / logProbs.length;
  return { seconds: (performance.now() - begun) / 1000, busy: (user + system) / 1e6, meanLogProb };
}

const sides = [];
for (const form of setting.forms) {
  const xla = loadXla({ cache: undefined, loops: form });
  const runtime = randomModel(setting, xla);
  const engine = new OnnxRolloutEngine(runtime, { prefillTokens: 4096 });
  // One token needs no round: what follows compiles the rounds alone.
  await sampled(engine, 1);
  const before = xla.counts.compiled;
  const { meanLogProb, ...first } = await sampled(engine, setting.tokens);
  sides.push({ xla, runtime, engine, answer: { form, first, compiled: xla.counts.compiled - before, waves: [] as Wave[], meanLogProb } });
}
for (let wave = 0; wave < setting.waves; wave++) {
  for (const { engine, answer } of sides) {
    const { seconds, busy } = await sampled(engine, setting.tokens);
    answer.waves.push({ seconds, busy });
  }
}
console.log(JSON.stringify(sides.map(({ answer }): FormAnswer => answer)));
for (const { runtime, xla } of sides) {
  await runtime.release();
  xla.close();
}
