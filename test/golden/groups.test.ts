/**
 * Steps that train on more than their own groups, against torch in float64: 1e-5 relative, gradients by their L2 norm.
 */
import type { Group, Plugin, Prompt, Sample } from "@papo/core";
import {
  computeAdvantages,
  computeLoss,
  createHost,
  makeGroup,
  makeSample,
  type Host,
  type Rows,
} from "@papo/core/testing";
import {
  ClippedObjectivePlugin,
  GroupAdvantagePlugin,
  ObserverSolverPlugin,
  PrioritizedReplayPlugin,
} from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { goldenJson, hasPart } from "./support.ts";

interface GoldenStep {
  readonly name: string;
  readonly logp: Rows;
  readonly old_logp: Rows;
  readonly mask: Rows;
  readonly advantages: readonly number[];
  readonly loss: number;
  readonly grad_logp: Rows;
}

interface GoldenReplay extends GoldenStep {
  readonly options: Omit<NonNullable<ConstructorParameters<typeof PrioritizedReplayPlugin>[0]>, "replayed">;
  readonly step: number;
  readonly steps: number;
  readonly fresh: readonly (readonly number[])[];
  readonly kept: readonly { readonly step: number; readonly rewards: readonly number[] }[];
  readonly weight: readonly number[];
}

interface GoldenRoles extends GoldenStep {
  readonly accuracies: readonly (readonly number[] | null)[];
  readonly utilities: readonly number[];
}

const golden = hasPart("groups.json")
  ? goldenJson<{ readonly replay: readonly GoldenReplay[]; readonly roles: readonly GoldenRoles[] }>("groups.json")!
  : { replay: [], roles: [] };

const objective = (): Plugin[] => [
  new GroupAdvantagePlugin(),
  new ClippedObjectivePlugin({ clipLow: 0.2, clipHigh: 0.28, dualClip: null, reduction: "token_mean" }),
];

/** Responses to one prompt with these rewards, in so many tokens each. */
function groupOf(key: string, rewards: readonly number[], lengths: readonly number[], step: number): Group {
  const made = rewards.map((reward, index) =>
    makeSample({ prompt: key, index, reward, length: lengths[index]!, parts: { accuracy: reward } }),
  );
  const prompt: Prompt = { ...made[0]!.prompt, origin: { step, coefficients: {} } };
  return makeGroup({ key, samples: made.map((sample): Sample => ({ ...sample, prompt })) });
}

/** The arrays of a step with these groups, whose rows follow each other. */
function batchOf(
  groups: readonly Group[],
  step: number,
  { mask, old_logp: old }: Pick<GoldenStep, "mask" | "old_logp">,
) {
  const samples = groups.flatMap((group) => group.samples);
  const [B, T] = [mask.length, mask[0]!.length];
  const groupRows = Int32Array.from(groups.flatMap((group, index) => group.samples.map(() => index)));
  return {
    step,
    samples,
    groups,
    groupOf: groupRows,
    B,
    T,
    mask: Float32Array.from(mask.flat()),
    oldLogProbs: Float32Array.from(old.flat()),
    scores: new Map<string, Float32Array>(),
  };
}

function lossIn(host: Host, groups: readonly Group[], step: number, golden: GoldenStep) {
  const batch = batchOf(groups, step, golden);
  const advantages = computeAdvantages(host, batch);
  const { loss, gradients } = computeLoss(host, {
    ...batch,
    advantages,
    logProbs: Float32Array.from(golden.logp.flat()),
    maxNewTokens: batch.T,
  });
  return {
    loss,
    gradient: [...gradients["original"]!["logProbs"]!],
    advantages: golden.mask.map((_, row) => advantages[row * batch.T]!),
  };
}

const lengthsOf = (mask: Rows): number[] => mask.map((row) => row.reduce((sum, value) => sum + value, 0));
const norm = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));

