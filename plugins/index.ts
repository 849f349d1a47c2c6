/** Public names of @papo/plugins, one by one. */
export { GroupAdvantagePlugin } from "./grpo/group-advantage.ts";
export { ClippedObjectivePlugin } from "./grpo/clipped-objective.ts";
export { ReferenceKlPlugin } from "./grpo/reference-kl.ts";
export { DynamicSamplingPlugin } from "./dapo/dynamic-sampling.ts";
export { OverlongPenaltyPlugin } from "./dapo/overlong-penalty.ts";
export { RandomMaskPlugin } from "./papo/random-mask.ts";
export type { MaskOf } from "./papo/random-mask.ts";
export { PerceptionKlPlugin } from "./papo/perception-kl.ts";
export { DoubleEntropyPlugin } from "./papo/double-entropy.ts";
export { CollapseDetectorPlugin } from "./papo/collapse-detector.ts";
export { EntropyPenaltyPlugin } from "./entropy/entropy-penalty.ts";
export { FunctionRewardPlugin } from "./reward/function-reward.ts";
export { BoxedAnswerRewardPlugin } from "./reward/boxed-answer-reward.ts";
export { FormatRewardPlugin } from "./reward/format-reward.ts";
export { lastBoxed, sameAnswer } from "./reward/boxed-answer.ts";
export { RunLogPlugin } from "./observe/run-log.ts";
export { PerceptionProbePlugin } from "./observe/perception-probe.ts";
