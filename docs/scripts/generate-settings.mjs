/**
 * Writes docs/settings.md, every option of runs, recipes and plugins, from their schemas and doc comments, and what
 * TRL, verl and EasyR1 call them: `npm run docs`. A test compares the committed page with what this makes.
 */
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { OptionsError, optionPaths, optionsOrigin, schemaAt, settingsSchema } from "@papo/core";
import * as everyPlugin from "@papo/plugins";
import * as everyRecipe from "@papo/recipes";
import ts from "typescript";
import { z } from "zod";
import { counterparts, peers } from "../../recipes/run-file/peers/counterparts.ts";
import { foldMarkdown } from "./fold.mjs";
import { optionsOf, readPlugins } from "./generate-catalogue.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const target = new URL("../settings.md", import.meta.url);

const sourceOf = (path) =>
  ts.createSourceFile(path, readFileSync(`${root}${path}`, "utf8"), ts.ScriptTarget.Latest, true);
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
const code = (text) => `\`${text}\``;

/** The schema that a class or a recipe holds its options against; null where it takes none. */
function schemaOf(make) {
  try {
    return optionsOrigin(make()?.options)?.schema ?? null;
  } catch (error) {
    if (error instanceof OptionsError) return error.schema;
    throw error;
  }
}

/** What a value may be, in words, from its JSON schema. */
function range(json) {
  if (json.words !== undefined) return json.words;
  if (json.anyOf !== undefined) return json.anyOf.map(range).join(" or ");
  if (json.enum !== undefined) return json.enum.map((value) => code(JSON.stringify(value))).join(", ");
  if (json.const !== undefined) return code(JSON.stringify(json.const));
  if (Array.isArray(json.type)) return json.type.map((type) => range({ ...json, type })).join(" or ");
  if (json.type === "null") return "null";
  if (json.type === "boolean") return "true, false";
  if (json.type === "string") return "text";
  if (json.type === "array")
    return json.prefixItems === undefined
      ? `list of ${range(json.items ?? {})}`
      : `[${json.prefixItems.map(range).join(", ")}]`;
  if (json.type === "object") return "an object";
  if (json.type !== "number" && json.type !== "integer") return "see what it does";
  const bounds = [
    json.minimum > Number.MIN_SAFE_INTEGER ? `≥ ${json.minimum}` : "",
    json.exclusiveMinimum > Number.MIN_SAFE_INTEGER ? `> ${json.exclusiveMinimum}` : "",
    json.maximum < Number.MAX_SAFE_INTEGER ? `≤ ${json.maximum}` : "",
    json.exclusiveMaximum < Number.MAX_SAFE_INTEGER ? `< ${json.exclusiveMaximum}` : "",
  ].filter((bound) => bound !== "");
  return [json.type === "integer" ? "whole number" : "number", ...(bounds.length > 0 ? [bounds.join(", ")] : [])].join(
    " ",
  );
}

/** What JSON cannot say: a function, an object of a class. */
function inWords({ zodSchema, jsonSchema }) {
  const { def, bag } = zodSchema._zod;
  if (def.type === "custom") jsonSchema.words = bag.Class === undefined ? def.error({}) : `a ${bag.Class.name}`;
}

/** Of an option with a regular expression, which JSON has no form for: how it is written. */
const defaultOf = (schema, json) =>
  schema.def?.defaultValue instanceof RegExp
    ? code(String(schema.def.defaultValue))
    : json.default === undefined
      ? ""
      : code(inShort(json.default));

/** 0.000001 is 1e-6. */
const inShort = (value) =>
  typeof value === "number" && value !== 0 && value < 1e-3 ? value.toExponential() : JSON.stringify(value);

const isNumber = (json) =>
  ["number", "integer"].some((type) => [json.type].flat().includes(type)) ||
  [json.items, ...(json.anyOf ?? []), ...(json.prefixItems ?? [])].some((part) => part !== undefined && isNumber(part));

/**
 * The unit that an option's schema names, whatever stands around it; of other numbers, that they count something or are
 * without.
 */
