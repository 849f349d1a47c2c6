/** The interpreter of @huggingface/jinja, with Python's way where its own is another, and all work counted. */
import { countFilter, countValue, equal } from "./jinja-counted.ts";
import {
  booleanValue,
  entriesOf,
  Environment,
  functionValue,
  integerValue,
  Interpreter,
  itemsOf,
  type JinjaFunction,
  type JinjaValue,
  known,
  lengthInside,
  listValue,
  type Node,
  textOf,
  textValue,
  undefinedValue,
} from "./jinja-library.ts";
import type { Meter } from "./jinja-meter.ts";
import { callOfText, capitalized, characterList, charactersOf, joined, titleByFilter } from "./jinja-text.ts";
import { printPairsAsTuples, pythonJson, pythonText } from "./jinja-values.ts";

/** For operators on known values, which ask for no name. */
const nowhere = new Environment();

/** Statements leave a text or nothing; everything else is a value that is printed. */
const statements = new Set(["Program", "If", "For", "Set", "Macro", "Break", "Continue", "Comment"]);

export class PythonInterpreter extends Interpreter {
  readonly #meter: Meter;

  constructor(environment: Environment, meter: Meter) {
    super(environment);
    this.#meter = meter;
    const original = environment.variables.get("namespace")!.value as JinjaFunction;
    environment.variables.set(
      "namespace",
      functionValue((args, scope) => {
        for (const arg of args) countValue(arg, meter);
        return original(args, scope);
      }),
    );
  }

  override evaluate(node: Node | undefined, environment: Environment): JinjaValue {
    // A part that a slice leaves out.
    if (node === undefined) return super.evaluate(node, environment);
    if (node.type === "value") return node["value"] as JinjaValue;
    this.#meter.steps(1);
    const value = this.#own(node, environment) ?? super.evaluate(node, environment);
    const { characters, items } = this.#meter.limits;
    if (typeof value.value === "string" && value.value.length > characters) this.#meter.text(value.value.length);
    if (Array.isArray(value.value) && value.value.length > items) this.#meter.list(value.value.length);
    return value;
  }

  /** Called by the library for the body of a template, a loop, a macro. */
  evaluateBlock(body: readonly Node[], environment: Environment): JinjaValue {
    let text = "";
    for (const node of body) {
      const value = this.evaluate(node, environment);
      const part = statements.has(node.type) ? (textOf(value) ?? "") : pythonText(value, this.#meter);
      this.#meter.reads(part.length);
      if (text.length + part.length > this.#meter.limits.characters)
        throw new Error(`the template writes more than ${this.#meter.limits.characters} characters`);
      text += part;
    }
    return textValue(text);
  }

  /** What is done here in place of the library; null: it does that as Python does, or refuses it. */
  #own(node: Node, environment: Environment): JinjaValue | null {
    switch (node.type) {
      case "Identifier":
        return this.#variable(node, environment);
      case "For":
        return this.#loop(node, environment);
      case "BinaryExpression":
        return this.#binary(node, environment);
      case "FilterExpression":
        return this.#filter(this.evaluate(node["operand"] as Node, environment), node, environment);
      case "FilterStatement":
        return this.#filter(this.evaluateBlock(node["body"] as readonly Node[], environment), node, environment);
      case "TestExpression":
        return this.#test(node, environment);
      case "MemberExpression":
        return this.#member(node, environment);
      case "CallExpression":
        return this.#call(node, environment);
      case "CallStatement":
        return this.#callWithBlock(node, environment);
      // The library looks through a macro's body each time that the macro is defined.
      case "Macro":
        this.#meter.steps(sizeOf(node));
        return null;
      case "Set":
        this.#meter.steps(namesIn(node["assignee"] as Node));
        return null;
      default:
        return null;
    }
  }

  #variable(node: Node, environment: Environment): JinjaValue {
    const name = node["value"] as string;
    let [scope, depth]: [Environment | undefined, number] = [environment, 0];
    for (; scope !== undefined && !scope.variables.has(name); depth++) scope = scope.parent;
    this.#meter.steps(Math.floor(depth / 8));
    return scope?.variables.get(name) ?? undefinedValue(undefined);
  }

