/** What is used of @huggingface/jinja, and the values that it works on. */
import * as library from "@huggingface/jinja";

export interface JinjaValue {
  readonly type: string;
  readonly value: unknown;
}

export interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}
export interface Environment {
  readonly parent?: Environment;
  readonly variables: Map<string, JinjaValue>;
  set(name: string, value: unknown): JinjaValue;
}
export type Program = { readonly body: readonly Node[] };
export type JinjaFunction = (args: readonly JinjaValue[], scope: Environment) => JinjaValue;

/** Its declarations name each other's files without their endings, so that their types are lost here. */
export const { Environment, Interpreter, parse, Template, tokenize } = library as unknown as {
  readonly Environment: new () => Environment;
  readonly Interpreter: new (environment: Environment) => {
    run(program: Program): JinjaValue;
    evaluate(node: Node | undefined, environment: Environment): JinjaValue;
  };
  readonly Template: new (source: string) => { render(variables: Readonly<Record<string, unknown>>): string };
  tokenize(source: string, options?: { readonly lstrip_blocks: boolean; readonly trim_blocks: boolean }): unknown;
  parse(tokens: unknown): Program;
};

/** The library exports no classes of values: they are taken from values that it makes. */
function maker<T>(sample: T): (value: T) => JinjaValue {
  const Value = new Environment().set("sample", sample).constructor as new (value: unknown) => JinjaValue;
  return (value) => new Value(value);
}

export const textValue = maker("");
export const integerValue = maker(1);
export const booleanValue = maker(true);
export const listValue: (items: readonly JinjaValue[]) => JinjaValue = maker<readonly unknown[]>([]);
export const undefinedValue = maker(undefined);
export const functionValue: (body: JinjaFunction) => JinjaValue = maker<JinjaFunction>(() => undefinedValue(undefined));

/** An expression whose value is known. */
export const known = (value: JinjaValue): Node => ({ type: "value", value });

/** The text of a value that is one, else null. */
export const textOf = ({ type, value }: JinjaValue): string | null =>
  type === "StringValue" ? (value as string) : null;
/** The items of a list or tuple, else null. */
export const itemsOf = ({ value }: JinjaValue): readonly JinjaValue[] | null =>
  Array.isArray(value) ? (value as JinjaValue[]) : null;
/** What a dictionary, a namespace or keyword arguments hold, else null. */
export const entriesOf = ({ value }: JinjaValue): ReadonlyMap<string, JinjaValue> | null =>
  value instanceof Map ? (value as Map<string, JinjaValue>) : null;
/** How many items or entries a value holds itself. */
export const lengthInside = (value: JinjaValue): number => itemsOf(value)?.length ?? entriesOf(value)?.size ?? 0;
