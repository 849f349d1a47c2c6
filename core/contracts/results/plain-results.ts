/** What may be wrong with the plain results of hooks: numbers, rows, groups, plans, decisions. */
import type { Group } from "../step/sample.ts";
import type { Row } from "../step/row.ts";
import type { GroupSelection, GroupsContext, RolloutPlan } from "../hook-values.ts";
import type { Fault } from "./returning.ts";
import { describe, isRecord, strangeField } from "../../messages/describe.ts";

export const numberFault: Fault = (result) =>
  typeof result === "number" && Number.isFinite(result) ? null : describe(result);

/** Rewards: as many finite numbers as the group has responses. */
export const rewardsFault: Fault<readonly [unknown, Group, ...unknown[]]> = (result, [, { samples, prompt }]) => {
  if (!Array.isArray(result)) return describe(result);
  const group = `the ${samples.length} response${samples.length === 1 ? "" : "s"} to row "${prompt.row.id}"`;
  if (result.length !== samples.length) return `${result.length} number${result.length === 1 ? "" : "s"} for ${group}`;
  const bad = result.findIndex((value) => !Number.isFinite(value));
  return bad < 0 ? null : `${describe(result[bad])} for response ${bad} of ${group}`;
};

const PLAN = ["shares", "maxNewTokens"] as const;
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0;

/** What no step samples on purpose: it would not come to an end. Responses to one prompt, and tokens of one. */
const [mostResponses, mostTokens] = [65_536, 2 ** 24];

/** A rollout plan of views that exist before sampling. */
export const planFault: Fault = (result, _args, { sampledViews }) => {
  if (!isRecord(result)) return describe(result);
  const strange = strangeField(result, PLAN, "a plan");
  if (strange !== null) return strange;
  const { shares, maxNewTokens } = result as unknown as RolloutPlan;
  if (!isCount(maxNewTokens) || maxNewTokens > mostTokens) return `a plan with maxNewTokens ${describe(maxNewTokens)}`;
  if (!Array.isArray(shares) || shares.length === 0) return `a plan with the shares ${describe(shares)}`;
  const known = sampledViews();
  const wrong = (shares as readonly unknown[]).find(
    (share) => !isRecord(share) || !isCount(share["count"]) || !known.includes(share["view"] as string),
  );
  if (wrong === undefined) {
    const responses = (shares as RolloutPlan["shares"]).reduce((sum, { count }) => sum + count, 0);
    return responses > mostResponses ? `a plan of ${responses} responses to one prompt` : null;
  }
  return `a plan with the share ${describe(wrong)}; views that can be sampled from are ${known.join(", ")}`;
};

/** So many times the rows that a hook was given, and 1,024, are more than a round can be meant to have. */
const mostRowsForOne = 16;

/** A list of rows, none of them another's namesake. */
export const rowsFault: Fault<readonly [readonly unknown[], ...unknown[]]> = (result, [given]) => {
  if (!Array.isArray(result)) return describe(result);
  if (result.length > Math.max(1024, mostRowsForOne * given.length))
    return `${result.length} rows in place of ${given.length}`;
  const rows = new Map<string, Row>();
  for (const [place, row] of result.entries()) {
    const fault = rowFault(row);
    if (fault !== null) return `a list with ${fault} at place ${place}`;
    const { id } = row as Row;
    const same = rows.get(id);
    if (same !== undefined && !sameRow(same, row as Row))
      return `two different rows with the id "${id}"; samples, masks and rewards go by it: give each row an id of its own`;
    rows.set(id, row as Row);
  }
  return null;
};

function rowFault(row: unknown): string | null {
  if (!isRecord(row)) return describe(row);
  const { id, prompt, system, images, answer, fields } = row as unknown as Row;
  if (typeof id !== "string" || id === "") return `a row whose id is ${describe(id)}`;
  if (typeof prompt !== "string") return `row "${id}", whose prompt is ${describe(prompt)},`;
  if (system !== null && typeof system !== "string")
    return `row "${id}", whose system turn is ${describe(system)} (null is none),`;
  if (!Array.isArray(images)) return `row "${id}", whose images are ${describe(images)},`;
  if (typeof answer !== "string") return `row "${id}", whose answer is ${describe(answer)},`;
  return isRecord(fields) ? null : `row "${id}", whose fields are ${describe(fields)},`;
}

/** Whether two rows ask the same; the same row twice is two prompts with random numbers of their own. */
export function sameRow(a: Row, b: Row): boolean {
  return (
    a === b ||
    (a.prompt === b.prompt &&
      a.system === b.system &&
      a.answer === b.answer &&
      a.images.length === b.images.length &&
      a.images.every((image, index) => nameOf(image) === nameOf(b.images[index]!)))
  );
}

const nameOf = (image: Row["images"][number]): string => (typeof image === "string" ? image : image.name);