  /** A loop takes a step for each item and name, whatever is done with it, before it begins. */
  #loop(node: Node, environment: Environment): JinjaValue {
    const over = node["iterable"] as Node;
    const isSelect = over.type === "SelectExpression";
    const value = this.evaluate((isSelect ? over["lhs"] : over) as Node, environment);
    this.#meter.steps(lengthInside(value) * namesIn(node["loopvar"] as Node));
    const text = textOf(value);
    const items = known(text === null ? value : characterList(text, this.#meter));
    return super.evaluate({ ...node, iterable: isSelect ? { ...over, lhs: items } : items }, environment);
  }

  #binary(node: Node, environment: Environment): JinjaValue | null {
    const operator = (node["operator"] as { value: string }).value;
    if (operator === "and" || operator === "or") return null;
    const [left, right] = [
      this.evaluate(node["left"] as Node, environment),
      this.evaluate(node["right"] as Node, environment),
    ];
    if (operator === "~") return this.#concatenated(pythonText(left, this.#meter), pythonText(right, this.#meter));
    if (operator === "==" || operator === "!=")
      return booleanValue(equal(left, right, this.#meter) === (operator === "=="));
    if (operator === "in" || operator === "not in") return this.#contains(left, right, operator === "in", node);
    const [texts, lists] = [[left, right].map(textOf), [left, right].map(itemsOf)];
    if (operator === "+") {
      if (texts[0] !== null && texts[1] !== null) return this.#concatenated(texts[0]!, texts[1]!);
      if (texts[0] !== null || texts[1] !== null)
        throw new Error(`"+" between a text and something else (${left.type}, ${right.type}): write "~"`);
      if (lists[0] && lists[1]) this.#meter.list(lists[0].length + lists[1].length);
    }
    if (operator === "*" && (texts[0] !== null || lists[0]) && right.type === "IntegerValue")
      return this.#repeated(left, right.value as number);
    if (operator === "%" && left.type === "IntegerValue" && right.type === "IntegerValue" && right.value !== 0) {
      const [a, b] = [left.value as number, right.value as number];
      return integerValue(((a % b) + b) % b);
    }
    const result = this.#libraryBinary(node, left, right);
    if (result.type === "IntegerValue" && !Number.isSafeInteger(result.value))
      throw new Error(`${operator} gives a whole number beyond 2^53, which is not exact here`);
    return result;
  }

  #libraryBinary(node: Node, left: JinjaValue, right: JinjaValue): JinjaValue {
    return super.evaluate(
      { type: "BinaryExpression", operator: node["operator"], left: known(left), right: known(right) },
      nowhere,
    );
  }

  #concatenated(left: string, right: string): JinjaValue {
    this.#meter.text(left.length + right.length);
    return textValue(left + right);
  }