function expectStep(found: ReturnType<typeof lossIn>, golden: GoldenStep): void {
  found.advantages.forEach((value, row) => expect(value).toBeCloseTo(golden.advantages[row]!, 5));
  expect(Math.abs(found.loss - golden.loss)).toBeLessThan(1e-5 * Math.abs(golden.loss) + 1e-7);
  const wanted = golden.grad_logp.flat();
  expect(norm(found.gradient.map((value, place) => value - wanted[place]!))).toBeLessThan(1e-5 * norm(wanted));
}

/** The step's groups: those that the plugin replays, in the golden order, then the fresh ones. */
async function replayed(golden: GoldenReplay, host: Host): Promise<readonly Group[]> {
  const { mask, kept, fresh, step, steps } = golden;
  const lengths = lengthsOf(mask);
  let row = 0;
  const next = (key: string, rewards: readonly number[], at: number) => {
    const rows = [row, (row += rewards.length)] as const;
    const cut = (array: Rows): Rows => array.slice(...rows);
    return {
      group: groupOf(key, rewards, lengths.slice(...rows), at),
      arrays: { mask: cut(mask), old_logp: cut(golden.old_logp) },
    };
  };
  const order: string[] = [];
  for (const [index, { step: at, rewards }] of kept.entries()) {
    const { group, arrays } = next(`kept ${index}`, rewards, at);
    host.beginStep({ step: at, steps });
    computeAdvantages(host, batchOf([group], at, arrays));
    order.push(`kept ${index} (step ${at})`);
  }
  const own = fresh.map((rewards, index) => next(`fresh ${index}`, rewards, step).group);
  host.beginStep({ step, steps });
  const { beside = [] } = await host.hooks.groups.promise(
    { groups: own, wanted: own.length, round: 0, lastRound: true, sampleMore: false, beside: [] },
    { step, steps, sampled: own },
  );
  expect(beside.map(({ key }) => key).sort()).toEqual(order);
  return [...order.map((key) => beside.find((group) => group.key === key)!), ...own];
}

describe.skipIf(golden.replay.length === 0)("kept groups", () => {
  it.each(golden.replay.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const host = createHost(
      [...objective(), new PrioritizedReplayPlugin({ ...one.options, replayed: one.kept.length })],
      { seed: 1 },
    );
    const groups = await replayed(one, host);
    expectStep(lossIn(host, groups, one.step, one), one);
    const mean = one.weight.reduce((sum, value) => sum + value, 0) / one.weight.length;
    expect(host.takeMetrics()["freshper/weight"]).toBeCloseTo(mean, 5);
  });
});

describe.skipIf(golden.roles.length === 0)("two roles", () => {
  it.each(golden.roles.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    const host = createHost([...objective(), new ObserverSolverPlugin()], { seed: 1 });
    host.beginStep({ step: 1, steps: 10 });
    const lengths = lengthsOf(one.mask);
    const captions = groupOf(
      "question",
      one.accuracies.map(() => 0),
      lengths,
      1,
    );
    let row = one.accuracies.length;
    const answers = one.accuracies.flatMap((rewards, index) =>
      rewards === null
        ? []
        : [
            {
              ...groupOf(`question/solver/${index}`, rewards, lengths.slice(row, (row += rewards.length)), 1),
              role: "solver",
            },
          ],
    );
    const answersOf = one.accuracies.map(
      (_, index) => answers.find(({ key }) => key.endsWith(`/${index}`))?.samples ?? [],
    );
    for (const group of answers)
      expect(
        await host.hooks.rewards.promise(
          group.samples.map(({ reward }) => reward),
          { ...makeGroup({ samples: group.samples }), role: "solver" },
        ),
      ).toEqual(group.samples.map(({ reward }) => reward));
    const utilities = await host.hooks.rewards.promise(
      captions.samples.map(({ reward }) => reward),
      makeGroup({ samples: captions.samples, auxiliary: { solver: answersOf } }),
    );
    utilities.forEach((value, index) => expect(value).toBeCloseTo(one.utilities[index]!, 12));
    captions.samples.forEach((sample, index) => (sample.reward = utilities[index]!));
    expectStep(lossIn(host, [captions, ...answers], 1, one), one);
  });
});
