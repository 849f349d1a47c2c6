/**
 * Words: which runs of letters are words rather than products of letters, what they count, and the numbers that they
 * name.
 */
import { constants, functions } from "./names.ts";

/** Two letters that are a word; others are variables, choices or products. */
const short = new Set("no on up in is it of at to by an as be do go he if me my so us we ok am or".split(" "));

/** Words after a number that say more than what is counted. */
const modifiers = new Set(
  (
    "or and not no nor more less fewer greater larger smaller than least most is are was were be it its isn't but if to between about approximately roughly nearly almost plus minus " +
    "times over under above below up down at away from because since so wrong incorrect correct right actually instead wait rather maybe perhaps probably unless except both neither either " +
    "half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths eighth eighths tenth tenths hundredth hundredths thousandth squared cubed factorial negative positive remainder " +
    "with without out can't cannot never none zero"
  ).split(" "),
);

const multipliers: Readonly<Record<string, bigint>> = {
  dozen: 12n,
  hundred: 100n,
  thousand: 1000n,
  million: 1_000_000n,
  billion: 1_000_000_000n,
  trillion: 1_000_000_000_000n,
  万: 10_000n,
  亿: 100_000_000n,
};

const ones =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const tens = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");

/**
 * Whether letters, blanks, hyphens and apostrophes are words: a run of three letters, or a short common word, and no
 * name of a function or constant.
 */
export function areWords(text: string): boolean {
  const runs = text.match(/[a-zA-Z]+/g) ?? [];
  if (/[^\x00-\x7f]/.test(text)) return true;
  return (
    runs.some((run) => run.length >= 3 || short.has(run.toLowerCase())) &&
    !runs.some((run) => functions.has(run) || Object.hasOwn(constants, run) || run === "sqrt")
  );
}

/** Whether words after a number may only say what is counted: "apples", "red balls"; not "or more". */
export const mayBeCounted = (words: string): boolean =>
  !words
    .toLowerCase()
    .split(/[^\p{L}']+/u)
    .some((word) => modifiers.has(word)) && !/[\d=<>+*/\\]/.test(words.replace(/\\[,; ]/g, ""));

/** What a word after a number multiplies it by: 1,000 for "thousand"; null for other words. */
export const multiplierOf = (word: string): bigint | null =>
  multipliers[
    word
      .trim()
      .toLowerCase()
      .replace(/(?<=[a-z])s$/, "")
  ] ?? null;

/** The whole number below a million that words name, "minus two thousand" too; null where they name none. */
export function numberNamed(words: string): bigint | null {
  const [, sign, own = ""] = /^(minus |negative )?(.*)$/is.exec(words.trim()) ?? [];
  const [, thousands, rest] = /^(.+?)\s+thousand(?:\s+(?:and\s+)?(.+))?$/is.exec(own) ?? [];
  const high = thousands === undefined ? 0n : smallNamed(thousands.replace(/^a$/i, "one"));
  const low = thousands !== undefined && rest === undefined ? 0n : smallNamed(rest ?? own);
  if (high === null || low === null) return null;
  return (sign === undefined ? 1n : -1n) * (1000n * high + low);
}

/** The whole number from 0 to 999 that words name. */
function smallNamed(words: string): bigint | null {
  const [, hundreds, , rest] =
    /^(?:(\w+) hundred(?:( and)? )?)?(.*)$/.exec(words.toLowerCase().trim().replace(/\s+/g, " ")) ?? [];
  const high = hundreds === undefined ? 0 : ones.indexOf(hundreds === "a" ? "one" : hundreds);
  if (high < 0 || high > 9 || (hundreds !== undefined && high === 0)) return null;
  if (rest === undefined || rest === "") return hundreds === undefined ? null : BigInt(high * 100);
  const [first = "", second] = rest.split(/[\s-]/, 2);
  const ten = tens.indexOf(first);
  const low =
    ten < 0
      ? second === undefined
        ? ones.indexOf(first)
        : -1
      : 20 + 10 * ten + (second === undefined ? 0 : ones.indexOf(second));
  return low < 0 ||
    (ten >= 0 && second !== undefined && !(ones.indexOf(second) >= 1 && ones.indexOf(second) <= 9)) ||
    rest.split(/[\s-]/).length > 2
    ? null
    : BigInt(high * 100 + low);
}

/** "one half", "two thirds", "three-quarters" as over and under; null for other words. */
export function fractionNamed(words: string): readonly [over: bigint, under: bigint] | null {
  const [, over, part] = /^(?:(an?|\w+)[\s-])?(\w+?)(?:s|ves)?$/.exec(words.toLowerCase().trim()) ?? [];
  const under = parts.indexOf(part === "hal" ? "half" : part === "fourth" ? "quarter" : (part ?? ""));
  if (under < 0) return null;
  // A third may be who comes after the second.
  if (over === undefined && under > 0) return null;
  const count = over === undefined || over === "a" || over === "an" ? 1 : ones.indexOf(over);
  return count < 1 ? null : [BigInt(count), BigInt(under + 2)];
}
const parts = "half third quarter fifth sixth seventh eighth ninth tenth".split(" ");

/** "yes" or "no" where words state it: "Yes, it is", "no, there is none"; null for other words. */
export const stated = (words: string): "yes" | "no" | null =>
  (/^\s*(yes|no)(?:[,.;:!]|\s[-–—]\s|\s*$)(?!\s*\d|\W*(?:or|and|yes|no)\b)/i.exec(words)?.[1]?.toLowerCase() ??
    null) as "yes" | "no" | null;
