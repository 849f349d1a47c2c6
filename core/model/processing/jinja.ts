/**
 * Chat templates as Python's jinja2 renders them in transformers. @huggingface/jinja prints some values otherwise
 * (`True`, `None`, lists, 1.0), compares lists by identity and adds numbers to texts: here such constructs give
 * Python's text, or an error that names them, never another text. What a template may do is counted, not timed: steps,
 * length of texts and lists, so that one that is refused is refused on every machine.
 */
import * as library from "@huggingface/jinja";
import { printAsTuple, pythonJson, pythonText, type JinjaValue } from "./jinja-values.ts";

const most = {
  /** Expressions and statements that one prompt may take. */
  steps: 500_000,
  /** Characters of a text. */
  characters: 2 ** 25,
  /** Items of a list: jinja2's sandbox has the same for `range`. */
  items: 100_000,
} as const;

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}
interface Environment {
  set(name: string, value: unknown): unknown;
  lookupVariable(name: string): JinjaValue;
}
type Program = { readonly body: readonly Node[] };
type MakeValue = new (value: unknown) => JinjaValue;

/**
 * What is used of the library. Its declarations name each other's files without their endings, so that their types are
 * lost here.
 */
const { Environment, Interpreter: Base, parse, Template, tokenize } = library as unknown as {
  readonly Environment: new () => Environment;
  readonly Interpreter: new (environment: Environment) => {
    run(program: Program): JinjaValue;
    evaluate(node: Node | undefined, environment: Environment): JinjaValue;
  };
  readonly Template: new (source: string) => { render(variables: Readonly<Record<string, unknown>>): string };
  tokenize(source: string, options?: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean }): unknown;
  parse(tokens: unknown): Program;
};

/** Statements leave a text or nothing; everything else is a value that is printed. */
const statements = new Set(["Program", "If", "For", "Set", "Macro", "CallStatement", "FilterStatement", "Break", "Continue", "Comment", "Ternary statement"]);

export class JinjaTemplate {
  readonly #program: Program;

  /** @throws Error saying what cannot be parsed */
  constructor(source: string) {
    this.#program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  }

  /** @throws Error naming the construct that is not followed, or with what the template complains of */
  render(variables: Readonly<Record<string, unknown>>): string {
    const environment = new Environment();
    const globals = { true: true, false: false, none: null, True: true, False: false, None: null, range, raise_exception: complain, strftime_now: timeNow };
    for (const [name, value] of Object.entries({ ...globals, ...variables })) if (value !== undefined) environment.set(name, value);
    return new PythonInterpreter(environment).run(this.#program).value as string;
  }
}

function complain(message: string): never {
  throw new Error(message);
}

const timeNow = (format: string): string => new Template("{{ strftime_now(f) }}").render({ f: format });

function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0) throw new Error("range() needs a step other than 0");
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (length > most.items) throw new Error(`range() of ${length} numbers is too long: at most ${most.items}`);
  return Array.from({ length }, (_, index) => from + index * step);
}

class PythonInterpreter extends Base {
  #steps = 0;

  override evaluate(node: Node | undefined, environment: Environment): JinjaValue {
    // A part that a slice leaves out.
    if (node === undefined) return super.evaluate(node, environment);
    if (++this.#steps > most.steps) throw new Error(`the template takes more than ${most.steps} steps`);
    const value = node.type === "value" ? (node["value"] as JinjaValue) : this.#own(node, environment) ?? super.evaluate(node, environment);
    if (typeof value.value === "string" && value.value.length > most.characters) throw new Error(`the template makes a text of more than ${most.characters} characters`);
    if (Array.isArray(value.value) && value.value.length > most.items) throw new Error(`the template makes a list of more than ${most.items} items`);
    return value;
  }

  /** Called by the library for the body of a template, a loop, a macro. */
  evaluateBlock(body: readonly Node[], environment: Environment): JinjaValue {
    let text = "";
    for (const node of body) {
      const value = this.evaluate(node, environment);
      if (!statements.has(node.type)) text += pythonText(value);
      else if (value.type === "StringValue") text += value.value as string;
      if (text.length > most.characters) throw new Error(`the template writes more than ${most.characters} characters`);
    }
    return this.#text(text);
  }

  #text = (text: string): JinjaValue => this.#made("StringValue", text);

  /** The library exports no classes of values: they are taken from values that it makes. */
  #made(type: keyof typeof samples | "BooleanValue", value: unknown): JinjaValue {
    if (type === "BooleanValue") return booleanOf(value as boolean);
    const Value = (PythonInterpreter.#classes[type] ??= (super.evaluate(sampleOf(type), new Environment()) as object).constructor as MakeValue);
    return new Value(value);
  }

  static readonly #classes: Partial<Record<string, MakeValue>> = {};

  /** What is done here in place of the library; null: it does that as Python does, or refuses it. */
  #own(node: Node, environment: Environment): JinjaValue | null {
    switch (node.type) {
      case "For": return this.#loop(node, environment);
      case "BinaryExpression": return this.#binary(node, environment);
      case "FilterExpression": return this.#filter(node, environment);
      case "MemberExpression": return this.#member(node, environment);
      case "CallExpression": return this.#call(node, environment);
      default: return null;
    }
  }