  /** A list is searched by what its items are equal to. */
  #contains(left: JinjaValue, right: JinjaValue, isAsked: boolean, node: Node): JinjaValue {
    const [text, items] = [textOf(left), itemsOf(right)];
    if (items !== null && left.type !== "UndefinedValue")
      return booleanValue(items.some((item) => equal(left, item, this.#meter)) === isAsked);
    if (text !== null) this.#meter.search(textOf(right)?.length ?? 0, text.length);
    return this.#libraryBinary(node, left, right);
  }

  #repeated(value: JinjaValue, times: number): JinjaValue {
    const count = Math.max(0, times);
    const [text, items] = [textOf(value), itemsOf(value)];
    const length = (text?.length ?? items!.length) * count;
    const { characters, items: most } = this.#meter.limits;
    if (length > (text === null ? most : characters))
      throw new Error(`"*" makes something of ${length} characters or items`);
    if (text === null) this.#meter.list(length);
    else this.#meter.text(length);
    // However often nothing is repeated, it is nothing.
    const repeats = length === 0 ? 0 : count;
    return text === null
      ? listValue(Array.from({ length: repeats }, () => items!).flat())
      : textValue(text.repeat(repeats));
  }

  #filter(operand: JinjaValue, node: Node, environment: Environment): JinjaValue {
    const filter = node["filter"] as Node;
    const isCall = filter.type === "CallExpression";
    const name = ((isCall ? filter["callee"] : filter) as { value: string }).value;
    const given = isCall ? (filter["args"] as readonly Node[]) : [];
    const args = this.#arguments(given, environment);
    const own = this.#ownFilter(name, operand, args);
    if (own !== null) return own;
    countFilter({ name, operand, ...args }, this.#meter);
    // The library takes the arguments of these two as they are written.
    const nodes = /^(select|reject)attr$/.test(name) ? given : args.nodes;
    const result = super.evaluate(
      { type: "FilterExpression", operand: known(operand), filter: isCall ? { ...filter, args: nodes } : filter },
      environment,
    );
    if (result === undefined)
      throw new Error(
        `the filter "${name}" finds nothing in an empty list, and Python would go on with an undefined value`,
      );
    return name === "items" || name === "dictsort" ? printPairsAsTuples(result) : result;
  }

  /** Filters that the library has in another way than Python; null: it may do this one. */
  #ownFilter(name: string, operand: JinjaValue, { placed, named, nodes }: Arguments): JinjaValue | null {
    const meter = this.#meter;
    const [text, items] = [textOf(operand), itemsOf(operand)];
    if (name === "tojson" && placed.length === 0) return textValue(pythonJson(operand, named, meter));
    if (name === "string" && nodes.length === 0) return textValue(pythonText(operand, meter));
    if (name === "join" && nodes.length <= 1 && named["attribute"] === undefined && (text !== null || items !== null)) {
      const separator = placed[0] === undefined ? "" : pythonText(placed[0], meter);
      return textValue(
        joined(
          text === null ? items!.map((item) => pythonText(item, meter)) : charactersOf(text, meter),
          separator,
          meter,
        ),
      );
    }
    if (name === "list" && items !== null) {
      meter.list(items.length);
      return listValue(items.slice());
    }
    if (text === null) return null;
    if (name === "list") return characterList(text, meter);
    if (name === "length") return integerValue(charactersOf(text, meter).length);
    if (name === "capitalize") return textValue(capitalized(text, meter));
    if (name === "title") return textValue(titleByFilter(text, meter));
    if (name === "replace")
      return callOfText(name, text, [...placed, ...(named["count"] === undefined ? [] : [named["count"]])], meter);
    return null;
  }

