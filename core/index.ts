/** Public names of @papo/core, one by one. */
// Plugins
export type { Plugin, Run } from "./pipeline/plugin.ts";
export { parseOptions } from "./host/options.ts";
export { PluginError } from "./host/taps.ts";
export { createHooks } from "./pipeline/hooks.ts";
export type { Decision, GroupSelection, Hooks, RolloutPlan, RolloutShare, RunHooks, StepContext, TermSlot } from "./pipeline/hooks.ts";
export type { AuxiliaryRollout } from "./rewards/auxiliary.ts";
export type { WeightsCopy } from "./scores/copies.ts";
export type { Batch, Group, JudgedGroup, Minibatch, PictureSource, Prompt, Response, Row, Sample, Segment } from "./pipeline/batch.ts";
export type { Coefficient } from "./host/coefficients.ts";
export type { Events, Experience, RunEvents, StepSummary } from "./pipeline/events.ts";
export type { Term } from "./loss/loss.ts";
export { rewardPart } from "./rewards/rewards.ts";
export type { Scorable, ScoredPart, Scorer } from "./rewards/rewards.ts";
export { meanLikelihood, tokensBetween, tokensUntil } from "./scores/scores.ts";
export type { ScoreHandle, ScoreRequest, ScoreTarget, TextCodec } from "./scores/scores.ts";
export { loadSource } from "./prompts/prompts.ts";
export { withoutPictures } from "./prompts/views.ts";
export type { PictureAttention, PromptContext, PromptParts, View, ViewContext } from "./prompts/views.ts";
export type { EncodedPicture, Picture } from "./model/picture.ts";
export type { EncodedPrompt } from "./model/model.ts";
// Mathematics of losses
export { detach, elementwise } from "./math/elementwise.ts";
export type { PairFormula } from "./math/elementwise.ts";
export { sampledEntropy } from "./math/entropy.ts";
export { groupAdvantages, groupsOf } from "./math/group-advantages.ts";
export type { GroupAdvantageOptions } from "./math/group-advantages.ts";
export { USUAL_KL_CLAMPS, klDivergence, klEstimators } from "./math/kl.ts";
export type { KlClamps, KlEstimator } from "./math/kl.ts";
export { maskedMean, maskedShare } from "./math/masked-mean.ts";
export { createRandom, permutation, randomFromWords } from "./math/random.ts";
export type { Random } from "./math/random.ts";
export { overTokens, padded } from "./math/responses.ts";
export { clipShares, clippedSurrogate, probabilityRatio } from "./math/surrogate.ts";
export type { ClipRange } from "./math/surrogate.ts";
export { whiten } from "./math/whiten.ts";
export { minMax, minMaxOfRows } from "./math/min-max.ts";
export { rowMeans } from "./math/row-means.ts";
export { rowQuantile, topOfRows } from "./math/quantile.ts";
export { reduce, reductions } from "./math/reduce.ts";
export type { Reduction } from "./math/reduce.ts";
// Running a recipe
export { createHost } from "./host/host.ts";
export type { Host, HostOptions } from "./host/host.ts";
export { computeAdvantages, computeLoss } from "./loss/loss.ts";
export type { LossResult, TermValue } from "./loss/loss.ts";
export type { BatchArrays, MinibatchArrays } from "./loss/loss-arrays.ts";
export type { PlannedScore } from "./scores/scores.ts";
export { learnerSettings, parseSettings } from "./pipeline/settings.ts";
export type { RunSettings, RunSettingsInput } from "./pipeline/settings.ts";
// Whole runs
export { train } from "./pipeline/run.ts";
export type { EvaluationInLoop, TrainOptions, TrainSummary } from "./pipeline/run.ts";
export { openRunFolder } from "./checkpoint/run-folder.ts";
export { isDiverged } from "./learner/diverged-error.ts";
export { evaluate } from "./pipeline/evaluate.ts";
export type { EvaluateOptions } from "./pipeline/evaluate.ts";
export { supervisedBatches, trainSupervised } from "./pipeline/supervised.ts";
export type { SupervisedExample, SupervisedSettings, SupervisedStep } from "./pipeline/supervised.ts";
export type { Policy, PromptProcessor, TextProcessor } from "./pipeline/policy.ts";
export { arrayDataset } from "./data/dataset.ts";
export type { Dataset } from "./data/dataset.ts";
export { openJsonl } from "./data/jsonl.ts";
export type { BlocksOptions } from "./data/blocks.ts";
export { checkpointFolders, policyFolder } from "./checkpoint/checkpoint.ts";
export { mixDatasets, type MixPart } from "./data/mix.ts";
export { openArrow, openData, openParquet, type DataOptions } from "./data/open.ts";
export { loadPicture } from "./model/picture.ts";
export { openPolicy, openPolicyInProcess } from "./worker/policy.ts";
export type { OpenPolicy, OpenPolicyOptions } from "./worker/policy.ts";
// Executors
export { bindingFile, loadTensorFlow, tensorflowFolder, tensorflowSetup } from "./graph/tensorflow/binding.ts";
export type { TensorFlowSetup } from "./graph/tensorflow/binding.ts";
// Model files
export { Dinov2Encoder } from "./model/dinov2/encoder.ts";
export type { Dinov2Options, Dinov2Result } from "./model/dinov2/encoder.ts";
export type { Weights } from "./model/model.ts";
export { writeSafetensors } from "./model/safetensors-write.ts";