  /** A loop takes a step for each item, whatever is done with it. */
  #loop(node: Node, environment: Environment): JinjaValue {
    const over = node["iterable"] as Node;
    const isSelect = over.type === "SelectExpression";
    const value = this.evaluate((isSelect ? over["lhs"] : over) as Node, environment);
    if (Array.isArray(value.value)) this.#steps += value.value.length;
    const items = value.type === "StringValue" ? this.#made("ArrayValue", [...(value.value as string)].map(this.#text)) : value;
    const known = { type: "value", value: items };
    return super.evaluate({ ...node, iterable: isSelect ? { ...over, lhs: known } : known }, environment);
  }

  #binary(node: Node, environment: Environment): JinjaValue | null {
    const operator = (node["operator"] as { value: string }).value;
    if (operator === "and" || operator === "or") return null;
    const [left, right] = [this.evaluate(node["left"] as Node, environment), this.evaluate(node["right"] as Node, environment)];
    if (operator === "~") return this.#text(pythonText(left) + pythonText(right));
    if (operator === "==" || operator === "!=") return this.#made("BooleanValue", equal(left, right) === (operator === "=="));
    const isText = [left, right].map(({ type }) => type === "StringValue");
    if (operator === "+" && isText[0] !== isText[1]) throw new Error(`"+" between a text and something else (${left.type}, ${right.type}): write "~"`);
    if (operator === "*" && (isText[0] || Array.isArray(left.value)) && right.type === "IntegerValue") return this.#repeated(left, right.value as number);
    if (operator === "%" && left.type === "IntegerValue" && right.type === "IntegerValue" && right.value !== 0) {
      const [a, b] = [left.value as number, right.value as number];
      return this.#made("IntegerValue", ((a % b) + b) % b);
    }
    const known = { type: "BinaryExpression", operator: node["operator"], left: { type: "value", value: left }, right: { type: "value", value: right } };
    const result = super.evaluate(known, environment);
    return result.type === "IntegerValue" && !Number.isSafeInteger(result.value) ? fail(`${operator} gives a whole number beyond 2^53, which is not exact here`) : result;
  }

  #repeated(value: JinjaValue, times: number): JinjaValue {
    const length = (value.value as string | unknown[]).length * Math.max(0, times);
    if (length > (typeof value.value === "string" ? most.characters : most.items)) throw new Error(`"*" makes something of ${length} characters or items`);
    const count = Math.max(0, times);
    return typeof value.value === "string" ? this.#text(value.value.repeat(count)) : this.#made("ArrayValue", Array.from({ length: count }, () => value.value as unknown[]).flat());
  }

  #filter(node: Node, environment: Environment): JinjaValue | null {
    const filter = node["filter"] as Node;
    const name = (filter.type === "CallExpression" ? (filter["callee"] as { value: string }) : (filter as unknown as { value: string })).value;
    const given = (filter["args"] as readonly Node[] | undefined) ?? [];
    const operand = this.evaluate(node["operand"] as Node, environment);
    const text = operand.type === "StringValue" ? (operand.value as string) : null;
    const named = Object.fromEntries(given.flatMap((arg) => (arg.type === "KeywordArgumentExpression" ? [[(arg["key"] as { value: string }).value, this.evaluate(arg["value"] as Node, environment)]] : []))) as Record<string, JinjaValue>;
    const placed = given.filter(({ type }) => type !== "KeywordArgumentExpression").map((arg) => this.evaluate(arg, environment));
    if (name === "tojson" && placed.length === 0) return this.#text(pythonJson(operand, named));
    if (name === "string" && given.length === 0) return this.#text(pythonText(operand));
    if (name === "capitalize" && text !== null) return this.#text(text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase());
    // As jinja2: words begin after white space, hyphens and brackets.
    if (name === "title" && text !== null) return this.#text(text.split(/([-\s({[<]+)/).map((part) => part.slice(0, 1).toUpperCase() + part.slice(1).toLowerCase()).join(""));
    if (name === "length" && text !== null) return this.#made("IntegerValue", [...text].length);
    if (name === "list" && text !== null) return this.#made("ArrayValue", [...text].map(this.#text));
    if (name === "list" && Array.isArray(operand.value)) return this.#made("ArrayValue", operand.value.slice());
    if (name === "join" && given.length <= 1 && named["attribute"] === undefined && (text !== null || Array.isArray(operand.value))) {
      const separator = placed[0] === undefined ? "" : pythonText(placed[0]);
      return this.#text((text === null ? (operand.value as JinjaValue[]).map(pythonText) : [...text]).join(separator));
    }
    const result = super.evaluate({ ...node, operand: { type: "value", value: operand } }, environment);
    if (result === undefined) return fail(`the filter "${name}" finds nothing in an empty list, and Python would go on with an undefined value`);
    return name === "items" || name === "dictsort" ? this.#pairs(result) : result;
  }

  /** Pairs of keys and values are tuples in Python. */
  #pairs(list: JinjaValue): JinjaValue {
    if (!Array.isArray(list.value)) return list;
    for (const pair of list.value as readonly JinjaValue[]) printAsTuple(pair);
    return list;
  }

  /** Characters beyond the 16 bits of JavaScript's count as one. */
  #member(node: Node, environment: Environment): JinjaValue | null {
    const object = this.evaluate(node["object"] as Node, environment);
    if (object.type === "UndefinedValue") throw new Error(`a property of something that is not defined is asked for${nameIn(node)}`);
    const known = { ...node, object: { type: "value", value: object } };
    const isLong = object.type === "StringValue" && node["computed"] === true && /[\ud800-\udfff]/.test(object.value as string);
    if (!isLong) return super.evaluate(known, environment);
    const found = super.evaluate({ ...known, object: { type: "value", value: this.#made("ArrayValue", [...(object.value as string)].map(this.#text)) } }, environment);
    return Array.isArray(found.value) ? this.#text((found.value as JinjaValue[]).map(({ value }) => value).join("")) : found;
  }

  #call(node: Node, environment: Environment): JinjaValue | null {
    const callee = node["callee"] as Node;
    if (callee.type === "Identifier" && environment.lookupVariable((callee as unknown as { value: string }).value).type === "UndefinedValue") {
      throw new Error(`the function ${(callee as unknown as { value: string }).value}() is not known`);
    }
    if (callee.type !== "MemberExpression" || callee["computed"] === true) return null;
    const name = (callee["property"] as { value: string }).value;
    const object = this.evaluate(callee["object"] as Node, environment);
    const args = node["args"] as readonly Node[];
    if (/^[lr]?strip$/.test(name) && args.length > 0) {
      const [text, marks] = [object, this.evaluate(args[0]!, environment)];
      if (text.type !== "StringValue" || marks.type !== "StringValue") throw new Error(`${name}() takes the characters that it strips as a text`);
      return this.#text(stripped(text.value as string, new Set(marks.value as string), name));
    }
    const method = this.evaluate({ ...callee, object: { type: "value", value: object } }, environment);
    if (method.type !== "FunctionValue") throw new Error(`the method .${name}() of a value of the kind ${object.type} is not known`);
    const result = super.evaluate({ ...node, callee: { type: "value", value: method } }, environment);
    return name === "items" ? this.#pairs(result) : result;
  }
}

