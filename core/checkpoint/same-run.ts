/** Whether a run goes on as the one that it was. */
import { isDeepStrictEqual } from "node:util";
import type { Dataset } from "../data/dataset.ts";
import { settingsSchema, type RunSettings } from "../contracts/settings.ts";
import type { Teacher } from "../contracts/registered/teachers.ts";
import type { Plugin } from "../contracts/plugin.ts";
import type { Checkpoint, RunDescription, StartWeights } from "./checkpoint.ts";
import { fileDigest, weightsDigest, type DigestOf } from "../data/file-digest.ts";
import { picturesDigest } from "../data/picture-digest.ts";
import { identityOf } from "../host/labels.ts";

/** What a run is, as it will be read back from a checkpoint. */
export function describeRun(
  settings: RunSettings,
  plugins: readonly Plugin[],
  { name, size, digest }: Pick<Dataset, "name" | "size"> & { readonly digest?: Dataset["digest"] | string },
  ofFile: DigestOf = fileDigest,
): RunDescription {
  const described = plugins
    .filter(({ observes }) => observes !== true)
    .map((plugin) => ({ name: identityOf(plugin), options: "options" in plugin ? plugin.options : null }));
  return JSON.parse(
    JSON.stringify({
      settings,
      plugins: described,
      dataset: { name, size, digest: typeof digest === "function" ? digest(ofFile) : digest },
    }),
  ) as RunDescription;
}

/**
 * The same with what the pictures hold that rows name by path, and the weights that it begins with, where they are
 * known.
 */
export async function describeWhole(
  {
    settings,
    plugins,
    dataset,
    weights,
    teachers = [],
  }: {
    readonly settings: RunSettings;
    readonly plugins: readonly Plugin[];
    readonly dataset: Dataset;
    readonly weights?: StartWeights | undefined;
    readonly teachers?: Iterable<Teacher>;
  },
  ofFile: DigestOf,
): Promise<RunDescription> {
  const described = describeRun(settings, plugins, dataset, ofFile);
  const pictures = await picturesDigest(dataset, ofFile);
  return {
    ...described,
    dataset: { ...described.dataset, ...(pictures === undefined ? {} : { pictures }) },
    ...(weights === undefined ? {} : { weights }),
    ...teacherDigests([...teachers], ofFile),
  };
}

