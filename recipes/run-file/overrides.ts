/**
 * `--set path=value`: a run file with some values set from outside, each held against the schema of what it belongs to.
 */
import { resolve } from "node:path";
import {
  holdsSecret,
  identityOf,
  keysOf,
  labelled,
  nearest,
  optionsOrigin,
  parseOptions,
  schemaAt,
  settingsSchema,
  adviceOn,
  type Plugin,
} from "@papo/core";
import type { z } from "zod";
import { evaluationSchema } from "../app/evaluation/plan.ts";
import { dataSchema, type DataSource } from "./data-source.ts";
import { presetPlugins } from "./preset-plugins.ts";
import type { RunFile } from "./run-file.ts";
import { valueFrom } from "./override-value.ts";

interface Override {
  /** As it was written. */
  readonly written: string;
  readonly path: readonly string[];
  readonly text: string;
}

/** What is wrong with overrides, all of it. */
type Mistakes = string[];

const roots = ["settings", "plugins", "model", "data", "evaluation", "output"] as const;

/** The path of an override as written, for telling whether another sets the same. */
export const overriddenPath = (written: string): string => written.slice(0, Math.max(0, written.indexOf("="))).trim();

/**
 * The run file with the overrides in it, the last of equal paths counting. Paths of files are taken from the current
 * folder.
 * @param mistakes where what will not do is told, a line each; such overrides change nothing
 */
export function withOverrides(run: RunFile, set: readonly string[], mistakes: Mistakes): RunFile {
  const overrides = set.flatMap((written) => parsed(written, mistakes));
  let changed = overrides
    .filter(({ path }) => path[0] !== "plugins")
    .reduce((before, override) => withOne(before, override, mistakes), run);
  const ofPlugins = overrides.filter(({ path }) => path[0] === "plugins");
  if (ofPlugins.length === 0 || !Array.isArray(run.plugins)) return changed;
  const preset = ofPlugins.findLast(({ path }) => path.length === 1);
  if (preset !== undefined) changed = { ...changed, plugins: withPreset(changed, preset, mistakes) };
  return {
    ...changed,
    plugins: withPluginOptions(
      changed.plugins,
      ofPlugins.filter(({ path }) => path.length > 1),
      mistakes,
    ),
  };
}

function parsed(written: string, mistakes: Mistakes): Override[] {
  const at = written.indexOf("=");
  const path = overriddenPath(written).split(".");
  if (at <= 0 || path.includes("")) {
    mistakes.push(`--set ${shown(written)}: write path=value, settings.learningRate=1e-5`);
    return [];
  }
  if (!(roots as readonly string[]).includes(path[0]!)) {
    mistakes.push(`--set ${shown(written)}: ${strangeRoot(path.join("."))}`);
    return [];
  }
  return [{ written, path, text: written.slice(at + 1) }];
}

/** An override in an error: without its value where that may be, or hold, a key. */
const shown = (written: string): string => (mayBeKey.test(written) ? `${overriddenPath(written)}=…` : written);
const mayBeKey =
  /^[^=]*(?:headers|authorization|api.?key|password|secret)|:\/\/[^/\s]*@|[?&][^=&]*(?:key|token|secret|password|sig)[^=&]*=/i;

/**
 * A path that begins with none of the roots: an option of the settings without them, a peer's name, or nothing known.
 */
function strangeRoot(path: string): string {
  const inSettings = schemaAt(settingsSchema, path.split(".")) === undefined ? [] : [`--set settings.${path}=…`];
  const near = nearest(path.split(".")[0]!, roots);
  const guesses = [...new Set([...inSettings, ...adviceOn(path, "--set"), ...(near === null ? [] : [near])])];
  return `nothing is called "${path}"${guesses.length > 0 ? `; did you mean ${guesses.join(" or ")}?` : ""} There are ${roots.map((root) => (root === "settings" ? "settings.<option>" : root === "plugins" ? "plugins.<class>.<option>, plugins=<preset>" : root)).join(", ")}`;
}