function unitOf(schema, json) {
  for (let at = schema; at !== undefined; at = at.def?.innerType) {
    const unit = z.globalRegistry.get(at)?.unit;
    if (unit !== undefined) return unit;
  }
  if (!isNumber(json)) return "";
  return /^whole number(?: [^[]*)?$/.test(range(json)) ? "count" : "–";
}

const elsewhere = (holder, path) =>
  counterparts
    .filter(
      ({ here, recipe }) =>
        here === `${holder}.${path}` || recipe?.replace("grpo", holder) === `${holder}({ ${path} })`,
    )
    .flatMap(({ names }) => Object.entries(names).map(([peer, own]) => `${peers[peer]}: ${own.map(code).join(", ")}`))
    .join("; ");

const header = ["| option | default | may be | unit | what it does | elsewhere |", "|---|---|---|---|---|---|"];

/**
 * A row for each option of a schema. @param texts sentences by path @param holder what the peers' list calls its owner
 */
function rows(schema, texts, holder) {
  return optionPaths(schema).flatMap((path) => {
    const own = schemaAt(schema, path.split("."));
    // What is inside an option is told with it, unless it has sentences of its own.
    if (texts[path] === undefined) return [];
    const json = z.toJSONSchema(own, { io: "input", unrepresentable: "any", override: inWords });
    return [
      `| ${code(path)} | ${cell(defaultOf(own, json))} | ${cell(range(json))} | ${unitOf(own, json)} | ${cell(texts[path] ?? "")} | ${elsewhere(holder, path)} |`,
    ];
  });
}

const byName = (options) => Object.fromEntries(options.map(({ name, text }) => [name, text]));

/** A schema's sentences by path: those of objects in it come from the schemas that they are made of. */
function settingsTexts() {
  const settings = sourceOf("core/contracts/settings.ts");
  const lora = sourceOf("core/model/lora/settings.ts");
  const inside = (name, options) => options.map((option) => ({ ...option, name: `${name}.${option.name}` }));
  return byName([
    ...optionsOf(settings, "settingsSchema"),
    ...inside("pictures", optionsOf(settings, "settingsSchema", "pictures")),
    ...inside("keepBest", optionsOf(settings, "settingsSchema", "keepBest")),
    ...inside("sampling", optionsOf(settings, "samplingSchema")),
    ...inside("optimizer", optionsOf(settings, "optimizerSchema")),
    ...inside("lora", optionsOf(lora, "loraSchema")),
  ]);
}

function recipeSections() {
  return ["grpo", "dapo", "papo"].flatMap((name) => {
    const make = everyRecipe[name];
    const schema = schemaOf(() => (name === "papo" ? make([], { none: 0 }) : make({ none: 0 })));
    return [
      `### ${name === "papo" ? "papo(base, { … })" : `${name}({ … })`}`,
      "",
      ...header,
      ...rows(schema, byName(optionsOf(sourceOf(`recipes/${name}.ts`))), name),
      "",
    ];
  });
}

function pluginSections() {
  return Object.entries(readPlugins()).flatMap(([name, { file, options }]) => {
    const schema = schemaOf(() => new everyPlugin[name]({ none: 0 }));
    const table =
      schema === null || options.length === 0 ? ["No options."] : [...header, ...rows(schema, byName(options), name)];
    return [
      `### ${name}`,
      "",
      `[${file.replace("plugins/", "")}](../${file}); formula and metrics in [plugins/README.md](../plugins/README.md#${name.toLowerCase()}).`,
      "",
      ...table,
      "",
    ];
  });
}

function peersTable() {
  const names = (own) => (own ?? []).map(code).join("<br>");
  return [
    "| TRL | verl | EasyR1 | here | what differs |",
    "|---|---|---|---|---|",
    ...counterparts.map(({ here, recipe, names: { trl, verl, easyr1 }, note }) => {
      const [holder, ...path] = here.split(".");
      const own =
        holder === "run"
          ? `the run file's ${code(path.join("."))}`
          : `${code(here)}${recipe === undefined ? "" : `: ${code(recipe)}`}`;
      return `| ${names(trl)} | ${names(verl)} | ${names(easyr1)} | ${own} | ${cell(note ?? "")} |`;
    }),
  ];
}

export function renderSettings() {
  return foldMarkdown(
    [
      "# Settings and options",
      "",
      "Every option there is. This page is made from the schemas that options are held against, and their doc comments, by `npm run docs`: change it there. Any of them can be set from outside:",
      "",
      "```",
      "npx papo train run.ts --set settings.learningRate=1e-5 --set plugins.PerceptionKlPlugin.coefficient=0.02 --output runs/second --overwrite",
      "```",
      "",
      '- A value is read by the option\'s type: `--set settings.promptsPerMinibatch=null`, `--set settings.optimizer.freeze=model.visual.**,lm_head.*` (a list), `--set \'settings.keepBest={"metric":"evaluation/average"}\'` (JSON).',
      "- A plugin is named by its class, `PerceptionKlPlugin` or `PerceptionKl`; your own too, where its options come from `parseOptions`. It is made anew with the option.",
      "- `--set model=…`, `--set data=…`, `--set data.split=…` and `--set evaluation.every=…` change the run file itself; paths are taken from the current folder.",
      "- What is wrong is told all at once, with what was meant; names of TRL, verl and EasyR1 are known (`max_grad_norm`, `num_generations`, `rollout.n`). What was set stands in `run.json`, and holds when the run is resumed.",
      "",
      "[What the peers call it](#coming-from-trl-verl-or-easyr1), as a table.",
      "",
      "## settings",
      "",
      "What a run file says under `settings`.",
      "",
      ...header,
      ...rows(settingsSchema, settingsTexts(), "settings"),
      "",
      "## Recipes",
      "",
      ...recipeSections(),
      "## Plugins",
      "",
      ...pluginSections(),
      "## Coming from TRL, verl or EasyR1",
      "",
      "What their options are here; where two stand in a cell, both are meant. `papo` knows these names in error messages and in `--set`.",
      "",
      ...peersTable(),
      "",
    ].join("\n"),
  );
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  writeFileSync(target, renderSettings());
