/**
 * The methods that losses.json does not hold, against torch in float64: 1e-5 relative, gradients by their L2 norm.
 * Inputs are float32 on both sides; where terms cancel, rounding of single terms is what is left, and 1e-7 of the sum
 * of their sizes is allowed.
 */
import type { Plugin, Run } from "@papo/core";
import { lossOf } from "@papo/core/testing";
import type { MinibatchInput, Rows } from "@papo/core/testing";
import {
  ClippedObjectivePlugin,
  CorrectSftPlugin,
  DegradationConsistencyPlugin,
  DualViewKlPlugin,
  PerceptionExplorationPlugin,
  ParagraphCreditPlugin,
  PerceptionGroundedPlugin,
  PerceptionKlPlugin,
  PrivilegedTutoringPlugin,
  ReferenceKlPlugin,
  SoftObjectivePlugin,
  TokenReweightingPlugin,
  TruncatedImportancePlugin,
  VisualAdvantageDistillationPlugin,
  VisualCompensationPlugin,
  VisualDependencyPlugin,
  VisualEvidencePlugin,
} from "@papo/plugins";
import { tensor2d } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { goldenJson, hasPart } from "./support.ts";

interface GoldenMethods {
  readonly name: string;
  readonly logp: Rows;
  readonly old_logp: Rows;
  readonly ref_logp: Rows;
  readonly masked_logp: Rows;
  readonly behaviour_logp: Rows;
  readonly mask: Rows;
  readonly adv: Rows;
  readonly entropy: Rows;
  readonly masked_entropy: Rows;
  readonly similarity: Rows;
  readonly group: readonly number[];
  readonly accuracy: readonly number[];
  readonly losses: readonly {
    readonly kind: string;
    readonly loss: number;
    readonly grad_logp: Rows | null;
    readonly grad_masked_logp: Rows | null;
    readonly grad_noisy_logp?: Rows | null;
    readonly grad_divergence?: Rows;
  }[];
}