  /** Arguments in Python's order, those that are unpacked as if they had been written out. */
  #arguments(args: readonly Node[], environment: Environment): Arguments {
    const placed: JinjaValue[] = [];
    const named = Object.create(null) as Record<string, JinjaValue>;
    for (const arg of args) {
      if (arg.type.startsWith("Keyword")) continue;
      const value = this.evaluate((arg.type === "SpreadExpression" ? arg["argument"] : arg) as Node, environment);
      const items = arg.type === "SpreadExpression" ? itemsOf(value) : [value];
      if (items === null) throw new Error(`"*" of a value of the kind ${value.type}, which cannot be unpacked`);
      this.#meter.steps(items.length);
      for (const item of items) placed.push(item);
    }
    for (const arg of args) {
      if (!arg.type.startsWith("Keyword")) continue;
      const isSpread = arg.type === "KeywordSpreadExpression";
      const value = this.evaluate((isSpread ? arg["argument"] : arg["value"]) as Node, environment);
      const entries = isSpread ? entriesOf(value) : new Map([[(arg["key"] as { value: string }).value, value]]);
      if (entries === null) throw new Error(`"**" of a value of the kind ${value.type}, which cannot be unpacked`);
      this.#meter.steps(entries.size);
      for (const [name, item] of entries) {
        if (Object.hasOwn(named, name)) throw new Error(`the argument "${name}" is given twice`);
        named[name] = item;
      }
    }
    const keyword = ([key, value]: [string, JinjaValue]): Node => ({
      type: "KeywordArgumentExpression",
      key: { type: "Identifier", value: key },
      value: known(value),
    });
    return { placed, named, nodes: [...placed.map(known), ...Object.entries(named).map(keyword)] };
  }

  #test(node: Node, environment: Environment): JinjaValue {
    const operand = this.evaluate(node["operand"] as Node, environment);
    this.#meter.reads(3 * (textOf(operand)?.length ?? 0));
    return super.evaluate({ ...node, operand: known(operand) }, environment);
  }

  /** Characters beyond the 16 bits of JavaScript count as one. */
  #member(node: Node, environment: Environment): JinjaValue {
    const object = this.evaluate(node["object"] as Node, environment);
    if (object.type === "UndefinedValue")
      throw new Error(`a property of something that is not defined is asked for${nameIn(node)}`);
    const property = node["property"] as Node;
    const text = textOf(object);
    if (property.type === "SliceExpression") {
      const parts = text === null ? itemsOf(object) : charactersOf(text, this.#meter);
      if (text === null) this.#meter.steps(parts?.length ?? 0);
      const found = super.evaluate(
        { ...node, object: known(text === null ? object : listValue(parts as never)) },
        environment,
      );
      return text === null ? found : textValue((found.value as unknown as string[]).join(""));
    }
    const key = node["computed"] === true ? this.evaluate(property, environment) : null;
    this.#meter.reads(textOf(key ?? object)?.length ?? 0);
    if (text !== null && key?.type === "IntegerValue" && /[\ud800-\udfff]/.test(text)) {
      const character = charactersOf(text, this.#meter).at(key.value as number);
      return character === undefined ? undefinedValue(undefined) : textValue(character);
    }
    const found = super.evaluate(
      { ...node, object: known(object), property: key === null ? property : known(key) },
      environment,
    );
    const name = key === null ? (property as { value?: unknown }).value : key.value;
    return found.type === "FunctionValue" && entriesOf(object)?.get(name as string) === undefined
      ? this.#method(name as string, object, found.value as JinjaFunction)
      : found;
  }

  /** A method, counted wherever it is called from. */
  #method(name: string, object: JinjaValue, original: JinjaFunction): JinjaValue {
    const text = textOf(object);
    return functionValue((args, scope) => {
      const own = text === null ? null : callOfText(name, text, args, this.#meter);
      if (own !== null) return own;
      for (const arg of args) countValue(arg, this.#meter);
      if (text === null && name !== "get") {
        const named = Object.fromEntries(
          args.flatMap((arg) => [...(arg.type === "KeywordArgumentsValue" ? entriesOf(arg)! : [])]),
        );
        countFilter({ name, operand: object, placed: args, named }, this.#meter);
      }
      const result = original(args, scope);
      return name === "items" || name === "dictsort" ? printPairsAsTuples(result) : result;
    });
  }

  #call(node: Node, environment: Environment): JinjaValue {
    const callee = this.#callee(node["callee"] as Node, environment);
    return super.evaluate(
      { ...node, callee: known(callee), args: this.#arguments(node["args"] as readonly Node[], environment).nodes },
      environment,
    );
  }

  #callee(callee: Node, environment: Environment): JinjaValue {
    const value = this.evaluate(callee, environment);
    if (value.type === "FunctionValue") return value;
    if (callee.type === "Identifier") throw new Error(`the function ${callee["value"] as string}() is not known`);
    if (callee.type !== "MemberExpression" || callee["computed"] === true)
      throw new Error(`a value of the kind ${value.type} cannot be called`);
    throw new Error(
      `the method .${(callee["property"] as { value: string }).value}() of a value of the kind ${this.evaluate(callee["object"] as Node, environment).type} is not known`,
    );
  }

  /** The library looks through the block, as through a macro. */
  #callWithBlock(node: Node, environment: Environment): JinjaValue {
    this.#meter.steps(sizeOf(node));
    const call = node["call"] as Node;
    const callee = this.#callee(call["callee"] as Node, environment);
    return super.evaluate(
      {
        ...node,
        call: {
          ...call,
          callee: known(callee),
          args: this.#arguments(call["args"] as readonly Node[], environment).nodes,
        },
      },
      environment,
    );
  }
}

interface Arguments {
  readonly placed: readonly JinjaValue[];
  readonly named: Readonly<Record<string, JinjaValue>>;
  readonly nodes: readonly Node[];
}

/** Names that a value is unpacked into. */
const namesIn = (target: Node): number =>
  target.type === "TupleLiteral" ? (target["value"] as readonly Node[]).length : 1;

const nameIn = ({ property, computed }: Node): string =>
  computed === true ? "" : `: ".${(property as { value?: string }).value ?? ""}"`;

const sizes = new WeakMap<object, number>();

/** Expressions and statements in one. */
function sizeOf(node: unknown): number {
  if (typeof node !== "object" || node === null) return 0;
  const held = sizes.get(node);
  if (held !== undefined) return held;
  const children = node instanceof Map ? [...node].flat() : Object.values(node);
  const size = children.reduce<number>((sum, child) => sum + sizeOf(child), 1);
  sizes.set(node, size);
  return size;
}
