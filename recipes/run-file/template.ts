/**
 * Templates of questions: "{prompt}" is the row's own, "{name}" its column of that name, "{{name}}" the word name in
 * braces.
 */
import { fieldText, knownColumns, UnusableRowError, type Row } from "@papo/core";

const braces = /\{\{([^{}]*)\}\}|\{([A-Za-z_][\w.]*)\}/g;

/** Names that a template asks for. */
const asked = (template: string): string[] =>
  [...template.matchAll(braces)].flatMap(([, , name]) => (name === undefined ? [] : [name]));

/**
 * A template that keeps the question and does not tell the answer.
 * @param answer the column that the answer is mapped from, where one is named
 * @throws Error saying which of the two is wrong, and what to write
 */
export function checkTemplate(template: string, answer?: string): string {
  const names = asked(template);
  const last = (name: string): string => name.split(".").at(-1)!;
  const gold = new Set(knownColumns.answer.map(last));
  const telling = names.find((name) => name === answer || gold.has(last(name)));
  if (telling !== undefined)
    throw new Error(
      `The template's {${telling}} would write the right answer into the question; for the word in braces write {{${telling}}}`,
    );
  if (!names.includes("prompt"))
    throw new Error(
      `The template has no {prompt}, so that the question would be dropped: ${JSON.stringify(template.slice(0, 120))}`,
    );
  return template;
}

/**
 * The row as it is asked; `before` has its fields with the digits of the file. @throws UnusableRowError naming the
 * column that it lacks
 */
export function filled(row: Row, template: string, before: Row = row): Row {
  const prompt = template.replace(braces, (_, literal: string | undefined, name: string) => {
    if (literal !== undefined) return `{${literal}}`;
    const value = name === "prompt" ? row.prompt : (fieldText(before.fields, name) ?? fieldText(row.fields, name));
    if (value === null)
      throw new UnusableRowError(
        "bad",
        `Row "${row.id}" cannot be used: the template asks for the column "${name}", which is not text or number there; it has ${Object.keys(row.fields).join(", ") || "no columns besides"}`,
      );
    return value;
  });
  return { ...row, prompt };
}
