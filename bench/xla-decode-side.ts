/**
 * A sampler on OpenXLA in a process of its own, random weights made on the device: what the programs of decoding take
 * to compile in each form, nothing kept from before, and waves that have them, forms in turn. Its setting is JSON in
 * the first argument, its answer a line.
 */
import type { LoopForm } from "../core/graph/xla/rounds/loop.ts";
import { Pjrt } from "../core/graph/xla/client/pjrt.ts";
import { loadXla } from "../core/graph/xla/client/plugin.ts";
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

export interface Spent {
  readonly seconds: number;
  /** Seconds of the process's threads. */
  readonly busy: number;
}

export interface FormAnswer {
  readonly form: LoopForm;
  /** Programs compiled by the first wave whose responses have more than one token, and what it took. */
  readonly compiled: number;
  readonly compiling: Spent;
  readonly waves: readonly Spent[];
  /** Of every token of the first wave. */
  readonly meanLogProb: number;
}

const setting = JSON.parse(process.argv[2]!) as DecodeSetting;
const requests = Array.from({ length: setting.prompts }, (_, prompt) => ({
  prompt: { ids: ids(setting.text, prompt), pictures: [] },
  count: setting.responses,
  keys: Array.from({ length: setting.responses }, (_, i) => [prompt, i] as const),
}));

/** A clock that is read when work is done. */
function clock(): () => Spent {
  const [begun, used] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { seconds: (performance.now() - begun) / 1000, busy: (user + system) / 1e6 };
  };
}

let compiling: Spent = { seconds: 0, busy: 0 };

const compile = Object.getOwnPropertyDescriptor(Pjrt.prototype, "compile")!.value as Pjrt["compile"];
Pjrt.prototype.compile = function (this: Pjrt, ...given) {
  const spent = clock();
  const executable = compile.apply(this, given);
  const { seconds, busy } = spent();
  compiling = { seconds: compiling.seconds + seconds, busy: compiling.busy + busy };
  return executable;
};

async function sampled(engine: OnnxRolloutEngine, maxNewTokens: number): Promise<Spent & { meanLogProb: number }> {
  const spent = clock();
  const logProbs: number[] = [];
  const settings = { temperature: 1, topP: 1, topK: 0, maxNewTokens, stopTokens: [], bannedTokens: [] };
  await engine.generate(requests, settings, (response) => logProbs.push(...response.logProbs));
  return { ...spent(), meanLogProb: logProbs.reduce((a, b) => a + b, 0) / logProbs.length };
}

const sides = [];
for (const form of setting.forms) {
  const xla = loadXla({ cache: undefined, loops: form });
  const runtime = randomModel(setting, xla);
  const engine = new OnnxRolloutEngine(runtime, { prefillTokens: 4096 });
  // One token needs no round: what follows compiles the rounds alone.
  await sampled(engine, 1);
  const before = xla.counts.compiled;
  compiling = { seconds: 0, busy: 0 };
  const { meanLogProb } = await sampled(engine, setting.tokens);
  const answer = { form, compiled: xla.counts.compiled - before, compiling, waves: [] as Spent[], meanLogProb };
  sides.push({ xla, runtime, engine, answer });
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
