/** What an evaluation says: accuracies with intervals, and what the wrong answers got wrong. */
import { errorClasses, type ErrorClass, type Judgement } from "./judge.ts";

/** A judged response with what its row says of it. */
export interface Judged {
  readonly kind: string;
  readonly visionDependent: boolean;
  readonly judgement: Judgement;
}

/** A share with its Wilson 95 % interval; all three are 0, 0 and 1 when `total` is 0. */
export interface Share {
  readonly count: number;
  readonly total: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface Summary {
  /** Share of right answers. */
  readonly accuracy: Share;
  /** The same over questions that need the picture. */
  readonly visionDependent: Share;
  /** The same over questions that do not. */
  readonly visionFree: Share;
  readonly byKind: Readonly<Record<string, Share>>;
  /** Each error class among the wrong answers. */
  readonly errors: Readonly<Record<ErrorClass, Share>>;
  /** Answers with false facts among the right ones that state facts. */
  readonly rightWithFalseFacts: Share;
  /** Well-formed answers without reasoning among all. */
  readonly direct: Share;
}

const normalQuantile = 1.959963984540054;

/** Wilson's score interval (Wilson, JASA 1927), at 95 %. */
export function wilson(count: number, total: number): Share {
  if (total === 0) return { count, total, value: 0, low: 0, high: 1 };
  const value = count / total;
  const z2 = normalQuantile ** 2;
  const centre = (value + z2 / (2 * total)) / (1 + z2 / total);
  const half = (normalQuantile / (1 + z2 / total)) * Math.sqrt((value * (1 - value)) / total + z2 / (4 * total ** 2));
  return { count, total, value, low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** Count what an evaluation's responses turned out to be. */
export function summarize(judged: readonly Judged[]): Summary {
  const right = ({ judgement }: Judged): boolean => judgement.correct;
  const wrong = judged.filter((entry) => !right(entry));
  const reasonedRight = judged.filter((entry) => right(entry) && !entry.judgement.direct);
  const kinds = [...new Set(judged.map(({ kind }) => kind))].sort();
  const errorShare = (errorClass: ErrorClass): Share => share(wrong, ({ judgement }) => judgement.errorClass === errorClass);
  return {
    accuracy: share(judged, right),
    visionDependent: share(judged.filter((entry) => entry.visionDependent), right),
    visionFree: share(judged.filter((entry) => !entry.visionDependent), right),
    byKind: Object.fromEntries(kinds.map((kind) => [kind, share(judged.filter((entry) => entry.kind === kind), right)])),
    errors: Object.fromEntries(errorClasses.map((errorClass) => [errorClass, errorShare(errorClass)])) as Record<ErrorClass, Share>,
    rightWithFalseFacts: share(reasonedRight, ({ judgement }) => judgement.falseFacts),
    direct: share(judged, ({ judgement }) => judgement.direct),
  };
}

const share = (entries: readonly Judged[], counts: (entry: Judged) => boolean): Share => wilson(entries.filter(counts).length, entries.length);
