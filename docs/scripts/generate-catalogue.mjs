/**
 * Writes plugins/catalogue.json, what `papo show` knows of the plugins, and the tables of plugins/README.md, from the
 * plugins' own doc comments: `npm run docs`. A test compares the committed files with what this makes.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../..", import.meta.url));

const words = (node) => {
  const [doc] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return doc === undefined ? "" : (ts.getTextOfJSDocComment(doc.comment) ?? "");
};
const oneLine = (text) => text.replace(/\s+/g, " ").trim();

/**
 * Names and sentences of the options in the file's `const schema = z.strictObject({ … })`, with those that are spread
 * into it. @param inside of an object that is one of these options
 */
export function optionsOf(file, constant = "schema", inside = null) {
  const call = constantOf(file, constant);
  if (call === null || !ts.isCallExpression(call)) return [];
  if (inside === null) return propertiesOf(call.arguments[0], file);
  const property = call.arguments[0].properties.find(({ name }) => name?.getText(file) === inside);
  return propertiesOf(objectIn(property.initializer), file);
}

/** The object that a schema is made of, in a chain of calls. */
const objectIn = (node) =>
  ts.isObjectLiteralExpression(node)
    ? node
    : objectIn(
        ts.isCallExpression(node) &&
          node.arguments.some(ts.isObjectLiteralExpression) &&
          /Object$/.test(node.expression.getText())
          ? node.arguments[0]
          : node.expression,
      );

/** What a file's top-level constant is; null without it. */
function constantOf(file, name) {
  const statements = file.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations);
  return statements.find((declaration) => declaration.name.getText(file) === name)?.initializer ?? null;
}

/** The file that a name is imported from, beside this one. */
function fileOf(name, file) {
  const found = file.statements
    .filter(ts.isImportDeclaration)
    .find(({ importClause }) => importClause?.namedBindings?.elements?.some((element) => element.name.text === name));
  if (found === undefined) return file;
  const path = `${file.fileName.replace(/[^/]*$/, "")}${found.moduleSpecifier.text.replace("./", "")}`;
  return ts.createSourceFile(path, readFileSync(`${root}${path}`, "utf8"), ts.ScriptTarget.Latest, true);
}

function propertiesOf(literal, file) {
  return literal.properties.flatMap((property) => {
    if (ts.isSpreadAssignment(property)) {
      const name = property.expression.getText(file);
      const other = fileOf(name, file);
      const constant = constantOf(other, name);
      return propertiesOf(ts.isAsExpression(constant) ? constant.expression : constant, other);
    }
    const name = property.name.getText(file);
    const text = oneLine(words(property));
    if (text === "") throw new Error(`${file.fileName}: the option "${name}" has no doc comment`);
    const symbol = /^([^\s:,]{1,8}|λ|[A-Za-zα-ωε]_\S{1,8})(?=[:,] )/u.exec(text)?.[1] ?? null;
    return [
      { name, symbol: symbol !== null && /[α-ωΑ-Ω]|^[a-zA-Z](_\w+)?$|^[A-Z]_/u.test(symbol) ? symbol : null, text },
    ];
  });
}

/** The method that a plugin puts into a recipe; null for what belongs to a baseline, or changes nothing by itself. */
function methodOf(plugin, methods) {
  const found = methods.find(({ plugins }) => plugins.includes(plugin));
  return found === undefined || found.base || (found.harmless ?? []).includes(plugin) ? null : found.method;
}

/** Every plugin class of the package, by folder and file. */
export function readPlugins() {
  const plugins = {};
  const methods = readMethods();
  for (const folder of readdirSync(`${root}plugins`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "node_modules")
    .map(({ name }) => name)
    .sort()) {
    for (const name of readdirSync(`${root}plugins/${folder}`)
      .filter((entry) => entry.endsWith(".ts"))
      .sort()) {
      const path = `plugins/${folder}/${name}`;
      const source = readFileSync(`${root}${path}`, "utf8");
      const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
      const declared = file.statements.find(
        (statement) => ts.isClassDeclaration(statement) && statement.name?.text.endsWith("Plugin"),
      );
      if (declared === undefined) continue;
      const paragraphs = words(declared)
        .split(/\n\s*\n/)
        .map(oneLine);
      const metrics = paragraphs.find((text) => /^Metrics?[:,]/.test(text)) ?? "";
      const what = paragraphs.filter((text) => text !== metrics).join(" ");
      if (what === "") throw new Error(`${path}: ${declared.name.text} has no doc comment`);
      plugins[declared.name.text] = {
        file: path,
        lines: source.split("\n").length - 1,
        method: methodOf(declared.name.text, methods),
        what,
        metrics,
        options: optionsOf(file),
      };
    }
  }
  return plugins;
}

export const renderCatalogue = (plugins) => `${JSON.stringify(plugins, null, 1)}\n`;

/** The page with its two generated parts filled in. */
export function renderPage(page, plugins, methods) {
  const fill = (text, mark, content) =>
    text.replace(
      new RegExp(`(<!-- ${mark} -->\n)[^]*?(<!-- end ${mark} -->)`),
      (_, head, tail) => `${head}${content}\n${tail}`,
    );
  return fill(fill(page, "methods", methodTable(plugins, methods)), "plugins", pluginSections(plugins));
}

function methodTable(plugins, methods) {
  const rows = methods.map(({ method, paper, plugins: own, release, source }) => {
    const files = own.map((name) => {
      if (plugins[name] === undefined)
        throw new Error(`docs/scripts/methods.json: ${method} names ${name}, which is no plugin`);
      const { file, lines } = plugins[name];
      return `[${file.replace("plugins/", "")}](${file.replace("plugins/", "")}) ${lines}`;
    });
    return `| ${method} | ${paper} | ${files.join("<br>")} | ${release} | ${source} |`;
  });
  return [
    "| method | paper | files here, lines | what its release changed | where that is from |",
    "|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

function pluginSections(plugins) {
  return Object.entries(plugins)
    .map(([name, { file, lines, what, metrics, options }]) => {
      const table =
        options.length === 0
          ? []
          : [
              "",
              "| option | |",
              "|---|---|",
              ...options.map((option) => `| \`${option.name}\` | ${option.text.replaceAll("|", "\\|")} |`),
            ];
      return [
        `### ${name}`,
        "",
        `[${file.replace("plugins/", "")}](${file.replace("plugins/", "")}), ${lines} lines. ${what}`,
        ...(metrics === "" ? [] : ["", metrics]),
        ...table,
      ].join("\n");
    })
    .join("\n\n");
}

export const readMethods = () => JSON.parse(readFileSync(`${root}docs/scripts/methods.json`, "utf8"));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const plugins = readPlugins();
  const page = `${root}plugins/README.md`;
  writeFileSync(`${root}plugins/catalogue.json`, renderCatalogue(plugins));
  writeFileSync(page, renderPage(readFileSync(page, "utf8"), plugins, readMethods()));
}
