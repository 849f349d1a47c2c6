/**
 * Patterns that a tokenizer.json brings along. They run in the run's own thread, and JavaScript tries all ways of
 * matching: a group that is repeated, and can itself match a text in several ways, takes time that doubles with each
 * character. Such patterns are refused; published tokenizers have none.
 */

/** `loops`: repetitions without end that follow each other in one alternative. */
const most = { characters: 5_000, loops: 3 } as const;

interface Part {
  /** Whether it can match in more than one way. */
  varies: boolean;
  loops: number;
  /** Of the alternatives before. */
  most: number;
}

const fresh = (): Part => ({ varies: false, loops: 0, most: 0 });

/** Every pattern in a part of tokenizer.json. @throws Error saying which pattern can take for ever */
export function checkPatterns(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const pattern = (value as Readonly<Record<string, unknown>>)["Regex"];
  const problem = typeof pattern === "string" ? patternProblem(pattern) : null;
  if (problem !== null) throw new Error(`its pattern ${JSON.stringify((pattern as string).slice(0, 200))} ${problem}`);
  for (const inner of Object.values(value)) checkPatterns(inner);
}

/** A character, a class, a mark of a group, or a repetition. */
const tokens =
  /\\[pPu]\{[^}]*\}|\\[^]|\[(?:\\[^]|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<\w+>|[a-z-]+[:)]))?|[)|]|(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?|[^]/gu;

function patternProblem(pattern: string): string | null {
  if (pattern.length > most.characters)
    return `has ${pattern.length} characters, and at most ${most.characters} are taken`;
  const open: Part[] = [fresh()];
  let last = fresh();
  for (const [token] of pattern.matchAll(tokens)) {
    const group = open.at(-1)!;
    const times = timesOf(token);
    if (/^\\[1-9k]/.test(token)) return "refers to what it matched before, which can take for ever";
    if (times !== null && times.most > 1 && last.varies)
      return "repeats a group that can match in several ways, which can take for ever";
    if (token.startsWith("(") && !token.endsWith(")")) open.push(fresh());
    else if (token === "|") Object.assign(group, { varies: true, most: Math.max(group.most, group.loops), loops: 0 });
    else if (token === ")" && open.length > 1) {
      last = open.pop()!;
      const outer = open.at(-1)!;
      outer.varies ||= last.varies;
      outer.loops += Math.max(last.most, last.loops);
    } else if (times === null) last = fresh();
    else {
      group.varies ||= times.least !== times.most;
      if (times.most > 1000) group.loops++;
    }
    // Of the group around one that has just ended, too.
    if (open.at(-1)!.loops > most.loops)
      return `has more than ${most.loops} repetitions without end in a row, which can take for ever`;
  }
  return null;
}

/** How often what stands before is taken; null for what is no repetition. */
function timesOf(token: string): { readonly least: number; readonly most: number } | null {
  if (/^\*/.test(token)) return { least: 0, most: Infinity };
  if (/^\+/.test(token)) return { least: 1, most: Infinity };
  if (/^\?/.test(token)) return { least: 0, most: 1 };
  const [, least, comma, end] = /^\{(\d+)(,?)(\d*)\}/.exec(token) ?? [];
  return least === undefined
    ? null
    : { least: Number(least), most: end !== "" ? Number(end) : comma === "," ? Infinity : Number(least) };
}
