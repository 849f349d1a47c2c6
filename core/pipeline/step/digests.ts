/** What a step was given and sampled, in a few short digests: a step that is replayed is held against them. */
import { createHash } from "node:crypto";
import { viewDigest } from "../../checkpoint/kept-groups.ts";
import type { Group, Sample } from "../../contracts/step/sample.ts";

/** First 16 characters of sha256, by what they are of; of the same length whatever the step's size. */
export type StepDigests = Readonly<Record<string, string>>;

/**
 * Of a step that is done.
 * @param sampled all groups that the step has sampled
 * @param trained those it trained on, whose samples have the views that are made for one response alone
 */
export function stepDigests(sampled: readonly Group[], trained: readonly Group[]): StepDigests {
  const samples = sampled.flatMap((group) => group.samples);
  const seen = [
    ...sampled.flatMap(({ prompt }) => [...prompt.views]),
    ...trained.flatMap((group) => group.samples.flatMap(({ views }) => [...views])),
  ];
  const given = samples.flatMap(({ response: { segments } }) =>
    segments.flatMap(({ pictures = [] }) => pictures.map(({ hash }) => hash)),
  );
  const names = [...new Set(seen.map(([name]) => name))].sort();
  return {
    rows: digest(sampled.map(({ key }) => key)),
    ...Object.fromEntries(
      names.map((name) => [
        `view ${name}`,
        digest(seen.filter(([other]) => other === name).map(([, view]) => viewDigest(view))),
      ]),
    ),
    tokens: ofArrays(samples, ({ response }) => response.tokens),
    ...(given.length === 0 ? {} : { "environments' pictures": digest(given) }),
    "log-probs": ofArrays(samples, ({ response }) => response.logProbs),
    rewards: digest(samples.map(({ scored, reward, parts }) => [scored, reward, parts])),
    "groups trained on": digest(trained.map(({ key }) => key)),
  };
}

const digest = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);

function ofArrays(samples: readonly Sample[], array: (sample: Sample) => Int32Array | Float32Array): string {
  const hash = createHash("sha256");
  for (const sample of samples) {
    const { buffer, byteOffset, byteLength } = array(sample);
    hash.update(`${byteLength} `).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex").slice(0, 16);
}
