/**
 * Made-up runs in the shape of real ones: noisy rising curves, pictures of shapes, responses with facts, two
 * evaluations.
 */
import sharp from "sharp";
import type { Question } from "../../../../recipes/app/evaluation/question.ts";
import type { Evaluation, RunRecord, SampleRow, Share, StepRecord } from "../../../../recipes/app/report/run-record.ts";
import { allRollouts, rolloutsOf } from "../../../../recipes/app/report/rollouts.ts";
import { isRight } from "../../../../recipes/app/evaluation/question.ts";
import { answerOf, questionOf } from "../../../support/questions.ts";

/** A small generator with a seed (mulberry32), so that every run of the tests sees the same. */
export const randomOf = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

/** 95 % interval by the normal approximation: near enough for a made-up number. */
export const share = (accuracy: number, n: number): Share => {
  const half = 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / n);
  return { accuracy, low: accuracy - half, high: accuracy + half, n };
};

const sampling = { model: "m", data: "unseen.jsonl", samples: 1, topP: 1, topK: 0, maxNewTokens: 40, seed: 1 };

/**
 * An evaluation of 1,000 scenes of which `accuracy` are answered correctly; scenes are hard in the same order for
 * everyone.
 */
export const evaluationOf = (accuracy: number, seed: number, klPrcp: number, perception: number): Evaluation => {
  const random = randomOf(seed);
  const questions: Question[] = Array.from({ length: 1000 }, (_, at) => {
    const correct = at / 1000 + 0.15 * (random() - 0.5) < accuracy;
    return questionOf(
      `scene-${at}`,
      correct ? {} : { outcome: "wrong", found: "2", errorClass: at % 3 === 0 ? "reasoning" : "perception" },
      { categories: { visionDependent: String(at % 10 !== 0) } },
    );
  });
  const rightOf = (of: readonly Question[]): number =>
    of.filter(({ answers }) => isRight(answers[0]!)).length / of.length;
  const looking = questions.filter(({ categories }) => categories["visionDependent"] === "true");
  const [right, rightLooking] = [rightOf(questions), rightOf(looking)];
  const wrong = 1 - right;
  return {
    accuracy: {
      measure: "greedy",
      sampling: { ...sampling, temperature: 0 },
      overall: share(right, 1000),
      visionDependent: share(rightLooking, looking.length),
      priorWrong: null,
    },
    sampled: {
      measure: "avg@1 at T = 1",
      sampling: { ...sampling, temperature: 1 },
      overall: share(right - 0.04, 1000),
      visionDependent: share(rightLooking - 0.04, looking.length),
      priorWrong: null,
    },
    errors: {
      "correct, false facts": 0.06,
      perception: wrong * perception,
      reasoning: wrong * (1 - perception) * 0.3,
      direct: wrong * (1 - perception) * 0.2,
      inconsistency: wrong * (1 - perception) * 0.3,
      format: wrong * (1 - perception) * 0.2,
    },
    klPrcp,
    questions,
  };
};

const stepsOf = (count: number, gain: number, kl: number, masked: boolean, seed: number): StepRecord[] => {
  const random = randomOf(seed);
  const noise = (size: number): number => size * (random() + random() + random() - 1.5);
  return Array.from({ length: count }, (_, at) => {
    const done = 1 - Math.exp((-3 * at) / count);
    const accuracy = Math.min(1, 0.42 + gain * done + noise(0.1));
    return {
      step: at + 1,
      metrics: {
        "reward/mean": 0.9 * accuracy + 0.1 * (0.9 + 0.1 * done),
        "reward/part/accuracy": accuracy,
        "reward/part/format": 0.9 + 0.1 * done,
        "papo/perception_kl": 0.3 + kl * done + noise(0.05),
        "rollout/entropy": 0.7 - 0.3 * done + noise(0.05),
        ...(masked ? { "papo/entropy_masked": 1.1 - 0.1 * done + noise(0.06) } : {}),
        "rollout/length": 9 + 7 * done + noise(1),
        "policy/clip_low": Math.abs(noise(0.004)),
        "policy/clip_high": Math.abs(noise(0.008)),
        "learner/gradient_norm": 0.8 + 0.4 * random(),
        "loss/policy": noise(0.02),
        ...(masked ? { "loss/papo/perception_kl": 0.3 + kl * done } : {}),
        "rollout/parity_max": 4e-6 + 2e-6 * random(),
        "timing/step_seconds": 1.1 + 0.1 * random(),
        "timing/tokens_per_second": 4000 + 200 * random(),
      },
    };
  });
};

const colours = ["#e33", "#37c", "#2a4", "#e8c000", "#94c"];

