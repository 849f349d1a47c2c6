/**
 * Writes docs/plugin-reference.md, what everything that a plugin is handed holds, from the types' declarations and doc
 * comments: `npm run docs`. A shape is what stands in brackets in a member's sentence, a unit its tag @unit; a test
 * compares the committed page with what this makes, and asks that no number lacks one.
 */
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { readHooks } from "./generate-hooks.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const target = new URL("../plugin-reference.md", import.meta.url);

/** Headings, each with a sentence and its types by the files that declare them. */
const chapters = [
  [
    "What `apply` is handed",
    "Each plugin gets a `Run` of its own, once, before anything of the run is done: everything is tapped and registered there.",
    {
      "core/contracts/plugin.ts": ["Run"],
      "core/contracts/registered/coefficient.ts": ["Coefficient"],
      "core/math/random.ts": ["Random"],
    },
  ],
  [
    "Rows, groups and samples",
    "Rows become prompts, prompts get responses, responses rewards.",
    {
      "core/contracts/step/row.ts": ["Row", "Turn"],
      "core/contracts/step/sample.ts": ["Prompt", "PromptOrigin", "Response", "Segment", "Sample", "Group"],
      "core/contracts/step/batch.ts": ["JudgedGroup"],
      "core/contracts/hook-values.ts": [
        "StepContext",
        "RolloutPlan",
        "RolloutShare",
        "GroupSelection",
        "GroupsContext",
      ],
    },
  ],
  [
    "Batches and terms",
    "B responses, T the longest of them; every tensor is float32, and constant but for the leaves of the loss.",
    {
      "core/contracts/step/batch.ts": ["Batch", "Minibatch"],
      "core/contracts/step/term.ts": ["Term"],
      "core/math/reduce.ts": ["Reduction"],
      "core/contracts/hook-values.ts": ["TermSlot"],
    },
  ],
  [
    "Scores",
    "An array that the policy, or a copy of it, gives for responses: asked for with `run.scores.request`, read with `batch.get` or `group.get`.",
    {
      "core/contracts/registered/scores.ts": ["ScoreRequest", "ScoreWeights", "ScoreTarget", "ScoreHandle"],
      "core/learner/learner.ts": ["Output", "OutputKind", "PlainOutput"],
      "core/model/attention-statistics.ts": ["AttentionKind", "AttentionParts"],
    },
  ],
  [
    "Views",
    "A named, seeded change of a prompt, registered with `run.views.register`.",
    {
      "core/contracts/registered/views.ts": ["View", "PromptParts", "PromptContext", "ViewContext", "ShownPicture"],
      "core/model/model.ts": ["EncodedPrompt", "ValueChange"],
      "core/model/processing/picture.ts": ["Picture", "EncodedPicture"],
    },
  ],
  [
    "What else is registered",
    "Rewards, rollouts beside the step's own, environments that answer between turns, other weights, and room for groups of earlier steps.",
    {
      "core/contracts/registered/scorer.ts": ["Scorer", "ScoredPart"],
      "core/contracts/registered/auxiliary.ts": ["AuxiliaryRollout"],
      "core/contracts/registered/environment.ts": ["Environment", "EndedTurn", "Reply"],
      "core/contracts/registered/copies.ts": ["WeightsCopy"],
      "core/contracts/registered/teachers.ts": ["Teacher"],
      "core/contracts/step/carried-group.ts": ["KeptRoom"],
    },
  ],
  [
    "Steps, events and the end",
    "What is told when something is done. Listeners of `run.events` can change nothing.",
    {
      "core/contracts/events.ts": ["StepSummary", "RunEvents", "Experience"],
      "core/contracts/hook-values.ts": ["Decision"],
      "core/contracts/ending.ts": ["RunEnding"],
    },
  ],
  [
    "`lossOf`",
    "The loss of given numbers, of `@papo/core/testing`: `lossOf(plugins, minibatch, options)`.",
    { "core/testing.ts": ["MinibatchInput", "LossOfOptions", "LossOf"], "core/loss/loss.ts": ["TermValue"] },
  ],
];

