/** How much memory and disk a run takes, by part, before anything is allocated. */
import type { LargestArray } from "../graph/onnx/peak.ts";
import { blockSize } from "../learner/optimizer/block-quantization.ts";
import { promptLength } from "../model/model.ts";
import { tooLargeConstant } from "../model/runtime.ts";
import { samplerDefaults, samplerLimits } from "../rollout/limits.ts";
import { roundsAtOnce } from "../rollout/looped-wave.ts";
import { planWaves } from "../rollout/waves.ts";
import { processBytes } from "../machine/memory.ts";
import { learnerPeaks, patchNumbers, scoringPeak, type PassPeaks, type PlannedWork } from "./passes.ts";
import { type SamplingPeaks, samplingPeaks } from "./sampling-passes.ts";
import type { PlanSubject } from "./subject.ts";

/** What a run does besides its updates. */
export interface PlannedRun extends PlannedWork {
  /** Prompts that are sampled together, with `responses` each; 0: nothing is sampled. */
  readonly sampled: number;
  /** Copies of the trained weights that are kept: "reference", and those of plugins. */
  readonly copies: number;
  /** Folders of other models that are scored with, by name. Default: none. */
  readonly teachers?: readonly { readonly name: string; readonly folder: string }[];
  /**
   * Groups that plugins keep from step to step, at most, and how often the patches of a prompt are held: once, and for
   * each view that changes them. Default: none.
   */
  readonly kept?: { readonly groups: number; readonly patches: number };
  /** Memory that the run may take, bytes: what a machine has, or a container may use. */
  readonly available: number;
}

export interface MemoryPart {
  readonly name: string;
  readonly bytes: number;
  /** What it is of, for a person. */
  readonly note?: string;
}

export interface MemoryPlan {
  /** Parts that stay from step to step, of the processor's memory and of the device's. */
  readonly held: readonly MemoryPart[];
  readonly heldOnDevice: readonly MemoryPart[];
  /** Parts that are there while a pass runs, one after the other; on the device where there is one. */
  readonly passes: readonly MemoryPart[];
  /** What a step needs at a time, at most. */
  readonly host: number;
  /** Null where there is no device. */
  readonly device: number | null;
  /** Pages of the weights' files, which the system takes back when memory is short: not in `host`. */
  readonly mapped: number;
  /** The largest array of a pass, where the device limits them: on WebGPU. */
  readonly largestArray: LargestArray | null;
  /** A checkpoint, and all of them that are there at a time. */
  readonly checkpoint: number;
  readonly disk: number;
  readonly trained: number;
  readonly parameters: number;
}

/** @param teachers the run's, as subjects of which nothing is trained */
export function planMemory(
  subject: PlanSubject,
  run: PlannedRun,
  teachers: ReadonlyMap<string, PlanSubject> = new Map(),
): MemoryPlan {
  const { settings, trained } = subject;
  const trainedNumbers = subject.count((name) => trained.has(name));
  const taught = [...teachers].map(([name, teacher]) => teacherPart(name, teacher));
  const kept = [...keptParts(subject), ...(subject.hasDevice ? [] : taught)];
  const peaks = learnerPeaks(subject, run);
  const gradient = gradientPart(subject);
  const learned = [...(peaks.gradientGrows ? [] : [gradient]), ...learnedParts(subject, run.copies)];
  const runtime = [{ name: "Node and onnxruntime", bytes: processBytes }, ...keptGroupsPart(subject, run)];
  const sampling = run.sampled === 0 ? null : sampledParts(subject, run, run.available - processBytes - total(kept));
  const decoding =
    sampling === null || sampling.copy === 0
      ? []
      : [{ name: "decoding", bytes: sampling.copy, note: "a copy of the weights, packed for products" }];
  const asked = [...teachers].map(([name, teacher]) => ({
    name: `scoring, "${name}"`,
    bytes: scoringPeak(teacher, run),
  }));
  const passes = [
    ...asked,
    ...passParts(peaks, sampling, gradient),
    ...(peaks.gradientGrows ? [{ ...gradient, note: "whole, when weights are updated" }] : []),
  ];
  const own =
    settings.pipelined === "rollouts" && run.sampled > 0
      ? kept.map((part) => ({ ...part, name: `${part.name}, sampler's own` }))
      : [];
  const [held, heldOnDevice] = subject.hasDevice
    ? [[...runtime, ...kept], onEach(subject, [...kept, ...frozenParts(subject), ...taught, ...own, ...learned])]
    : [[...runtime, ...kept, ...own, ...learned, ...decoding], []];
  const transient = Math.max(0, ...passes.map(({ bytes }) => bytes));
  const checkpoint = checkpointBytes(subject, trainedNumbers, run.copies);
  const exported = settings.keepBest === null ? 0 : exportedBytes(subject, trainedNumbers);
  return {
    held,
    heldOnDevice,
    passes,
    host: total(held) + (subject.hasDevice ? 0 : transient),
    device: subject.hasDevice ? total(heldOnDevice) + transient : null,
    mapped: subject.hasDevice
      ? 0
      : [subject, ...teachers.values()].reduce((sum, one) => sum + one.bytesOnDisk((name) => one.inFiles.has(name)), 0),
    largestArray: [subject, ...teachers.values()].reduce<LargestArray | null>(
      (most, { largestArray: own }) => (own !== null && own.bytes > (most?.bytes ?? 0) ? own : most),
      null,
    ),
    checkpoint,
    // The newest ones, and one that is being written.
    disk: checkpoint * (settings.keepCheckpoints + 1) + exported,
    trained: trainedNumbers,
    parameters: subject.count((name) => subject.model.parameters.has(name)),
  };
}