/** The advantages of the case, for plugins that change them. */
class GivenAdvantagesPlugin implements Plugin {
  readonly name = "GivenAdvantagesPlugin";
  readonly #rows: Rows;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  apply({ hooks }: Run): void {
    hooks.advantages.tap(this.name, (_zeros, { B, T }) => tensor2d(this.#rows.flat(), [B, T]));
  }
}

const clipped = (): Plugin =>
  new ClippedObjectivePlugin({ clipLow: 0.2, clipHigh: 0.28, dualClip: null, reduction: "token_mean" });
const perception = (options: ConstructorParameters<typeof PerceptionKlPlugin>[0]): Plugin =>
  new PerceptionKlPlugin({ coefficient: 1, mode: "paper", ...options });

const METHODS: Readonly<Record<string, () => Plugin[]>> = {
  vppo: () => [new VisualDependencyPlugin(), clipped()],
  vgpo: () => [new VisualCompensationPlugin(), clipped()],
  kawhi: () => [new ParagraphCreditPlugin({ view: "original" }), clipped()],
  kawhi_other: () => [
    new ParagraphCreditPlugin({
      view: "original",
      score: "attention",
      layers: [0, 2],
      temperature: 0.7,
      smoothing: 0.4,
      range: [0.5, 1.5],
    }),
    clipped(),
  ],
  pgpo: () => [new PerceptionGroundedPlugin({ view: "masked" }), clipped()],
  tor: () => [new TokenReweightingPlugin({ view: "masked" }), clipped()],
  vepo: () => [new VisualEvidencePlugin({ view: "masked" }), clipped()],
  vepo_exact: () => [new VisualEvidencePlugin({ view: "masked", form: "exact" }), clipped()],
  pepo: () => [new PerceptionExplorationPlugin(), clipped()],
  roma: () => [new DegradationConsistencyPlugin({ views: ["masked", "noisy"], consistency: 1, policy: 0.5 })],
  roma_token: () => [
    new DegradationConsistencyPlugin({ views: ["masked", "noisy"], consistency: 1, policy: 0.5, worst: "token" }),
  ],
  va_opd: () => [new VisualAdvantageDistillationPlugin({ view: "masked", temperature: 0.7 })],
  ptd: () => [new PrivilegedTutoringPlugin({ coefficient: 0.3 })],
  dvrp: () => [new DualViewKlPlugin()],
  sapo: () => [new SoftObjectivePlugin()],
  k3_k2: () => [new ReferenceKlPlugin({ coefficient: 1, estimator: "k3_k2", reduction: "token_mean" })],
  tis_token: () => [clipped(), new TruncatedImportancePlugin()],
  tis_sequence: () => [clipped(), new TruncatedImportancePlugin({ level: "sequence" })],
  sft: () => [new CorrectSftPlugin()],
  perception_reverse: () => [perception({ direction: "reverse" })],
  perception_swapped: () => [perception({ direction: "swapped" })],
  perception_correct: () => [perception({ samples: "correct_only" })],
  perception_weighted_top_clip: () => [perception({ samples: "accuracy_weighted", topTokens: 0.3, clip: 0.2 })],
  perception_top: () => [perception({ topTokens: 0.2 })],
};

function inputOf(golden: GoldenMethods): MinibatchInput {
  const divergence = golden.similarity.map((row) => row.map((value) => Math.fround(Math.abs(value) * 0.69)));
  return {
    logProbs: golden.logp,
    oldLogProbs: golden.old_logp,
    behaviourLogProbs: golden.behaviour_logp,
    mask: golden.mask,
    groupOf: golden.group,
    parts: { accuracy: golden.accuracy },
    // Every third token ends a paragraph.
    tokens: golden.logp.map((row, b) => row.map((_, t) => Number((b + t) % 3 === 2))),
    decode: (tokens: Int32Array) => [...tokens].map((token) => (token === 1 ? ".\n\n" : "a")).join(""),
    fields: golden.logp.map((_, row) => (row % 4 === 2 ? {} : { hint: "look at the corner" })),
    scores: {
      "original/reference/logProbs": golden.ref_logp,
      "masked/old/logProbs": golden.masked_logp,
      "masked/current/logProbs": golden.masked_logp,
      "noisy/old/logProbs": golden.ref_logp,
      "noisy/current/logProbs": golden.ref_logp,
      "original/old/entropy": golden.entropy,
      "masked/old/entropy": golden.masked_entropy,
      "original/old/pictureSimilarity": golden.similarity,
      "original/old/pictureAlignment(-1)": golden.similarity,
      "original/old/pictureAttention(0,2)": golden.similarity,
      "masked/reference/logProbs": golden.masked_logp,
      "original/current/kl(original reference)": divergence,
      "original/current/jsd(tutored reference)": divergence,
      // Any numbers from 0 to log 2 will do.
      "original/old/jsd(masked old)": divergence,
    },
  };
}

const distance = (a: readonly number[], b: readonly number[] = []): number =>
  Math.sqrt(a.reduce((sum, value, index) => sum + (value - (b[index] ?? 0)) ** 2, 0));
const cases = hasPart("methods.json") ? goldenJson<readonly GoldenMethods[]>("methods.json")! : [];
const all = cases.flatMap((golden) =>
  golden.losses.map((loss) => [`${loss.kind}, ${golden.name}`, golden, loss] as const),
);

/** Errors over what is allowed: 1 is just good enough. */
function errorsOf(golden: GoldenMethods, loss: GoldenMethods["losses"][number], plugins: readonly Plugin[]): number {
  // Blending of PEPO is whole in the last step.
  const found = lossOf(
    [new GivenAdvantagesPlugin(golden.adv), ...plugins],
    { ...inputOf(golden), step: 100 },
    { steps: 100 },
  );
  const size = golden.logp
    .flat()
    .reduce((sum, value, index) => sum + Math.abs((loss.grad_logp?.flat()[index] ?? 0) * value), 0);
  const gradientError = (view: string, wanted: Rows | null, output = "logProbs"): number => {
    const [here, torch] = [
      found.gradients[view]?.[output]?.flat() ?? golden.logp.flat().map(() => 0),
      wanted?.flat() ?? golden.logp.flat().map(() => 0),
    ];
    return distance(here, torch) / (1e-5 * distance(torch) + 1e-7 * (1 + distance(torch)));
  };
  const ofDivergence = Object.keys(found.gradients["original"] ?? {})
    .filter((output) => output !== "logProbs")
    .map((output) => gradientError("original", loss.grad_divergence ?? null, output));
  const value = Math.abs(found.loss - loss.loss) / (1e-5 * Math.abs(loss.loss) + 1e-7 * (1 + size));
  return Math.max(
    value,
    gradientError("original", loss.grad_logp),
    gradientError("masked", loss.grad_masked_logp),
    gradientError("noisy", loss.grad_noisy_logp ?? null),
    ...ofDivergence,
  );
}

describe.skipIf(cases.length === 0)("methods.json", () => {
  it.each(all)("%s", (_name, golden, loss) => {
    const make = METHODS[loss.kind];
    if (make === undefined) throw new Error(`the golden file holds "${loss.kind}", which nothing here makes`);
    expect(errorsOf(golden, loss, make())).toBeLessThanOrEqual(1);
  });

  it.each(Object.keys(METHODS).filter((kind) => METHODS[kind]!().length > 1))(
    "%s turns red without its plugin",
    (kind) => {
      const largest = Math.max(
        ...cases.map((golden) =>
          errorsOf(
            golden,
            golden.losses.find((loss) => loss.kind === kind)!,
            [clipped()],
          ),
        ),
      );
      expect(largest).toBeGreaterThan(100);
    },
  );
});
