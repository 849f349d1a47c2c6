/**
 * The options in a shell script's commands: overrides of hydra and OmegaConf (a.b=1, +a.b=1) and flags (--a 1, --a=1).
 */
import { arithmetic } from "./arithmetic.ts";
import type { Entry } from "./read-config.ts";
import { valueOf } from "./value-of.ts";

interface Found extends Entry {
  readonly kind: "override" | "flag";
  /** In a branch that this reader does not choose. */
  readonly sometimes: boolean;
}

/**
 * Variables that the script sets are filled in; what stands in an if or a case holds only where nothing else is said.
 */
export function ofCommand(text: string): { readonly entries: Entry[]; readonly base?: string } {
  const variables = new Map<string, string>();
  const found: Found[] = [];
  let base: string | undefined;
  let depth = 0;
  text.split("\n").forEach((written, at) => {
    const line = written.trim().replace(/^\w+\+?=\((?!\))/, "");
    if (/^(if|case)\b/.test(line)) depth++;
    const words = wordsOf(line, variables);
    const assigned = assignment(words);
    if (assigned !== undefined) {
      if (depth === 0 || !variables.has(assigned[0])) variables.set(...assigned);
    } else {
      base = words.map((word) => /^config=(.+)$/.exec(word)?.[1]).find((name) => name !== undefined) ?? base;
      found.push(...optionsOf(words).map((option) => ({ ...option, line: at + 1, sometimes: depth > 0 })));
    }
    if (/(^|;\s*|\s)(fi|esac)\s*;?$/.test(line.replace(/\s#.*/, ""))) depth = Math.max(0, depth - 1);
  });
  // Beside overrides, flags are those of what starts the program.
  const kind = found.some((one) => one.kind === "override") ? "override" : "flag";
  const certain = new Set(found.filter((one) => !one.sometimes).map(({ key }) => key));
  const entries = found
    .filter((one) => one.kind === kind && (!one.sometimes || !certain.has(one.key)))
    .map(({ key, value, line }) => ({ key, value, line }));
  return { entries, ...(base === undefined ? {} : { base }) };
}

/** NAME=value, alone or after export. */
function assignment(words: readonly string[]): [string, string] | undefined {
  const [first, ...rest] = words[0] === "export" || words[0] === "local" ? words.slice(1) : words;
  const [, name, value] = /^([A-Za-z_]\w*)=([^]*)$/.exec(first ?? "") ?? [];
  return name === undefined || name === "config" || rest.some((word) => word !== "\\") ? undefined : [name, value!];
}

function optionsOf(words: readonly string[]): Pick<Found, "key" | "value" | "kind">[] {
  return words.flatMap((word, place): Pick<Found, "key" | "value" | "kind">[] => {
    const override = /^\+{0,2}([A-Za-z_]\w*(?:\.[\w-]+)+)=([^]*)$/.exec(word);
    if (override !== null) return [{ key: override[1]!, value: valueOf(closed(override[2]!)), kind: "override" }];
    const flag = /^--([\w-]+)(?:=([^]*))?$/.exec(word);
    if (flag === null) return [];
    const rest = words.slice(place + 1);
    const end = rest.findIndex((other) => /^--|^[>|&\\]/.test(other));
    const next = end < 0 ? rest : rest.slice(0, end);
    const given = flag[2] ?? (next.length === 0 ? "true" : next.length === 1 ? next[0]! : JSON.stringify(next));
    return [{ key: flag[1]!.replaceAll("-", "_"), value: valueOf(given), kind: "flag" }];
  });
}

/** Without the bracket that closes the array in which it stands. */
const closed = (value: string): string => (value.endsWith(")") && !value.includes("(") ? value.slice(0, -1) : value);

/** Words of a line as a shell has them; a comment and the backslash at its end are none. */
function wordsOf(line: string, variables: ReadonlyMap<string, string>): string[] {
  const plain = line
    .replace(/\$\{(\w+)(:?-)"([^"]*)"\}/g, "${$1$2$3}")
    .replace(
      /\$\(\(([^()]*(?:\([^()]*\)[^()]*)*)\)\)/g,
      (whole, sum: string) => arithmetic(filled(sum, variables), variables) ?? whole,
    );
  const words: string[] = [];
  for (const [word] of plain.matchAll(
    /(?:"(?:[^"\\]|\\.)*"|'[^']*'|\$\{[^}\s]*(?:\{[^}]*\}[^}\s]*)*\}|\$\([^)]*\)|\\.|[^\s"'\\])+|\\$/g,
  )) {
    if (word.startsWith("#")) break;
    const text = word.replace(
      /"((?:[^"\\]|\\.)*)"|'([^']*)'|([^"']+)/g,
      (_, double?: string, single?: string, bare?: string) => single ?? filled(double ?? bare ?? "", variables),
    );
    if (text !== "\\" && text.trim() !== "") words.push(text.replace(/\\$/, ""));
  }
  return words;
}

/** $NAME, ${NAME} and ${NAME:-default}, in one another too; a name that the script does not set stays as it is. */
function filled(text: string, variables: ReadonlyMap<string, string>, times = 0): string {
  const once = text.replace(
    /\$\{(\w+)(?:(:?)-((?:[^{}]|\$\{\w+\})*))?\}|\$([A-Za-z_]\w*)/g,
    (whole, name?: string, orEmpty?: string, otherwise?: string, bare?: string) => {
      const value = variables.get(name ?? bare!);
      return value !== undefined && !(value === "" && orEmpty === ":") ? value : (otherwise ?? whole);
    },
  );
  // A script may set a name to what names it again.
  return once === text || times > 9 ? once : filled(once, variables, times + 1);
}
