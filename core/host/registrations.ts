/** What plugins register besides views: looked at when they do, and the functions in it guarded as taps are. */
import { outputs } from "../learner/learner.ts";
import { imageMark } from "../model/processing/chat-template.ts";
import type { AuxiliaryRollout } from "../contracts/registered/auxiliary.ts";
import type { Environment } from "../contracts/registered/environment.ts";
import type { Scorer } from "../contracts/registered/scorer.ts";
import type { Teacher } from "../contracts/registered/teachers.ts";
import type { WeightsCopy } from "../contracts/registered/copies.ts";
import { ownWeights, type ScoreRequest, type ScoreTarget } from "../contracts/registered/scores.ts";
import { Calls } from "./calls.ts";
import type { Registered } from "../contracts/results/returning.ts";
import { describe, didYouMean, isRecord } from "../messages/describe.ts";
import { checkFields, fieldsOf, unlessCount, unlessFunction, unlessName, unlessOneOf } from "./fields.ts";
import { partsFault, pictureFault } from "./picture-results.ts";
import { PluginError } from "../messages/plugin-error.ts";

/** A copy of the weights with a name, a decay and a pace. */
export function checkedCopy(plugin: string, copy: WeightsCopy): WeightsCopy {
  checkFields(plugin, "registers a copy of the weights", copy, ["name", "decay", "every"], {
    name: unlessName(fieldsOf(copy).name),
  });
  const { name, decay, every } = copy;
  if (ownWeights.includes(name))
    throw new PluginError(plugin, `registers a copy "${name}", which the pipeline has; choose another name`);
  if (!(decay >= 0 && decay < 1))
    throw new PluginError(
      plugin,
      `registers the copy "${name}" with the decay ${decay}; it must be at least 0 and below 1`,
    );
  if (!(Number.isInteger(every) && every > 0))
    throw new PluginError(
      plugin,
      `registers the copy "${name}" to move every ${every} steps; give a whole number from 1`,
    );
  return copy;
}

/** Another folder's weights, with a name. */
export function checkedTeacher(plugin: string, teacher: Teacher): Teacher {
  const { name, folder } = fieldsOf(teacher);
  checkFields(plugin, "registers a teacher", teacher, ["name", "folder"], {
    name: unlessName(name),
    folder: unlessName(folder) && "the path of a model folder",
  });
  if (ownWeights.includes(name!))
    throw new PluginError(
      plugin,
      `registers a teacher "${name}", which are weights of the run itself; choose another name`,
    );
  return teacher;
}

/**
 * A scorer with a finite weight, a time and something to do when it fails; what it gives is checked where it is run.
 */
export function checkedScorer(plugin: string, scorer: Scorer, limitSeconds: number): Scorer {
  const { name, weight, timeoutSeconds, onFailure, rejects, score } = fieldsOf(scorer);
  checkFields(
    plugin,
    "registers a scorer",
    scorer,
    ["name", "weight", "timeoutSeconds", "onFailure", "rejects", "score"],
    {
      name: unlessName(name),
      weight: !Number.isFinite(weight) && "a finite number",
      timeoutSeconds: !(typeof timeoutSeconds === "number" && timeoutSeconds > 0) && "seconds above 0",
      onFailure:
        !(onFailure === "stop" || onFailure === "drop" || Number.isFinite(onFailure)) &&
        '"stop", "drop" or a finite number',
      rejects: unlessFunction(rejects),
      score: unlessFunction(score, true),
    },
  );
  if (rejects === undefined) return scorer;
  const calls = new Calls(plugin, `scorer "${name}"`, limitSeconds);
  const fault = (result: unknown): string | null =>
    result === undefined || result === null || typeof result === "string" ? null : describe(result);
  return {
    name: scorer.name,
    weight: scorer.weight,
    timeoutSeconds: scorer.timeoutSeconds,
    onFailure: scorer.onFailure,
    score: (sample, signal) => scorer.score(sample, signal),
    rejects: (row) => calls.later("rejects", () => scorer.rejects!(row), fault, "a reason, or null for none"),
  };
}

const isListOfNames = (list: unknown): boolean =>
  list === undefined || (Array.isArray(list) && list.every((name) => unlessName(name) === false));

/** An auxiliary rollout whose prompts are prompts. */
export function checkedAuxiliary(plugin: string, rollout: AuxiliaryRollout, limitSeconds: number): AuxiliaryRollout {
  const { name, samples, maxNewTokens, temperature, environments, trained, prompt } = fieldsOf(rollout);
  checkFields(
    plugin,
    "registers an auxiliary rollout",
    rollout,
    ["name", "samples", "maxNewTokens", "temperature", "environments", "trained", "prompt"],
    {
      name: unlessName(name),
      samples: unlessCount(samples),
      maxNewTokens: unlessCount(maxNewTokens),
      temperature:
        !(temperature === undefined || (Number.isFinite(temperature) && temperature >= 0)) && "a number from 0",
      environments: !isListOfNames(environments) && "a list of names of environments",
      trained: unlessOneOf(trained, [true, false]),
      prompt: unlessFunction(prompt, true),
    },
  );
  if (trained === true && temperature !== undefined)
    throw new PluginError(
      plugin,
      `registers the auxiliary rollout "${name}" as trained, with the temperature ${temperature}; what is trained on is sampled at the run's temperature: leave it out`,
    );
  const calls = new Calls(plugin, `auxiliary rollout "${name}"`, limitSeconds);
  const fault = (result: unknown): string | null => (result === null ? null : partsFault(result));
  return {
    ...rollout,
    name: name!,
    prompt: (sample) =>
      calls.now("prompt", () => rollout.prompt(sample), fault, "{ prompt, system, pictures }, or null for none"),
  };
}