function teacherDigests(teachers: readonly Teacher[], ofFile: DigestOf): Pick<RunDescription, "teachers"> {
  if (teachers.length === 0) return {};
  return { teachers: Object.fromEntries(teachers.map(({ name, folder }) => [name, weightsDigest(folder, ofFile)])) };
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Refuse to go on with other settings, plugins or data than the checkpoint was made with, or to fewer steps than it has
 * done; the message lists each difference. What a version before had no setting or option for is its default.
 * @param plugins those described in `now`
 */
export function assertSameRun(checkpoint: Checkpoint, now: RunDescription, plugins: readonly Plugin[] = []): void {
  const [done, { steps }] = [checkpoint.state.step, now.settings];
  if (steps < done) {
    throw new Error(
      `The run in ${checkpoint.folder} has done ${done} steps and cannot be resumed with steps: ${steps}: ` +
        `set ${done} or more`,
    );
  }
  const { weights, ...saved } = completed(checkpoint.description, plugins);
  // Whoever trains with weights of their own in memory need not know what they were read from.
  const before = flatten(
    comparable(weights === undefined || now.weights === undefined ? saved : { ...saved, weights }),
  );
  const after = flatten(comparable(knownThen(checkpoint.description, now)));
  const names = [...new Set([...before.keys(), ...after.keys()])].filter(
    (name) => before.get(name) !== after.get(name),
  );
  if (names.length === 0) return;
  const changes = names.map((name) => `  ${name}: ${before.get(name) ?? "absent"} → ${after.get(name) ?? "absent"}`);
  throw new Error(
    `The run in ${checkpoint.folder} cannot be resumed with other settings, since its result would be neither run's:\n` +
      `${changes.join("\n")}\nSet them back, or start a new run in another output folder.`,
  );
}

/** What a run is now, without the digests that the version which saved it did not write. */
function knownThen({ dataset: before, weights: began }: RunDescription, now: RunDescription): RunDescription {
  const {
    weights,
    dataset: { name, size, digest, pictures },
    ...rest
  } = now;
  const dataset = {
    name,
    size,
    ...(before.digest === undefined || digest === undefined ? {} : { digest }),
    ...(before.pictures === undefined || pictures === undefined ? {} : { pictures }),
  };
  return { ...rest, dataset, ...(began === undefined || weights === undefined ? {} : { weights }) };
}

/** A description that an earlier version may have written, with what it does not name at its default. */
function completed({ settings, plugins, ...rest }: RunDescription, now: readonly Plugin[]): RunDescription {
  return {
    ...rest,
    settings: withDefaults(settings),
    plugins: plugins.map((saved, index) => {
      const plugin = now[index];
      return plugin !== undefined && identityOf(plugin) === saved.name
        ? { ...saved, options: completedOptions(saved.options, plugin) }
        : saved;
    }),
  };
}

/** Settings that are known no longer stay as they are, to be seen as a difference. */
function withDefaults(saved: RunSettings): RunSettings {
  const parsed = settingsSchema.safeParse(saved);
  if (parsed.success) return parsed.data;
  const known = Object.entries(saved).filter(([name]) => name in settingsSchema.shape);
  const { success, data } = settingsSchema.safeParse(Object.fromEntries(known));
  return success ? { ...saved, ...data } : saved;
}

/**
 * A plugin fills in its defaults itself: one is made with the saved options, and with the functions of the present one,
 * which no file keeps. Where that fails they are compared as they were saved.
 */
function completedOptions(saved: unknown, plugin: Plugin): unknown {
  const { options, formerDefaults = {} } = plugin as Plugin & { readonly options?: unknown };
  if (!isFields(saved) || !isFields(options)) return saved;
  const present = asSaved(options);
  const meantDefault = (name: string, value: unknown): boolean =>
    name in formerDefaults &&
    isDeepStrictEqual(value, asSaved(formerDefaults)[name]) &&
    !isDeepStrictEqual(value, present[name]);
  const functions = Object.entries(options).filter(([, value]) => typeof value === "function");
  const kept = Object.entries(saved).filter(([name, value]) => !meantDefault(name, value));
  try {
    const make = plugin.constructor as new (options: Fields) => { readonly options: Fields };
    return asSaved(new make(Object.fromEntries([...functions, ...kept])).options);
  } catch {
    return saved;
  }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const asSaved = (value: Fields): Fields => JSON.parse(JSON.stringify(value)) as Fields;

/**
 * How often, how many and which checkpoints are written changes no result, nor does how long a hook may take; on how
 * many devices it runs changes rounding alone, and who resumes may have other ones; a run may be made longer, or end
 * earlier, from here on.
 */
function comparable({ settings, plugins, dataset, weights, teachers }: RunDescription): unknown {
  const {
    checkpointEvery: _every,
    keepCheckpoints: _keep,
    checkpointType: _type,
    checkpointOptimizer: _optimizer,
    keepBest: _best,
    hookSeconds: _seconds,
    devices: _devices,
    sharding: _sharding,
    steps: _steps,
    ...rest
  } = settings;
  const byPlace = plugins.map((plugin, index) => [`${index} ${plugin.name}`, plugin.options ?? {}] as const);
  return {
    settings: rest,
    plugins: Object.fromEntries(byPlace),
    dataset,
    ...(weights === undefined ? {} : { weights }),
    ...(teachers === undefined ? {} : { teachers }),
  };
}

/** Leaves of a JSON value by their path. */
function flatten(value: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (entries.length === 0) into.set(path, JSON.stringify(value) ?? "absent");
  for (const [name, part] of entries) flatten(part, path === "" ? name : `${path}.${name}`, into);
  return into;
}