const files = new Map();
const sourceOf = (path) => {
  if (!files.has(path))
    files.set(path, ts.createSourceFile(path, readFileSync(`${root}${path}`, "utf8"), ts.ScriptTarget.Latest, true));
  return files.get(path);
};
/** The source text of a type in one line, without its comments. */
const typeText = (text) =>
  oneLine(text.replace(/\/\*\*[^]*?\*\//g, ""))
    .replace(/< /g, "<")
    .replace(/ >(?!=)/g, ">")
    .replace(/; }/g, " }");
const oneLine = (text) => (text ?? "").replace(/\s+/g, " ").trim();

/** Words of a doc comment, and its unit. */
function commentOf(node) {
  // The one that stands next to it: a file's own comment may stand before it.
  const doc = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1);
  const unit = doc?.tags?.find(({ tagName }) => tagName.text === "unit");
  // What other tags say belongs to the sentence: what a parameter is, and when it throws.
  const others = (doc?.tags ?? [])
    .filter((tag) => tag !== unit)
    .map(
      (tag) =>
        `${tag.tagName.text === "throws" ? "Throws" : (tag.name?.getText() ?? "")}: ${oneLine(ts.getTextOfJSDocComment(tag.comment))}`,
    );
  return {
    text: [oneLine(ts.getTextOfJSDocComment(doc?.comment)), ...others].filter((part) => part !== "").join(" "),
    unit: oneLine(ts.getTextOfJSDocComment(unit?.comment)),
  };
}