/** A grid of shapes like those of the embedded task, 84×84, as PNG data URLs: whole, and with patches blackened. */
export const pictureOf = async (seed: number): Promise<{ original: string; masked: string }> => {
  const random = randomOf(seed);
  const cells = Array.from({ length: 9 }, (_, at) => {
    const [x, y, colour] = [
      14 + 28 * (at % 3),
      14 + 28 * Math.floor(at / 3),
      colours[Math.floor(random() * 5)] ?? "#000",
    ];
    if (random() < 0.5) return "";
    return random() < 0.5
      ? `<circle cx="${x}" cy="${y}" r="9" fill="${colour}"/>`
      : `<rect x="${x - 8}" y="${y - 8}" width="16" height="16" fill="${colour}"/>`;
  });
  const patches = Array.from({ length: 36 }, (_, at) =>
    random() < 0.6
      ? `<rect x="${14 * (at % 6)}" y="${14 * Math.floor(at / 6)}" width="14" height="14" fill="#000"/>`
      : "",
  );
  const draw = async (extra: string): Promise<string> => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="84" height="84"><rect width="84" height="84" fill="#eee"/>${cells.join("")}${extra}</svg>`;
    return `data:image/png;base64,${(await sharp(Buffer.from(svg)).png().toBuffer()).toString("base64")}`;
  };
  return { original: await draw(""), masked: await draw(patches.join("")) };
};

const texts: readonly (readonly [question: string, answer: string, text: string, verdict: string, right: number])[] = [
  [
    "How many red things and blue things are there together?",
    "8",
    "<think> 3 , 5 ; 3 + 5 = 8 </think> \\boxed{ 8 }",
    "correct",
    1,
  ],
  [
    "What is the largest digit minus the smallest?",
    "4",
    "<think> 6 , 1 ; 6 - 1 = 5 </think> \\boxed{ 5 }",
    "perception",
    0,
  ],
  ["Are there more circles than squares?", "yes", "<think> 2 , 4 ; 2 < 4 </think> \\boxed{ yes }", "inconsistency", 0],
  ["What is right of the green cross?", "red circle", "\\boxed{ red circle }", "correct", 1],
];

const samplesOf = async (steps: readonly number[], masked: boolean, seed: number): Promise<SampleRow[]> => {
  const random = randomOf(seed);
  const rows = steps.flatMap((step) =>
    texts.map(async ([question, answer, text, verdict, right], index): Promise<SampleRow> => {
      const pieces = text.split(/(?<= )/);
      const views = await pictureOf(seed * 1000 + step * 10 + index);
      const looks = pieces.map((piece) => (/\d|red|yes/.test(piece) ? 0.2 + 1.5 * random() : 0.05 * random()));
      return {
        step,
        key: `train-${step * 16 + index}`,
        index: 0,
        question,
        answer,
        text,
        finish: "stop",
        pieces,
        reward: 0.9 * right + 0.1,
        parts: { accuracy: right, format: 1 },
        notes: { accuracy: verdict },
        logProbs: pieces.map(() => -1.2 * random() ** 3),
        entropy: masked ? pieces.map(() => 2 * random()) : [],
        advantages: pieces.map(() => (right === 1 ? 0.9 : -1.1)),
        perceptionKl: masked ? { masked: looks } : {},
        pictures: [{ views: masked ? { ...views } : { original: views.original } }],
      };
    }),
  );
  return Promise.all(rows);
};

/** One run as `readRunFolder` would give it, its pictures as data URLs. */
export const exampleRun = async (
  recipe: string,
  seed: number,
  options: { gain: number; after: number; kl: number },
): Promise<RunRecord> => {
  const masked = recipe.startsWith("papo");
  return {
    kind: "run",
    name: `${recipe}, seed ${seed}`,
    recipe,
    seed,
    settings: {
      learningRate: 1e-4,
      promptsPerStep: 16,
      responsesPerPrompt: 8,
      model: "starting-model",
      ...(masked ? { gamma: 0.01, maskRatio: 0.6 } : {}),
    },
    steps: stepsOf(60, options.gain, options.kl, masked, 17 * seed + recipe.length),
    rollouts: rolloutsOf(await samplesOf([1, 20, 40, 60, 61], masked, seed)),
    alarms: [],
    before: evaluationOf(0.52, 3, 0.31, 0.9),
    after: evaluationOf(options.after, 100 * seed + recipe.length, 0.3 + options.kl, 0.95),
    folder: null,
    problems: [],
  };
};

/** Tries to end the script element, to run, to load and to break quotes. */
export const hostileText =
  "</script><script>window.owned=true;document.title='owned'</script><img src=x onerror=window.owned=true><!-- \u2028 \" ' ` &lt;";

/** A run in which everything that comes from outside is hostile. */
export const hostileRun = (run: RunRecord): RunRecord => ({
  ...run,
  name: hostileText,
  recipe: hostileText,
  settings: { [hostileText]: hostileText, nested: { [hostileText]: [hostileText] } },
  steps: run.steps.map(({ step, metrics }) => ({ step, metrics: { ...metrics, [hostileText]: 1 } })),
  alarms: [{ kind: hostileText, step: 1, message: hostileText }],
  problems: [hostileText],
  after:
    run.after === null
      ? null
      : {
          ...run.after,
          errors: { [hostileText]: 0.5 },
          questions: [
            {
              id: hostileText,
              question: hostileText,
              gold: hostileText,
              expected: hostileText,
              categories: { [hostileText]: hostileText },
              pictures: [{ [hostileText]: "javascript:alert(1)" }],
              answers: [
                answerOf({
                  text: hostileText,
                  outcome: hostileText,
                  found: hostileText,
                  errorClass: hostileText,
                  consistent: false,
                  parts: { [hostileText]: 1 },
                  under: { [hostileText]: { lost: 1, kl: 1 } },
                }),
              ],
            },
          ],
        },
  rollouts: rolloutsOf(
    allRollouts(run.rollouts).map((sample) => ({
      ...sample,
      key: hostileText,
      question: hostileText,
      answer: hostileText,
      text: hostileText,
      pieces: [hostileText],
      parts: { [hostileText]: 1 },
      notes: { [hostileText]: hostileText },
      pictures: [{ views: { [hostileText]: "javascript:alert(1)", other: "../../../../etc/hostname" } }],
    })),
  ),
});
