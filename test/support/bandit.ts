/** A task the tabular policy can learn in a few steps, and the smallest plugins that train it. */
import { exp, mul, neg, sub, tensor2d } from "@tensorflow/tfjs-core";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  arrayDataset,
  type Batch,
  type Dataset,
  type Plugin,
  type Run,
  type RunSettingsInput,
  type Scorable,
  type Scorer,
} from "@papo/core";

/** 1 when the response begins with the prompt's letter. */
export const repeatsTheLetter = ({ prompt, response }: Scorable): number =>
  response.text[0] === prompt.row.prompt[0] ? 1 : 0;

/** Reward minus the group's mean, and the plain policy gradient. Counts its steps, so that it has state to save. */
export class BanditPlugin implements Plugin {
  readonly name = "BanditPlugin";

  apply(run: Run): void {
    const seen = run.state({ batches: 0 });
    run.hooks.advantages.tap(this.name, (_zeros, batch) => {
      seen.value = { batches: seen.value.batches + 1 };
      return tensor2d(centredRewards(batch), [batch.B, batch.T]);
    });
    run.hooks.terms.tap(this.name, (terms, batch) => {
      run.metric("bandit/batches", seen.value.batches);
      const ratio = exp(sub(batch.logProbs, batch.oldLogProbs));
      return [...terms, { name: "policy", value: neg(mul(ratio, batch.advantages)), reduction: "token_mean" }];
    });
  }
}

/** Registers one scorer. */
export class ScorerPlugin implements Plugin {
  readonly name = "ScorerPlugin";
  readonly scorer: Scorer;

  constructor(scorer: Partial<Scorer> = {}) {
    this.scorer = {
      name: "match",
      weight: 1,
      timeoutSeconds: 5,
      onFailure: "stop",
      score: repeatsTheLetter,
      ...scorer,
    };
  }

  apply({ rewards }: Run): void {
    rewards.register(this.scorer);
  }
}

/** A plugin that is its `apply`. */
export class TapPlugin implements Plugin {
  readonly name = "TapPlugin";
  readonly apply: (run: Run) => void;

  constructor(apply: (run: Run) => void) {
    this.apply = apply;
  }
}

export const letterRows: Dataset = arrayDataset(
  ["a", "b", "c", "d", "e", "f"].map((letter) => ({ id: letter, prompt: letter })),
  "letters",
);

export const banditSettings: RunSettingsInput = {
  steps: 12,
  promptsPerStep: 4,
  samplesPerPrompt: 6,
  learningRate: 0.2,
  checkpointEvery: 4,
  sampling: { maxNewTokens: 5 },
};

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), "run-"));

function centredRewards({ samples, groups, groupOf, B, T }: Batch): Float32Array {
  const means = groups.map(
    (group) => group.samples.reduce((sum, { reward }) => sum + reward, 0) / group.samples.length,
  );
  return Float32Array.from(
    { length: B * T },
    (_, index) => samples[Math.floor(index / T)]!.reward - means[groupOf[Math.floor(index / T)]!]!,
  );
}