const samples = { StringValue: "'a'", ArrayValue: "[1]", IntegerValue: "1" } as const;
const sampleOf = (type: keyof typeof samples): Node => parse(tokenize(`{{ ${samples[type]} }}`)).body[0]!;
const booleanOf = (value: boolean): JinjaValue => new Environment().set("v", value) as unknown as JinjaValue;

function fail(message: string): never {
  throw new Error(message);
}

const nameIn = ({ property, computed }: Node): string => (computed === true ? "" : `: ".${(property as { value?: string }).value ?? ""}"`);

function stripped(text: string, marks: ReadonlySet<string>, name: string): string {
  const characters = [...text];
  let [from, to] = [0, characters.length];
  if (name !== "rstrip") while (from < to && marks.has(characters[from]!)) from++;
  if (name !== "lstrip") while (to > from && marks.has(characters[to - 1]!)) to--;
  return characters.slice(from, to).join("");
}

/** As Python compares: lists and dictionaries by what they hold, True as 1, None with nothing else. */
function equal(a: JinjaValue, b: JinjaValue): boolean {
  if (Array.isArray(a.value) && Array.isArray(b.value)) {
    const [own, other] = [a.value as JinjaValue[], b.value as JinjaValue[]];
    return a.type === b.type && own.length === other.length && own.every((item, index) => equal(item, other[index]!));
  }
  if (a.value instanceof Map && b.value instanceof Map) {
    const [own, other] = [a.value as Map<string, JinjaValue>, b.value as Map<string, JinjaValue>];
    return own.size === other.size && [...own].every(([key, item]) => other.has(key) && equal(item, other.get(key)!));
  }
  if ((a.value ?? null) === null || (b.value ?? null) === null) return a.type === b.type;
  const isNumber = ({ value }: JinjaValue): boolean => typeof value === "number" || typeof value === "boolean";
  return isNumber(a) && isNumber(b) ? Number(a.value) === Number(b.value) : a.value === b.value;
}
