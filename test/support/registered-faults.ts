/** Functions that plugins register besides taps of hooks, each with what is right for it. */
import sharp from "sharp";
import { arrayDataset, type Dataset, type Run, type Scorer } from "@papo/core";
import type { Faulty, Place } from "./hook-faults.ts";

const bytes = await sharp({ create: { width: 28, height: 28, channels: 3, background: { r: 40, g: 200, b: 90 } } })
  .png()
  .toBuffer();

/** Letters with a picture, so that views have something to change. */
const dataset: Dataset = arrayDataset(
  ["a", "b", "c", "d", "e", "f"].map((letter) => ({
    id: letter,
    prompt: letter,
    images: [{ name: "green.png", bytes }],
  })),
  "letters",
);

type Apply = (run: Run, faulty: Faulty) => void;
const place = (name: string, apply: Apply): Place => ({ name, apply, dataset });

const scorer = (changes: Partial<Scorer>): Scorer => ({
  name: "odd",
  weight: 0.5,
  timeoutSeconds: 0.1,
  onFailure: "stop",
  score: ({ response }) => response.tokens[0]! % 2,
  ...changes,
});

/** By the name of the function, as messages have it. */
export const registeredPlaces: readonly Place[] = [
  place('view "seen" (prompt)', ({ views }, faulty) =>
    views.register({
      name: "seen",
      prompt: (original) => faulty({ ...original, prompt: `${original.prompt}a` }) as never,
    }),
  ),
  place('view "seen" (raw)', ({ views }, faulty) =>
    views.register({
      name: "seen",
      raw: (picture) => faulty({ ...picture, data: picture.data.map((value) => 255 - value) }) as never,
    }),
  ),
  place('view "seen" (patches)', ({ views }, faulty) =>
    views.register({
      name: "seen",
      patches: (picture) => faulty({ ...picture, pixels: picture.pixels.map((value) => -value) }) as never,
    }),
  ),
  place('view "seen" (dropped)', ({ views }, faulty) =>
    views.register({ name: "seen", dropped: (tokens) => faulty(new Array<number>(tokens).fill(0)) as never }),
  ),
  place('scorer "odd"', ({ rewards }, faulty) =>
    rewards.register(scorer({ score: ({ response }) => faulty(response.tokens[0]! % 2) as never })),
  ),
  place('scorer "odd" (rejects)', ({ rewards }, faulty) =>
    rewards.register(scorer({ rejects: () => faulty(null) as never })),
  ),
  place('auxiliary rollout "again" (prompt)', ({ auxiliary }, faulty) =>
    auxiliary.register({
      name: "again",
      prompt: ({ prompt: { row } }) => faulty({ prompt: row.prompt, system: null, pictures: [] }) as never,
    }),
  ),
  place('environment "echo" (reply)', ({ environments }, faulty) =>
    environments.register({ name: "echo", maxTurns: 2, reply: () => faulty({ text: "a" }) as never }),
  ),
  place('target "own" (of)', ({ scores, hooks }, faulty) => {
    const handle = scores.request({
      weights: "old",
      stage: "rewards",
      target: { name: "own", of: ({ response: { tokens } }) => faulty({ given: 0, tokens: tokens.slice() }) as never },
    });
    hooks.rewards.tapPromise("TapPlugin", async (rewards, group) => (group.get(handle), rewards));
  }),
];
