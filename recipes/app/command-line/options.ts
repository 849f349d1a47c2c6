/** Options of commands: one table for each command, from which its arguments are read and its help is written. */
import { parseArgs } from "node:util";
import { adviceOn, nearest } from "@papo/core";

interface About {
  /** For help: what it does, in a sentence without its default. */
  readonly text: string;
}

/** What takes a value. */
interface Valued<T> extends About {
  /** For help: what stands after it, "<folder>". */
  readonly value?: string;
  readonly default?: T;
  /** An error without it. */
  readonly required?: true;
  /** It may be given several times. */
  readonly many?: true;
}

export type Option =
  | (About & { readonly kind: "flag" })
  | (Valued<string | readonly string[]> & { readonly kind: "text" })
  | (Valued<string | readonly string[]> & { readonly kind: "choice"; readonly choices: readonly string[] })
  /** Several of the choices, with commas between. */
  | (Valued<string> & { readonly kind: "list"; readonly choices: readonly string[] })
  /** A number from `least`. */
  | (Valued<number> & { readonly kind: "number"; readonly least: number })
  /** A whole number from `least`, 1 where it is not given. */
  | (Valued<number> & { readonly kind: "count"; readonly least?: number });

export type Options = Readonly<Record<string, Option>>;

type Single<O> = O extends { kind: "number" | "count" }
  ? number
  : O extends { kind: "list"; choices: readonly (infer C)[] }
    ? readonly C[]
    : O extends { kind: "choice"; choices: readonly (infer C)[] }
      ? C
      : string;

/** What a command gets of an option. */
export type Given<O> = O extends { kind: "flag" }
  ? boolean
  : O extends { many: true }
    ? readonly Single<O>[]
    : O extends { default: string | number } | { required: true }
      ? Single<O>
      : Single<O> | undefined;

export type GivenOptions<O extends Options> = { readonly [K in keyof O]: Given<O[K]> };

/** What stood in a command's arguments, not yet typed. */
export interface ReadArguments {
  /** By option: true for a flag, else the texts in order. */
  readonly given: ReadonlyMap<string, true | readonly string[]>;
  readonly positionals: readonly string[];
  readonly mistakes: readonly string[];
}

/** Take arguments apart; each that means nothing is a mistake, none ends the reading. */
export function readArguments(args: readonly string[], options: Options, everywhere: Options = {}): ReadArguments {
  const known = { ...options, ...everywhere };
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(known).map(([name, { kind }]) => [
        name,
        { type: kind === "flag" ? ("boolean" as const) : ("string" as const) },
      ]),
    ),
  });
  const given = new Map<string, true | string[]>();
  const [positionals, mistakes]: [string[], string[]] = [[], []];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    if (option === undefined) mistakes.push(unknownOption(token.rawName, Object.keys(known)));
    else if (option.kind === "flag") {
      if (token.value === undefined) given.set(token.name, true);
      else mistakes.push(`--${token.name} takes no value, and is given "${token.value}"`);
    } else if (token.value === undefined || (token.inlineValue === false && token.value.startsWith("--")))
      mistakes.push(`--${token.name} needs a value: ${written(token.name, option)}`);
    else given.set(token.name, [...((given.get(token.name) as string[] | undefined) ?? []), token.value]);
  }
  return { given, positionals, mistakes };
}

function unknownOption(raw: string, known: readonly string[]): string {
  const name = raw.replace(/^-+/, "");
  const near = nearest(name, known);
  const advice = known.includes("set") ? adviceOn(name, "--set") : [];
  const guesses = [...(near === null ? [] : [`--${near}`]), ...advice];
  const there = known.length === 0 ? "there are none" : `there are ${known.map((other) => `--${other}`).join(", ")}`;
  return `there is no option ${raw}${guesses.length === 0 ? `; ${there}` : `; did you mean ${guesses.join(" or ")}?`}`;
}

/** The texts as the options' values, with defaults; what will not do goes to `mistakes`. */
export function typed<O extends Options>(
  options: O,
  given: ReadArguments["given"],
  mistakes: string[],
): GivenOptions<O> {
  const values = Object.entries(options).map(([name, option]): [string, unknown] => {
    const found = given.get(name);
    if (option.kind === "flag") return [name, found === true];
    if (found === undefined || found === true) {
      if (option.required === true) mistakes.push(`${written(name, option)} is missing`);
      return [
        name,
        option.default === undefined
          ? option.many === true
            ? []
            : undefined
          : option.kind === "list"
            ? option.default.split(",")
            : option.default,
      ];
    }
    const all = found.map((text) => valueOf(name, option, text, mistakes));
    return [name, option.many === true ? all : all.at(-1)];
  });
  return Object.fromEntries(values) as GivenOptions<O>;
}

function valueOf(
  name: string,
  option: Exclude<Option, { kind: "flag" }>,
  text: string,
  mistakes: string[],
): string | number | readonly string[] {
  if (option.kind === "text") return text;
  if (option.kind === "list") {
    const names = text.split(",").map((part) => part.trim());
    mistakes.push(
      ...names
        .filter((part) => !option.choices.includes(part))
        .map((part) => notAmong(`--${name}:`, part, option.choices)),
    );
    return names;
  }
  if (option.kind === "choice") {
    if (!option.choices.includes(text)) mistakes.push(notAmong(`--${name}:`, text, option.choices));
    return text;
  }
  const [value, least] = [Number(text), option.least ?? 1];
  const right =
    text.trim() !== "" &&
    Number.isFinite(value) &&
    value >= least &&
    (option.kind === "number" || Number.isInteger(value));
  if (!right)
    mistakes.push(
      `--${name} takes a ${option.kind === "count" ? "whole number" : "number"} from ${least}, not "${text}"`,
    );
  return value;
}

/** A word that is none of the choices, with the nearest where one is near. */
export function notAmong(what: string, text: string, choices: readonly string[]): string {
  const near = nearest(text, choices);
  return `${what} there is no "${text}";${near === null ? "" : ` did you mean "${near}"?`} there are ${choices.join(", ")}`;
}

/** "--output <folder>" */
export const written = (name: string, option: Option): string =>
  `--${name}${option.kind === "flag" ? "" : ` ${placeholder(option)}`}`;

function placeholder(option: Exclude<Option, { kind: "flag" }>): string {
  if (option.value !== undefined) return option.value;
  if (option.kind === "choice" && option.choices.length <= 6) return `<${option.choices.join(" | ")}>`;
  if (option.kind === "list") return `<${option.choices.join(",")}>`;
  return option.kind === "text" || option.kind === "choice" ? "<text>" : "<number>";
}