function withOne(run: RunFile, { written, path: [root, ...path], text }: Override, mistakes: Mistakes): RunFile {
  const told = (message: string): RunFile => {
    mistakes.push(`--set ${written}: ${message}`);
    return run;
  };
  if (root === "model" || root === "output")
    return path.length > 0 ? told(`"${root}" is a path and has nothing in it`) : { ...run, [root]: resolve(text) };
  if ((root === "data" || root === "evaluation") && path.length === 0) {
    if (text !== "null") return { ...run, [root]: resolve(text) };
    const { evaluation: _none, ...rest } = run;
    return root === "evaluation" ? rest : told("a run needs data");
  }
  if (path.length === 0) return told("name an option: settings.<option>=<value>");
  if (root === "data" && Array.isArray(run.data)) return withSource(run, { written, path, text }, mistakes);
  const { owner, schema, before, pathsOf } = holderOf(root as "settings" | "data" | "evaluation", run);
  const value = valueFrom(schemaAt(schema, path), text);
  const after = withValue(
    before,
    path,
    pathsOf.includes(path.join(".")) && typeof value === "string" && !["base", "start"].includes(value)
      ? resolve(value)
      : value,
  );
  const wrong = mistakesIn(owner, schema, after).filter(
    (mistake) => !mistakesIn(owner, schema, before).includes(mistake),
  );
  return wrong.length > 0 ? told(wrong.join("; ")) : { ...run, [root!]: after };
}

/** One source of a mix changed: 0.weight is that of the first. */
function withSource(run: RunFile, { written, path: [place, ...option], text }: Override, mistakes: Mistakes): RunFile {
  const sources = run.data as readonly DataSource[];
  const source = /^\d+$/.test(place!) ? sources[Number(place)] : undefined;
  if (source === undefined || option.length === 0) {
    const places = sources.length > 1 ? `data.0.weight to data.${sources.length - 1}.weight` : "data.0.weight";
    mistakes.push(`--set ${written}: "data" is a list of sources: name an option of one by its place, ${places}`);
    return run;
  }
  const { data } = withOne({ ...run, data: source }, { written, path: ["data", ...option], text }, mistakes);
  return { ...run, data: sources.with(Number(place), data as DataSource) };
}

interface Holder {
  readonly owner: string;
  readonly schema: z.ZodObject;
  /** What the run file has. */
  readonly before: unknown;
  /** Options that are files or folders. */
  readonly pathsOf: readonly string[];
}

/** What a root's options belong to. */
function holderOf(root: "settings" | "data" | "evaluation", { settings = {}, data, evaluation }: RunFile): Holder {
  if (root === "settings")
    return {
      owner: "RunSettings",
      schema: settingsSchema,
      before: settings,
      pathsOf: ["lora.start", "lora.reference"],
    };
  if (root === "data")
    return {
      owner: "data",
      schema: dataSchema,
      before: typeof data === "string" ? { path: data } : data,
      pathsOf: ["path"],
    };
  const plan = typeof evaluation === "object" && "data" in evaluation ? evaluation : { data: evaluation };
  return { owner: "evaluation", schema: evaluationSchema, before: plan, pathsOf: ["data"] };
}