/** An environment whose answers are text and pictures. */
export function checkedEnvironment(plugin: string, environment: Environment, limitSeconds: number): Environment {
  const { name, maxTurns, maxReplyTokens, maxVisualTokens, reply } = fieldsOf(environment);
  checkFields(
    plugin,
    "registers an environment",
    environment,
    ["name", "maxTurns", "maxReplyTokens", "maxVisualTokens", "reply"],
    {
      name: unlessName(name),
      maxTurns:
        !(Number.isInteger(maxTurns) && maxTurns! >= 2) && "a whole number from 2: with 1 turn it is never asked",
      maxReplyTokens: unlessCount(maxReplyTokens),
      maxVisualTokens: maxVisualTokens !== 0 && unlessCount(maxVisualTokens),
      reply: unlessFunction(reply, true),
    },
  );
  const calls = new Calls(plugin, `environment "${name}"`, limitSeconds);
  return {
    ...environment,
    name: name!,
    reply: (turn) =>
      calls.later("reply", () => environment.reply(turn), replyFault, "{ text, pictures }, or null for no answer"),
  };
}

function replyFault(result: unknown): string | null {
  if (result === null) return null;
  if (!isRecord(result)) return describe(result);
  const { text, pictures = [], role = "user" } = result;
  if (typeof text !== "string") return `the text ${describe(text)}`;
  if (role !== "user" && role !== "tool") return `the role ${JSON.stringify(role)} (it is "user" or "tool")`;
  if (!Array.isArray(pictures)) return `the pictures ${describe(pictures)}`;
  const fault = pictures.map(pictureFault).find((wrong) => wrong !== null) ?? null;
  const marks = text.split(imageMark).length - 1;
  return (
    fault ??
    (marks === 0 || marks === pictures.length
      ? null
      : `${marks} <image> marks and ${pictures.length} pictures (put one mark where each belongs, or none)`)
  );
}

const unlessParts = (parts: unknown): string | false =>
  parts !== undefined &&
  parts !== "all" &&
  !(Array.isArray(parts) && parts.length > 0 && parts.every(Number.isInteger)) &&
  '"all" or a list of whole numbers';

const REQUEST = [
  "view",
  "weights",
  "output",
  "layers",
  "heads",
  "against",
  "gradient",
  "stage",
  "target",
  "share",
  "while",
  "hint",
] as const;

/** A score request of known fields; its target gives tokens. */
export function checkedRequest(
  plugin: string,
  request: ScoreRequest,
  { isCoefficient }: Registered,
  limitSeconds: number,
): ScoreRequest {
  const { view, weights, output, layers, heads, against, gradient, stage, target, while: bound } = fieldsOf(request);
  checkFields(plugin, "makes a score request", request, REQUEST, {
    view: view !== undefined && unlessName(view),
    weights: unlessName(weights),
    output: unlessOneOf(output, outputs),
    layers: unlessParts(layers),
    heads: unlessParts(heads),
    gradient: unlessOneOf(gradient, [true, false]),
    stage: unlessOneOf(stage, ["experience", "rewards"]),
    while: bound !== undefined && !isCoefficient(bound) && "what coefficient(…) gave in apply",
  });
  if (against !== undefined) {
    const { view: otherView, weights: otherWeights } = fieldsOf(against);
    checkFields(plugin, "makes a score request against", against, ["view", "weights"], {
      view: otherView !== undefined && unlessName(otherView),
      weights: otherWeights !== undefined && unlessName(otherWeights),
    });
  }
  return target === undefined ? request : { ...request, target: checkedTarget(plugin, target, limitSeconds) };
}

function checkedTarget(plugin: string, target: ScoreTarget, limitSeconds: number): ScoreTarget {
  const { name, of } = fieldsOf(target);
  checkFields(plugin, "makes a score request for a target", target, ["name", "of"], {
    name: unlessName(name),
    of: unlessFunction(of, true),
  });
  const calls = new Calls(plugin, `target "${name}"`, limitSeconds);
  return {
    name: name!,
    of: (sample, text) =>
      calls.now(
        "of",
        () => target.of(sample, text),
        (result) => {
          if (!isRecord(result)) return describe(result);
          const { given, tokens } = result;
          if (!(tokens instanceof Int32Array)) return `tokens that are ${describe(tokens)}`;
          const { length } = sample.response.tokens;
          return Number.isInteger(given) && (given as number) >= 0 && (given as number) <= length
            ? null
            : `given ${describe(given)} for a response of ${length} tokens`;
        },
        "{ given, tokens }: how many of the response's first tokens stand before, and an Int32Array",
      ),
  };
}

/** Nearest of the names that a run's observers use, for one that is nearly it. */
export function checkEventName(plugin: string, name: unknown, known: readonly string[]): void {
  if (typeof name !== "string" || name === "*" || known.includes(name)) return;
  throw new PluginError(plugin, `listens to the event "${name}", which there is not: ${didYouMean(name, known)}`);
}
