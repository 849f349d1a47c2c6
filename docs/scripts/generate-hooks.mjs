/**
 * Writes docs/hooks.md from core/contracts/hooks.ts: `npm run docs`. The hooks' types, values and words are declared
 * there once; a test compares the committed table with what this file makes.
 */
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const source = new URL("../../core/contracts/hooks.ts", import.meta.url);
const target = new URL("../hooks.md", import.meta.url);

/** How a plugin taps a class of hook, and what the returned value does. */
const kinds = {
  SyncHook: ["tap", "nothing"],
  SyncBailHook: ["tap", "the first value other than undefined ends the hook"],
  SyncWaterfallHook: ["tap", "the value for the next tap"],
  AsyncSeriesHook: ["tapPromise", "nothing"],
  AsyncParallelHook: ["tapPromise", "nothing"],
  AsyncSeriesBailHook: ["tapPromise", "the first value other than undefined ends the hook"],
  AsyncSeriesWaterfallHook: ["tapPromise", "the value for the next tap"],
};

/** The object literal of `createHooks`. */
function hooksLiteral(file) {
  let found;
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) && node.name.getText(file) === "createHooks") found = node;
    else ts.forEachChild(node, visit);
  };
  visit(file);
  let literal;
  const search = (node) => {
    if (literal === undefined && ts.isObjectLiteralExpression(node)) literal = node;
    else if (literal === undefined) ts.forEachChild(node, search);
  };
  if (found !== undefined) search(found);
  if (literal === undefined) throw new Error("core/contracts/hooks.ts: no createHooks with an object of hooks");
  return literal;
}

/** One line of text from a JSDoc comment. */
function documentation(property) {
  const [doc] = ts.getJSDocCommentsAndTags(property).filter(ts.isJSDoc);
  const text = doc === undefined ? "" : (ts.getTextOfJSDocComment(doc.comment) ?? "");
  return text.replace(/\s+/g, " ").trim();
}

/** Name, class, arguments, words and what a tap must return of every hook, in the order of the file. */
export function readHooks() {
  const file = ts.createSourceFile("hooks.ts", readFileSync(source, "utf8"), ts.ScriptTarget.Latest, true);
  return hooksLiteral(file).properties.map((property) => {
    const name = property.name.getText(file);
    const [value, wanted] = property.initializer?.arguments ?? [];
    const doc = documentation(property);
    const declared =
      value !== undefined && ts.isNewExpression(value) && wanted !== undefined && ts.isStringLiteral(wanted);
    if (!declared) throw new Error(`hook "${name}": expected returning(new <Hook class>(…), "<what to return>", …)`);
    if (doc === "")
      throw new Error(`hook "${name}" has no JSDoc comment: say when it is called and what a return value means`);
    const kind = value.expression.getText(file);
    if (kinds[kind] === undefined)
      throw new Error(`hook "${name}" is a ${kind}, which docs/scripts/generate-hooks.mjs does not know`);
    const args = (value.typeArguments?.[0]?.elements ?? []).map((element) =>
      element.getText(file).replace(/\s+/g, " "),
    );
    return { name, kind, args, doc, wanted: wanted.text };
  });
}

/** The whole page. */
export function renderHooks(hooks) {
  const cell = (text) => text.replaceAll("|", "\\|");
  const rows = hooks.map(({ name, kind, args, doc, wanted }) => {
    const [method, result] = kinds[kind];
    return `| \`${name}\` | ${kind} | \`${method}\` | ${args.map((arg) => `\`${cell(arg)}\``).join("<br>")} | ${result}: ${cell(wanted)} | ${cell(doc)} |`;
  });
  return [
    "# Hooks",
    "",
    "Every decision point of a run, in the order in which one step calls them. This page is made from `core/contracts/hooks.ts`",
    "by `npm run docs`: change it there. A plugin taps a hook with its own name (`hooks.terms.tap(this.name, …)`); taps run in",
    "the order of the recipe's array.",
    "",
    "| hook | class | tapped with | arguments | a tap returns | what it is for |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
    "## What is checked",
    "",
    "A mistake ends the run with an error that names the plugin, the hook, what was found and what to return instead; the newest checkpoint stays usable.",
    "In `ended`, where everything is written, it is an alarm that says the same.",
    "",
    "- *Results.* After each tap its result is held against the column above: type, shape, finite numbers where a token counts. So NaN is the error of the",
    "  plugin that made it. A promise on a hook that does not wait, nothing where a value is due, a name that is nearly right are errors too.",
    "- *Inputs.* What a hook is given is read by the next plugin too and is not to be changed in place. Lists and objects are frozen; `dataSync()` and `data()`",
    "  give copies of a tensor's numbers; views are handed pictures of their own. Arrays in samples cannot be frozen: in a run's first two steps, and in",
    "  `lossOf`, they are compared before and after each tap.",
    "- *Constants.* Weights must not depend on what is trained, or a gradient would flow through them: put `detach(…)` around what they read of the batch.",
    "- *Memory.* Tensors of a tap are freed after it. One that is kept (`tf.keep`, `tf.variable`) is an error at the end of the step.",
    "- *Time.* An asynchronous tap, a view's function or a scorer's `rejects` may take `hookSeconds` (a setting; 1800). What blocks the thread cannot be ended.",
    "- *Registrations.* Views, scorers, score requests, targets, auxiliary rollouts, environments, copies, coefficients and metrics are looked at when they are given, and",
    "  the functions in them are guarded as taps are.",
    "",
    "`run.warn(message)` gives an alarm once in a run. The pipeline gives such ones for: no reward, no term, advantages that are 0 for three steps, views of",
    "pictures on prompts without any, a policy that became uniform, minibatches and rounds that do not divide a step.",
    "",
  ].join("\n");
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  writeFileSync(target, renderHooks(readHooks()));
  console.log(`Wrote ${fileURLToPath(target)}`);
}