/** Sizes in brackets: [B, T], [length], [height, width, 3]; no interval and no list of texts. */
const shapeIn = (text) => /\[(?:[A-Za-z](?![^\]]*["=:])[^\][]*)\](?!\()/.exec(text)?.[0] ?? "";

const several = /\b(?:Tensor2D|Float32Array|Int32Array|Uint8Array|Rows|ArrayLike)\b|\bnumber\[\]/;
const numeric = new RegExp(`\\bnumber\\b|${several.source}`);

function memberOf(member, file) {
  const method = ts.isMethodSignature(member);
  const name = `${member.name.getText(file)}${method ? `(${member.parameters.map((parameter) => parameter.name.getText(file)).join(", ")})` : ""}${member.questionToken === undefined ? "" : "?"}`;
  const type = typeText(
    method
      ? `(${member.parameters.map((parameter) => parameter.getText(file)).join(", ")}) => ${member.type.getText(file)}`
      : member.type.getText(file),
  );
  const { text, unit } = commentOf(member);
  // A function's numbers are its arguments' and its result's; a member that holds objects has none of its own.
  const result = method ? member.type.getText(file) : /=>|[({]/.test(type) ? "" : type;
  const shape = several.test(type) || type.includes("[]") ? shapeIn(text) : "";
  return { name, type, text, unit, shape, isNumeric: numeric.test(result), isArray: several.test(result) };
}

/**
 * Everything of the page's types, in its order. @throws Error for a type that is not declared where it should be, or
 * has no doc comment
 */
export function readTypes() {
  return chapters.flatMap(([chapter, , types]) =>
    Object.entries(types).flatMap(([path, names]) =>
      names.map((name) => {
        const file = sourceOf(path);
        const node = file.statements.find(
          (statement) =>
            (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) &&
            statement.name.text === name,
        );
        if (node === undefined) throw new Error(`${path} declares no ${name}`);
        const { text } = commentOf(node);
        const bases = (node.heritageClauses ?? [])
          .flatMap((clause) => clause.types.map((type) => type.getText(file)))
          .filter((base) => !base.startsWith("Record<"));
        const members = ts.isInterfaceDeclaration(node) ? node.members.map((member) => memberOf(member, file)) : [];
        return {
          chapter,
          path,
          name,
          text,
          bases,
          members,
          alternatives: ts.isTypeAliasDeclaration(node) ? alternativesOf(node, file) : [],
        };
      }),
    ),
  );
}

/** What a type may be, each with its comment. */
function alternativesOf(node, file) {
  const types = ts.isUnionTypeNode(node.type) ? node.type.types : [node.type];
  // A comment stands before the stroke, which is before the type.
  const before = (at) =>
    file.text.slice(at === 0 ? node.name.getEnd() : types[at - 1].getEnd(), types[at].getStart(file));
  return types.map((type, at) => ({
    type: oneLine(type.getText(file)),
    text: oneLine(/\/\*\*([^]*?)\*\//.exec(before(at))?.[1]?.replace(/^\s*\* ?/gm, "")),
  }));
}

/** What a declaration still lacks: a sentence, a unit of its numbers, a shape of its arrays. */
export const lacking = (types) =>
  types.flatMap(({ name, text, members }) => [
    ...(text === "" ? [`${name}: a sentence`] : []),
    ...members.flatMap((member) => [
      ...(member.text === "" && member.unit === "" ? [`${name}.${member.name}: a sentence`] : []),
      ...(member.isNumeric && member.unit === "" ? [`${name}.${member.name}: a unit`] : []),
      ...(member.isArray && member.shape === "" ? [`${name}.${member.name}: a shape`] : []),
    ]),
  ]);

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
const anchor = (name) => `[\`${name}\`](#${name.toLowerCase()})`;

export function renderReference(types, hooks) {
  const known = types.map(({ name }) => name);
  const linksIn = (text, self = null) =>
    known.filter((name) => name !== self && new RegExp(`\\b${name}\\b`).test(text));
  const code = (text) => `\`${text.replaceAll("|", "\\|")}\``;
  const typeCell = (type, self) => [code(type), ...linksIn(type, self).map(anchor)].join(" ");
  const section = ({ name, text, bases, members, alternatives, path }) => {
    const given = hooks
      .filter(({ args }) => args.some((arg) => new RegExp(`\\b${name}\\b`).test(arg)))
      .map((hook) => `\`${hook.name}\``);
    const when = given.length === 0 ? [] : ["", `Given to the taps of ${given.join(", ")}.`];
    const base =
      bases.length === 0
        ? []
        : ["", `All of ${bases.map((one) => (known.includes(one) ? anchor(one) : `\`${one}\``)).join(" and ")}, and:`];
    const rows = members.map(
      (member) =>
        `| \`${member.name}\` | ${typeCell(member.type, name)} | ${cell(member.shape)} | ${cell(member.unit)} | ${cell(member.text)} |`,
    );
    const table =
      members.length === 0
        ? []
        : ["", "| member | type | shape | unit | what it is, and when |", "|---|---|---|---|---|", ...rows];
    const list =
      alternatives.length === 0
        ? []
        : ["", ...alternatives.map((one) => `- ${code(one.type)}${one.text === "" ? "" : `: ${one.text}`}`)];
    return [
      `### ${name}`,
      "",
      ...(text === "" ? [] : [text, ""]),
      `\`${path}\``,
      ...when,
      ...base,
      ...table,
      ...list,
      "",
    ];
  };
  const hookRows = hooks.map(
    ({ name, args, doc, wanted }, at) =>
      `| ${at + 1} | \`${name}\` | ${args.map((arg) => [code(arg), ...linksIn(arg).map(anchor)].join(" ")).join("<br>")} | ${cell(wanted)} | ${cell(doc)} |`,
  );
  return [
    "# What plugins are handed",
    "",
    "Made from the types' declarations by `npm run docs`: a sentence that is wrong or missing is changed there. [Your plugin](writing-a-plugin.md) says what",
    "to use for what, [Hooks](hooks.md) what is checked.",
    "",
    "B is the number of responses of the batch or minibatch, T the tokens of the longest, G the responses to one prompt. log-probs and entropies are in nats,",
    "of log softmax(logits / temperature) over the full vocabulary. Nothing that is handed out is to be changed in place.",
    "",
    "## Hooks, in the order in which they are called",
    "",
    "| | hook | what it is given | a tap returns | when, and what for |",
    "|---|---|---|---|---|",
    ...hookRows,
    "",
    ...chapters.flatMap(([title, sentence]) => [
      `## ${title}`,
      "",
      sentence,
      "",
      ...types.filter(({ chapter }) => chapter === title).flatMap(section),
    ]),
  ].join("\n");
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(target, renderReference(readTypes(), readHooks()));
  console.log(`Wrote ${fileURLToPath(target)}`);
}