const SELECTION = ["groups", "wanted", "round", "lastRound", "sampleMore", "beside"] as const;

/**
 * Groups of this step or carried ones, each once; no more than the step trains on where carried ones would push others
 * out.
 */
export const selectionFault: Fault<readonly [GroupSelection, GroupsContext, ...unknown[]]> = (
  result,
  [before, { sampled = before.groups, made = before.beside ?? [] }],
  { besideRoom },
) => {
  if (!isRecord(result)) return describe(result);
  const strange = strangeField(result, SELECTION, "a selection");
  if (strange !== null) return strange;
  const { wanted } = before;
  const { groups, sampleMore, beside = [] } = result as unknown as GroupSelection;
  if (typeof sampleMore !== "boolean")
    return `a selection whose sampleMore is ${describe(sampleMore)}; it is true or false`;
  if (!Array.isArray(groups)) return `a selection whose groups are ${describe(groups)}`;
  if (!Array.isArray(beside)) return `a selection whose groups beside are ${describe(beside)}`;
  const own = new Set(sampled.map(({ key }) => key));
  const seen = new Set<string>();
  for (const group of groups as readonly Group[]) {
    const fault = groupFault(group) ?? (seen.has(group.key) ? `the group "${group.key}" twice` : null);
    if (fault !== null) return fault;
    if (group.carried !== true && !own.has(group.key))
      return `the group "${group.key}", which this step did not sample; one from an earlier step is carried: true, under a key of its own`;
    seen.add(group.key);
  }
  const fault = besideFault(beside, { seen, own, made: new Set(made.map(({ key }) => key)), room: besideRoom() });
  if (fault !== null) return fault;
  const carried = (groups as readonly Group[]).filter((group) => group.carried === true && !own.has(group.key)).length;
  if (carried === 0 || groups.length <= wanted) return null;
  return `${groups.length} groups, ${carried} of them carried over, and the step trains on ${wanted}: carried ones come first and would push this step's out; choose which ${wanted}`;
};

interface BesideLimits {
  /** Keys of the groups that are chosen, and of those beside as they are met. */
  readonly seen: Set<string>;
  /** Keys of what the step sampled itself, and of what was made of it. */
  readonly own: ReadonlySet<string>;
  readonly made: ReadonlySet<string>;
  /** Carried groups at most. */
  readonly room: number;
}

function besideFault(beside: readonly Group[], { seen, own, made, room }: BesideLimits): string | null {
  let carried = 0;
  for (const group of beside) {
    const fault = groupFault(group) ?? (seen.has(group.key) ? `the group "${group.key}" twice` : null);
    if (fault !== null) return fault;
    if (own.has(group.key) || !(group.carried === true || made.has(group.key)))
      return `the group "${group.key}" beside the step's; only carried ones and those of trained auxiliary rollouts stand there`;
    if (!made.has(group.key)) carried++;
    seen.add(group.key);
  }
  return carried <= room
    ? null
    : `${carried} carried groups beside the step's, and there is room for ${room}: ask for it with keptGroups({ atMost, beside })`;
}

function groupFault(group: unknown): string | null {
  if (!isRecord(group)) return `a selection with ${describe(group)} among its groups`;
  const { key, prompt, samples } = group as unknown as Group;
  if (typeof key !== "string" || key === "") return `a group whose key is ${describe(key)}`;
  if (!isRecord(prompt)) return `the group "${key}" with the prompt ${describe(prompt)}`;
  if (!Array.isArray(samples) || samples.length === 0)
    return `the group "${key}" with the samples ${describe(samples)}; a group has at least one`;
  const bad = samples.findIndex(
    (sample: unknown) => !isRecord(sample) || !isRecord(sample["response"]) || !Number.isFinite(sample["reward"]),
  );
  return bad < 0
    ? null
    : `the group "${key}", whose sample ${bad} is ${describe(samples[bad])}; it needs a prompt, a response and a finite reward`;
}

export const nothingFault: Fault = (result) => (result === undefined ? null : describe(result));

const DECISION = ["stop", "rollBack", "before"] as const;
const isReason = (value: unknown): boolean => typeof value === "string" && value.trim() !== "";

/** Nothing, or what to do and why. */
export const decisionFault: Fault = (result) => {
  if (result === undefined) return null;
  if (!isRecord(result)) return describe(result);
  const strange = strangeField(result, DECISION, describe(result));
  if (strange !== null) return strange;
  const { stop, rollBack, before } = result;
  if ((stop === undefined) === (rollBack === undefined))
    return `${describe(result)}, which does not say one of stop and rollBack`;
  if (!isReason(stop ?? rollBack)) return `${describe(result)}; the reason is a sentence for a person`;
  if (before !== undefined && (rollBack === undefined || typeof before !== "number" || Number.isNaN(before)))
    return `${describe(result)}; before is a step, beside rollBack`;
  return null;
};