/** The same object with another value at a path; what is no object on the way becomes one. */
function withValue(object: unknown, [key, ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  const before = (typeof object === "object" && object !== null ? object : {}) as Record<string, unknown>;
  return { ...before, [key!]: rest.length === 0 ? value : withValue(before[key!], rest, value) };
}

function mistakesIn(owner: string, schema: z.ZodObject, options: unknown): string[] {
  try {
    parseOptions(owner, schema, options);
    return [];
  } catch (error) {
    return (error as Error).message.split("\n").map((line) => line.replace(`${owner}: `, ""));
  }
}

function withPreset(run: RunFile, { written, text }: Override, mistakes: Mistakes): readonly Plugin[] {
  try {
    return presetPlugins(text, run);
  } catch (error) {
    mistakes.push(`--set ${written}: ${(error as Error).message}`);
    return run.plugins;
  }
}

/** Plugins made anew with the options that are set; all overrides of one are set before it is made. */
function withPluginOptions(
  plugins: readonly Plugin[],
  overrides: readonly Override[],
  mistakes: Mistakes,
): readonly Plugin[] {
  const changes = new Map<number, { options: Record<string, unknown>; written: string[] }>();
  for (const {
    written,
    path: [, name, ...path],
    text,
  } of overrides) {
    const told = (message: string): void => void mistakes.push(`--set ${shown(written)}: ${message}`);
    const place = placeOf(name, plugins);
    if (typeof place === "string") {
      told(place);
      continue;
    }
    const owner = identityOf(plugins[place]!);
    const origin = optionsOrigin((plugins[place] as { readonly options?: unknown }).options);
    if (origin === null) told(`the options of ${owner} cannot be set from here: set them in the run file`);
    else if (path.length === 0) told(`name an option of ${owner}: ${keysOf(origin.schema).join(", ")}`);
    else {
      if (holdsSecret(origin.schema, path)) {
        // Its name need not look like a key's: the schema says so.
        const why = "what is set on a command line is not: it stands in lists of processes, histories and logs";
        const instead = 'Write environment("NAME") in the run file, and export NAME=…';
        mistakes.push(
          `--set ${overriddenPath(written)}=…: ${owner} keeps ${path.join(".")} secret, and ${why}. ${instead}`,
        );
        continue;
      }
      const { options, written: earlier } = changes.get(place) ?? {
        options: { ...(origin.given as object) },
        written: [],
      };
      const after = withValue(options, path, valueFrom(schemaAt(origin.schema, path), text));
      const wrong = mistakesIn(owner, origin.schema, after);
      if (wrong.length > 0) told(`${owner}: ${wrong.join("; ")}`);
      else changes.set(place, { options: after, written: [...earlier, written] });
    }
  }
  return plugins.map((plugin, place) => {
    const change = changes.get(place);
    if (change === undefined) return plugin;
    try {
      const made = new (plugin.constructor as new (options: unknown) => Plugin)(change.options);
      return plugin.label === undefined || made.label === plugin.label ? made : labelled(made, plugin.label);
    } catch (error) {
      mistakes.push(`--set ${change.written.join(" --set ")}: ${(error as Error).message}`);
      return plugin;
    }
  });
}

/**
 * Where the plugin of a name stands; words for the error where it is none, or several. "PerceptionKl" names
 * PerceptionKlPlugin too.
 */
function placeOf(name: string | undefined, plugins: readonly Plugin[]): number | string {
  const classes = plugins.map(identityOf);
  const there = `the recipe has ${classes.join(", ")}`;
  if (name === undefined) return `name a plugin: ${there}`;
  const places = (matches: (known: string) => boolean): number[] =>
    classes.flatMap((known, place) => (matches(known) ? [place] : []));
  const word = name.toLowerCase();
  const found = [
    places((known) => known === name),
    places((known) => known.toLowerCase() === word || known.toLowerCase() === `${word}plugin`),
    places((known) => known.toLowerCase().includes(word)),
  ];
  const [place, ...others] = found.find((matches) => matches.length > 0) ?? [];
  if (place === undefined) {
    const short = nearest(
      name.replace(/Plugin$/i, ""),
      classes.map((known) => known.replace(/Plugin$/, "")),
    );
    const near = nearest(name, classes) ?? (short === null ? null : `${short}Plugin`);
    return `there is no plugin "${name}"${near === null ? "" : `; did you mean "${near}"?`}; ${there}`;
  }
  if (others.length === 0) return place;
  const all = [place, ...others].map((at) => classes[at]!);
  return new Set(all).size === 1
    ? `the recipe has ${name} ${all.length} times`
    : `"${name}" is ambiguous: it may be ${all.join(" or ")}`;
}