/**
 * Pictures as they were read, a byte a number, and their patches in float32; of a response's tokens the id and two
 * log-probs.
 */
function keptGroupsPart(subject: PlanSubject, { kept, prompt, responses, responseTokens }: PlannedRun): MemoryPart[] {
  if (kept === undefined || kept.groups === 0) return [];
  const numbers = prompt.pictures.reduce((sum, picture) => sum + patchNumbers(subject, picture), 0);
  const bytes = kept.groups * (numbers * (1 + 4 * kept.patches) + 12 * responses * responseTokens);
  return [
    {
      name: "kept groups",
      bytes,
      note: `${kept.groups} of them, with their pictures${kept.patches > 1 ? ` in ${kept.patches} views` : ""}`,
    },
  ];
}

/** What a run holds whatever it samples and learns from: less than this it cannot do with. */
export function leastBytes(subject: PlanSubject): number {
  return (
    processBytes +
    total(keptParts(subject)) +
    (subject.hasDevice ? 0 : total([gradientPart(subject), ...learnedParts(subject, 0)]))
  );
}

/**
 * What each of several devices has: with full sharding a part, and the largest weight and its gradient whole while a
 * pass computes with it.
 */
function onEach(
  { parameters, settings: { devices, sharding } }: PlanSubject,
  parts: readonly MemoryPart[],
): MemoryPart[] {
  if (devices === 1 || sharding === "replicated") return [...parts];
  const largest = Math.max(...[...parameters.values()].map((shape) => shape.reduce((a, b) => a * b, 4)));
  const cut = parts.map((part) => ({
    ...part,
    bytes: part.bytes / devices,
    note: [part.note, `one of ${devices} parts`].filter(Boolean).join(", "),
  }));
  return [...cut, { name: "largest weight", bytes: 2 * largest, note: "whole, with its gradient" }];
}

const total = (parts: readonly MemoryPart[]): number => parts.reduce((sum, { bytes }) => sum + bytes, 0);

function keptParts(subject: PlanSubject): MemoryPart[] {
  const isParameter = (name: string): boolean => subject.model.parameters.has(name);
  const weights = 4 * subject.count((name) => isParameter(name) && !subject.inFiles.has(name));
  const factors = 4 * subject.count((name) => !isParameter(name));
  return [
    { name: "weights", bytes: weights, note: "float32" },
    { name: "adapter", bytes: factors, note: "float32" },
  ].filter(({ bytes }) => bytes > 0);
}

/**
 * What a device has of the weights that the processor's memory does not hold: bfloat16 as it is, all else in float32.
 */
function frozenParts({ inFiles, parameters }: PlanSubject): MemoryPart[] {
  const bytes = [...inFiles].reduce(
    (sum, [name, type]) => sum + parameters.get(name)!.reduce((a, b) => a * b, type === "BF16" ? 2 : 4),
    0,
  );
  return bytes === 0 ? [] : [{ name: "frozen weights", bytes, note: "as in their files" }];
}

const gradientPart = (subject: PlanSubject): MemoryPart => ({
  name: "gradient",
  bytes: 4 * subject.count((name) => subject.trained.has(name)),
});

function learnedParts(subject: PlanSubject, copies: number): MemoryPart[] {
  const trained = subject.count((name) => subject.trained.has(name));
  return [
    { name: "moments", bytes: Math.round(momentBytes(subject) * trained), note: subject.settings.optimizer.moments },
    ...(copies === 0 ? [] : [{ name: "reference, other copies", bytes: 4 * trained * copies }]),
  ];
}

/** Of a trained number. */
const momentBytes = ({
  settings: {
    optimizer: { moments, matrices },
  },
}: PlanSubject): number => (matrices === "muon" ? 8 : moments === "8bit" ? 2 + 8 / blockSize : 8);

/** A teacher's weights; those that stay in their files leave its head in float32, for divergences from it. */
function teacherPart(name: string, teacher: PlanSubject): MemoryPart {
  const { decoder } = teacher.model;
  const head = teacher.inFiles.size > 0 ? 4 * decoder.vocabularySize * decoder.hiddenSize : 0;
  const onDevice = teacher.hasDevice ? total(frozenParts(teacher)) : 0;
  return {
    name: `teacher "${name}"`,
    bytes: 4 * teacher.count((parameter) => !teacher.inFiles.has(parameter)) + onDevice + head,
    note: head > 0 ? "its head in float32" : "float32",
  };
}

