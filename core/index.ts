/** Public names of @papo/core, one by one. */
// Plugins
export type { Plugin, Run } from "./contracts/plugin.ts";
export { identityOf, labelled } from "./host/labels.ts";
export { faultsOf, OptionsError, optionsOrigin, parseOptions, type OptionsOrigin } from "./options/options.ts";
export { adviseOnNames, adviceOn, nearest, type NameAdviser } from "./options/known-names.ts";
export { keysOf, optionPaths, schemaAt, unwrapped } from "./options/schema-paths.ts";
export { environment, holdsSecret, Secret, secret, withoutSecrets } from "./options/secrets.ts";
export { PluginError } from "./messages/plugin-error.ts";
export { createHooks } from "./contracts/hooks.ts";
export type {
  Decision,
  GroupSelection,
  GroupsContext,
  RolloutPlan,
  RolloutShare,
  StepContext,
  TermSlot,
} from "./contracts/hook-values.ts";
export type { Hooks, RunHooks } from "./contracts/hooks.ts";
export type { RunEnding } from "./contracts/ending.ts";
export type { AuxiliaryRollout } from "./contracts/registered/auxiliary.ts";
export type { EndedTurn, Environment, Reply } from "./contracts/registered/environment.ts";
export { carriedGroup, type KeptRoom } from "./contracts/step/carried-group.ts";
export type { Teacher } from "./contracts/registered/teachers.ts";
export type { WeightsCopy } from "./contracts/registered/copies.ts";
export { givenTokens, lastTurn, ofPolicy, policyTokens, writtenText } from "./contracts/step/sample.ts";
export type { Batch, JudgedGroup, Minibatch } from "./contracts/step/batch.ts";
export type { Group, Prompt, Response, Sample, Segment } from "./contracts/step/sample.ts";
export type { PictureSource, Row, Turn } from "./contracts/step/row.ts";
export type { Coefficient } from "./contracts/registered/coefficient.ts";
export type { Events, Experience, RunEvents, StepSummary } from "./contracts/events.ts";
export type { StepNumbers } from "./contracts/step/step-outcome.ts";
export type { Term } from "./contracts/step/term.ts";
export { rewardPart } from "./rewards/rewards.ts";
export type { Scorable, Scored, ScoredPart, Scorer } from "./contracts/registered/scorer.ts";
export { meanLikelihood, tokensBetween, tokensUntil } from "./scores/target-tokens.ts";
export type { ScoreHandle, ScoreRequest, ScoreTarget, TextCodec } from "./contracts/registered/scores.ts";
export { loadSource } from "./prompts/prompts.ts";
export { withoutPictures } from "./prompts/without-pictures.ts";
export type {
  PictureAttention,
  PromptContext,
  PromptParts,
  ShownPicture,
  View,
  ViewContext,
} from "./contracts/registered/views.ts";
export type { EncodedPicture, Picture } from "./model/processing/picture.ts";
export { tokensOfPatches } from "./model/processing/patches.ts";
export type { PatchLayout } from "./model/processing/patches.ts";
export type { EncodedPrompt } from "./model/model.ts";
// Mathematics of losses
export type {} from "./math/gradients.ts"; // operations as methods of tensors: x.toFloat()
export { detach, elementwise } from "./math/elementwise.ts";
export type { PairFormula } from "./math/elementwise.ts";
export { sampledEntropy } from "./math/entropy.ts";
export { allAlone, groupAdvantages, groupsOf } from "./math/group-advantages.ts";
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
export type { Host } from "./host/host.ts";
export type { HostOptions } from "./host/parts.ts";
export { computeAdvantages, computeLoss } from "./loss/loss.ts";
export type { LossResult, TermValue } from "./loss/loss.ts";
export type { BatchArrays, MinibatchArrays } from "./loss/loss-arrays.ts";
export type { PlannedScore } from "./contracts/registered/scores.ts";
export { learnerSettings, parseSettings, settingsSchema } from "./contracts/settings.ts";
export type { RunSettings, RunSettingsInput } from "./contracts/settings.ts";
// Plans
export { adviceFor, planOf, type Advice } from "./plan/advice.ts";
export { plannedFolder, type PlannedModel } from "./plan/folder.ts";
export { gigabytes, type MemoryPart, type MemoryPlan, type PlannedRun } from "./plan/memory-plan.ts";
export { machineMemory } from "./machine/memory.ts";
export { examplePrompt, plannedRun } from "./pipeline/planned-run.ts";
export type { PlanSettings } from "./plan/subject.ts";
export { fits, planTable } from "./plan/text.ts";
export { readModelConfig } from "./model/files/read-config.ts";
export { publishedConfig, publishedNames } from "./model/published.ts";
export { planRollout } from "./pipeline/step/collect.ts";
export { firstPrompts } from "./prompts/first-prompts.ts";
// Whole runs
export { exitAtOnce } from "./machine/libc.ts";
export { train } from "./pipeline/run.ts";
export type { EvaluationInLoop, TrainOptions, TrainSummary } from "./pipeline/run/options.ts";
export { flushFiles, writeFileAtomic, writeFolderAtomic } from "./machine/atomic-file.ts";
export { readJsonFile } from "./machine/json-file.ts";
export { readSmallFile } from "./machine/regular-file.ts";
export { readWholeLines } from "./machine/json-lines.ts";
export { digestsFile, fileDigest, keptDigests, textDigest, weightsDigest, type DigestOf } from "./data/file-digest.ts";
export { isLocked, lockFile, lockFolder, type FolderLock } from "./checkpoint/folder-lock.ts";
export { beginFolder, makeFolder, type BegunFolder } from "./checkpoint/new-folder.ts";
export { openRunFolder } from "./checkpoint/run-folder.ts";
export { isDiverged } from "./learner/diverged-error.ts";
export { learnerRow } from "./scores/experience.ts";
export { evaluate } from "./pipeline/evaluate.ts";
export type { EvaluateOptions } from "./pipeline/evaluate.ts";
export { supervisedBatches, trainSupervised } from "./pipeline/supervised.ts";
export type { SupervisedExample, SupervisedSettings, SupervisedStep } from "./pipeline/supervised.ts";
export type { Policy, PromptProcessor, TextProcessor } from "./contracts/policy.ts";
export { arrayDataset } from "./data/dataset.ts";
export type { Dataset } from "./data/dataset.ts";
export { Remembered } from "./data/remembered.ts";
export type { BlocksOptions } from "./data/formats/blocks.ts";
export { fieldText } from "./data/rows/row.ts";
export { knownColumns, mappingHint } from "./data/rows/columns.ts";
export { causeOf, printable, quoted, shown } from "./messages/shown.ts";
export { controlTokensIn, spellControlTokens } from "./prompts/control-tokens.ts";
export { marksProblem } from "./prompts/marks.ts";
export { UnusableRowError } from "./contracts/step/unusable-row.ts";
export { specialTokensOf } from "./model/processing/tokenizer.ts";
export { checkpointFolders, newestCheckpoint, policyFolder, type StartWeights } from "./checkpoint/checkpoint.ts";
export { findDamage, manifestFile } from "./checkpoint/manifest.ts";
export { mixDatasets, type MixPart } from "./data/mix.ts";
export { beginReading, openArrow, openCsv, openData, openJsonl, openParquet, type DataOptions } from "./data/open.ts";
export { loadPicture, readPictureFile, withinBudget } from "./model/processing/picture.ts";
export { launchPolicy, openPolicy, openProcessor, openPolicyInProcess } from "./worker/policy.ts";
export type { OpenPolicy, OpenPolicyOptions } from "./worker/policy.ts";
// Executors
export { type GpuAdapter, gpuAdapters, webgpuProblem } from "./graph/onnx/webgpu.ts";
export {
  bindingFile,
  bindingSources,
  loadTensorFlow,
  tensorflowFolder,
  tensorflowSetup,
} from "./graph/tensorflow/binding.ts";
export type { TensorFlowSetup } from "./graph/tensorflow/binding.ts";
export { checkXla, loadXla, xlaFolder, xlaSetup } from "./graph/xla/client/plugin.ts";
export type { XlaSetup } from "./graph/xla/client/plugin.ts";
// Model files
export { Dinov2Encoder } from "./model/encoders/dinov2/encoder.ts";
export type { Dinov2Options, Dinov2Result } from "./model/encoders/dinov2/encoder.ts";
export { mergeAdapters, namedBase, type MergeOptions } from "./model/lora/merge-folder.ts";
export type { Weights } from "./model/model.ts";
export { writeSafetensors } from "./model/files/safetensors-write.ts";
