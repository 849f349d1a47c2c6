/** What the works' rewards have in common. */
import type { Scorable } from "@papo/core";

/** Whether a response ends with this answer in its box. */
export const says = ({ response }: Scorable, answer: unknown): number =>
  Number(response.text.endsWith(`\\boxed{ ${String(answer)} }`));

/** 1 for the row's answer. */
export const isRight = (sample: Scorable): number => says(sample, sample.prompt.row.answer);