interface SampledParts extends SamplingPeaks {
  readonly cache: number;
  /**
   * Of the weights, for decoding: once, since onnxruntime drops each weight when it has packed it for its product.
   * Tables whose rows are picked are read where they are.
   */
  readonly copy: number;
  /** Of the copy what is there twice while it is made: the weight that is being packed. */
  readonly packing: number;
}

function sampledParts(
  subject: PlanSubject,
  { prompt, sampled, responses, responseTokens, turns }: PlannedRun,
  left: number,
): SampledParts {
  const { decoder } = subject.model;
  const tokenBytes = decoder.layers * 2 * decoder.keyValueHeads * decoder.headSize * 4;
  const { cacheMegabytes } = subject.settings;
  const limits = samplerLimits(left);
  const cacheBytes = cacheMegabytes === null ? limits.cacheBytes : cacheMegabytes * 2 ** 20;
  const P = promptLength(prompt);
  const sizes = Array.from({ length: sampled }, () => ({ promptLength: P, count: responses }));
  const waves = planWaves(sizes, responseTokens, {
    cachedTokens: Math.floor(cacheBytes / tokenBytes),
    rows: samplerDefaults.rows,
  });
  const beside = turns !== undefined && subject.settings.executor === "xla" ? roundsAtOnce : 0;
  const L = responseTokens + beside;
  const [wave] = waves
    .map((members) => ({ B: members.length, N: Math.max(...members.map(({ count }) => count)), P, L }))
    .sort((a, b) => b.B * b.N - a.B * a.N);
  const read = 4 * subject.count((name) => decoder.parameters.has(name));
  const inMemory = [...decoder.parameters].filter(([name]) => !subject.inFiles.has(name));
  const largest = Math.max(0, ...inMemory.map(([, shape]) => shape.reduce((a, b) => a * b, 4)));
  const copies = !subject.hasDevice && read <= limits.copyBytes && largest < tooLargeConstant;
  const peaks = samplingPeaks(subject, prompt, wave!, {
    prefillTokens: samplerDefaults.prefillTokens,
    apart: !copies,
    turns,
  });
  return {
    ...peaks,
    cache: wave!.B * (P + wave!.N * L) * tokenBytes,
    copy: copies ? peaks.products.reduce((sum, { bytes }) => sum + bytes, 0) : 0,
    packing: copies ? Math.max(0, ...peaks.products.map(({ bytes, mapped }) => (mapped ? 0 : bytes))) : 0,
  };
}

function passParts(
  { vision, scoring, learning, visionLearning, gradientGrows }: PassPeaks,
  sampling: SampledParts | null,
  gradient: MemoryPart,
): MemoryPart[] {
  const ofTower = gradientGrows && visionLearning > 0 ? visionLearning + gradient.bytes : visionLearning;
  const parts = [
    { name: "encoding a picture", bytes: vision },
    ...(sampling === null
      ? []
      : [
          { name: "prompts", bytes: sampling.cache + sampling.prefill, note: "cache, and prompts that are read" },
          {
            name: "decoder's weights",
            bytes: sampling.packing === 0 ? 0 : sampling.cache + sampling.packing,
            note: "cache, and the largest of them while it is packed",
          },
          {
            name: "sampling",
            bytes: sampling.cache + sampling.decoding,
            note: `of it the cache: ${gigabytes(sampling.cache)}`,
          },
          {
            name: "environments' words",
            bytes: sampling.words === 0 ? 0 : sampling.cache + sampling.words,
            note: "cache, and words that are read",
          },
        ]),
    { name: "scoring", bytes: scoring },
    {
      name: "learning",
      bytes: learning,
      note: gradientGrows ? "forward and back, and the gradient as it comes" : "forward and back",
    },
    { name: "learning, vision tower", bytes: ofTower, ...(gradientGrows ? { note: "and the gradient" } : {}) },
  ];
  return parts.filter(({ bytes }) => bytes > 0);
}

/**
 * Weights as they are exported, what is left out of them, moments and copies; an adapter alone where one is trained.
 */
function checkpointBytes(subject: PlanSubject, trained: number, copies: number): number {
  const { checkpointOptimizer } = subject.settings;
  const moments = checkpointOptimizer ? momentBytes(subject) * trained : 0;
  return exportedBytes(subject, trained) + leftOutBytes(subject, trained) + moments + 4 * trained * copies;
}

function exportedBytes(subject: PlanSubject, trained: number): number {
  const { lora, checkpointType } = subject.settings;
  if (lora !== null) return 4 * trained;
  const isParameter = (name: string): boolean => subject.model.parameters.has(name);
  if (checkpointType === "input") return subject.bytesOnDisk(isParameter);
  return (checkpointType === "float32" ? 4 : 2) * subject.count(isParameter);
}

/** Of exact weights: see weight-store.ts. */
function leftOutBytes({ settings: { lora, checkpointType } }: PlanSubject, trained: number): number {
  if (lora !== null || checkpointType === "float32") return 0;
  return (checkpointType === "bfloat16" ? 2 : 4) * trained;
}

/** For people: 0.3 GB, 12.4 GB. */
export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e8 ? 2 : 1)} GB`;
