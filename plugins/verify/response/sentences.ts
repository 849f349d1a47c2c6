/** Answers that are said in a sentence: "the answer is …", "B is correct", "Yes, it is.", "It is red." */
import { stated } from "../notation/words.ts";
import { letterOf } from "../choices/letters.ts";
import { formulasIn, lastIn, withTrailing } from "./formulas.ts";

const cues =
  /\b(?:answers?|(?:correct|right|best)\s+(?:option|choice)|(?:option|choice)(?=\s+is\b))(?:\s*\*{0,2}\s*(?:is|are|:|=|would be|should be|must be)\s*:?)\s*\*{0,2}|(?:答案|选项|结果|结论)\s*(?:应该|应)?\s*(?:是|为|选|:)\s*:?\s*|(?:故|应|因此|所以|可)?选(?:择)?\s*:?\s*(?=\(?[A-J])/gi;
const letter = "\\(?([A-Ja-j])\\)?";
/** Sentences that name the choice. */
const claims = [
  new RegExp(
    `^(?:so|thus|hence|therefore|then|it is|it's|i'd say|this is|that is|,|\\s)*(?:the\\s+)?(?:option|choice)\\s*:?\\s*${letter}(?![a-zA-Z])`,
    "i",
  ),
  new RegExp(`^(?:so|thus|hence|therefore|then)[\\s,:]*${letter.replace("A-Ja-j", "A-J")}$`, "i"),
  new RegExp(
    `(?:^|[\\s,*])(?:option\\s+|choice\\s+)?${letter.replace("A-Ja-j", "A-J")}\\*{0,2}\\s+is\\s+(?:clearly\\s+|therefore\\s+)?(?:the\\s+)?(?:correct|right|best|true)(?![a-zA-Z])`,
  ),
  new RegExp(
    `\\b(?:choose|pick|select|go with|chose|selected)\\s+(?:the\\s+)?(?:option\\s+|choice\\s+|answer\\s+)?${letter.replace("A-Ja-j", "A-J")}(?![a-zA-Z])`,
  ),
  new RegExp(`(?:选项\\s*)?${letter.replace("A-Ja-j", "A-J")}\\s*(?:选项|项)?\\s*(?:是\\s*)?正确`),
];
const denial = /\b(?:not|isn't|cannot|can't|n't|wrong|incorrect|false|neither|nor|or|either|unless|if)\b|不|错误|或/i;
/** What takes back the sentences before it. */
const corrections =
  /\b(?:wait|actually|correction|scratch that|on second thought|my mistake|i made an? (?:mistake|error)|let me re-?\w+|sorry)\b|不对|等等|更正/gi;
const reason = /^(.{1,60}?),?\s+(?:because|since|as|due to|given that|so that|which|where|after|by)\s.*$/is;
/** Predicates that say something of the work and not of the question. */
const generic =
  /^(?:correct|right|valid|shown|given|clear|done|found|known|obvious|visible|complete|finished|needed|required|possible|solved|satisfied|consistent|equal|the same|wrong|incorrect|as follows|unknown|unclear)$/i;

/** "### Answer" on a line of its own. */
const heading = /^[#*\s]*(?:final\s+)?answer[*\s]*:?[*]*\s*\n+/gim;

/** The answer that a text without boxes and tags gives; null where it gives none. */
export function answerInSentences(response: string): string | null {
  const text = response.replace(heading, "Answer: ");
  const corrected = [...text.matchAll(corrections)].at(-1);
  const own =
    corrected === undefined ? text : text.slice(corrected.index + corrected[0].length).replace(/^[\s,.:;!…-]+/, "");
  return (
    wholeAnswer(own) ??
    afterCue(own) ??
    claimedChoice(own) ??
    yesOrNo(own) ??
    predicate(own) ??
    (takenBack(own) ? null : lastIn(withoutDenied(own)))
  );
}

/** "12 is not the answer.", "I cannot tell whether it is 12." */
const takenBack = (text: string): boolean =>
  /\b(?:is|are)\s*(?:n't|not)\s+(?:the\s+)?(?:\w+\s+)?(?:answer|correct|right)|\bis\s+(?:wrong|incorrect)\b|不是答案|\b(?:can't|cannot|can not|couldn't|unable to|don't|do not|not\s+(?:sure|certain|clear)|unclear|unsure)\b.{0,40}\b(?:tell|know|say|whether|if)\b|\b(?:not\s+(?:sure|certain|clear)|unclear|unsure)\s+(?:whether|if|that)\b/i.test(
    sentencesOf(text).at(-1) ?? "",
  );

/** "It is 4, not 5.", "答案不是3": what is said not to be the answer is none. */
const denied =
  /(?:\b(?:not|never|cannot|can't|isn't|aren't|wasn't|won't|neither|nor|rather than|instead of)\s+(?:(?:be|is|equal(?:s)?(?:\s+to)?|exactly|simply|just|only|the answer|the number)\s+)*|(?:不是|不等于|不为|不会是|不可能是|并非|而非)\s*)\$?[-−]?\d[\d.,/]*\$?/gi;
const withoutDenied = (text: string): string =>
  text.replace(denied, (found) => (/\bnot only\b/i.test(found) ? found : " "));

/** A short text that is nothing but an answer: a formula, a word or a few. */
export function wholeAnswer(text: string): string | null {
  if (text.length >= 200) return null;
  const whole = withoutFormulaSigns(text)
    .replace(/\*\*/g, " ")
    .trim()
    .replace(/(?<=[^.])[.!]$/, "")
    .replace(/^(["'])(.*)\1$/s, "$2");
  if (looksLikeMath(whole) || /^\(?[A-J](?:\)|[.:])\s*\S[^\n]{0,100}$/.test(whole)) return whole;
  return whole !== "" &&
    whole.length < 60 &&
    !/[\d\n.!?;:\\=]/.test(whole) &&
    !/\b(?:i|we|you|it|is|are|was|were|be|do|does|did|don't|can|cannot|can't|know|think|sorry|unable|not|there|so|thus|hence|therefore|then|because|since|as)\b|[,选是为]|答案/i.test(
      whole,
    ) &&
    /^[\p{L} '’()-]+$/u.test(whole)
    ? whole
    : null;
}

function afterCue(text: string): string | null {
  const cue = [...text.matchAll(cues)].at(-1);
  if (cue === undefined) return null;
  const rest = text.slice(cue.index + cue[0].length);
  const sentence = withoutFormulaSigns(sentenceOf(rest))
    .replace(/\*\*/g, " ")
    .replace(/[\s.*]+$/, "")
    .trim();
  if (looksLikeMath(sentence)) return sentence;
  const instead = /^not\s+.{1,40}?,?\s+but\s+(?:rather\s+)?(.{1,60})$/is.exec(sentence)?.[1];
  if (instead !== undefined) return instead;
  if (/^(?:not|neither|never|n't|unlikely|no longer|unknown|不)\b/i.test(sentence)) return sentence;
  const head = reason.exec(sentence)?.[1]?.trim();
  if (head !== undefined && head !== "" && (looksLikeMath(head) || /^[\p{L} ()-]+$/u.test(head))) return head;
  const own = formulasIn(rest)[0];
  if (own !== undefined && rest.slice(0, own.start).trim().length < 4) return withTrailing(rest, own);
  if (letterOf(sentence) !== null) return sentence;
  const found = lastIn(sentenceOf(rest));
  if (found !== null) return found;
  const words = sentenceOf(rest).replace(/^[\s*]+|[\s.*]+$/g, "");
  return words !== "" && words.length < 60 ? words : null;
}

/** The choice that the last sentence claims, if it is one and not denied. */
function claimedChoice(text: string): string | null {
  const sentence = sentencesOf(text).at(-1) ?? "";
  if (denial.test(sentence)) return null;
  const found = claims.flatMap((claim) => claim.exec(sentence.trim().replace(/[.!]$/, ""))?.[1] ?? []);
  return found.length > 0 && new Set(found.map((one) => one.toUpperCase())).size === 1 ? found[0]!.toUpperCase() : null;
}

/** "Yes, it is." A text that also states the other gives none. */
function yesOrNo(text: string): string | null {
  const found = sentencesOf(text.slice(0, 2000)).flatMap((sentence) => stated(sentence) ?? []);
  return found.length > 0 &&
    text.length < 2000 &&
    new Set(found).size === 1 &&
    !/^\W*(?:yes\W+no|no\W+yes)\b/i.test(text)
    ? found[0]!
    : null;
}

/** What the last clause of a short text says something is, where that is words: "It is red." */
function predicate(text: string): string | null {
  if (text.length > 300) return null;
  const clause = (sentencesOf(text).at(-1) ?? "").split(/[;,]\s|\b(?:so|and|but)\b/).at(-1)!;
  const found =
    /(?:^|\s)(?:is|are|was|were|it's|equals)\s+([\p{L}' -]{2,40})$|(?:是|为)\s*(\p{Script=Han}{1,12})$/u.exec(
      clause.replace(/[\s.!*]+$/, ""),
    );
  const words = (found?.[1] ?? found?.[2])?.trim();
  return words === undefined || words.split(/\s+/).length > 5 || generic.test(words) || denial.test(words)
    ? null
    : words;
}

const sentencesOf = (text: string): string[] =>
  text
    .slice(-2000)
    .split(/(?<=[.!?])\s+|\n+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");

const sentenceOf = (text: string): string => /^[\s\S]*?(?:\.(?=\s|$|\*)|\n|$)/.exec(text.trimStart().slice(0, 400))![0];

export const withoutFormulaSigns = (text: string): string => text.replace(/\\\$/g, " ").replace(/\$+|\\[()[\]]/g, " ");

/** No words of a sentence: commands, numbers, single letters, names of functions and units. */
function looksLikeMath(text: string): boolean {
  if (text === "" || /[.!?]\s+\S/.test(text)) return false;
  const bare = text
    .replace(/\\(?:text(?:bf|it|rm|normal)?|mbox|mathrm|operatorname)\s*\{[^{}]*\}/g, " ")
    .replace(/\\[a-zA-Z]+/g, " ")
    .replace(/(?<=[\d}%°]\s?)\p{Script=Han}{1,4}(?![\p{L}])|(?<=[\dA-Za-z}]\s?)[或和与](?=\s?[\dA-Za-z\\-])/gu, " ")
    .replace(
      /(?<=\d\s?)(?:square|cubic)?\s?(?:centi|milli|kilo)?(?:meters?|metres?|feet|foot|inch(?:es)?|miles|yards|degrees?(?:\s(?:Celsius|Fahrenheit))?|units?|dollars|hours|minutes|seconds|days|liters?|grams?)\b/g,
      " ",
    );
  return (
    (!/\p{Script=Han}/u.test(bare) &&
      (bare.match(/[a-zA-Z]{3,}/g) ?? []).every((word) =>
        /^(?:and|or|sin|cos|tan|cot|sec|csc|log|exp|sqrt|arc[a-z]+|inf|infinity|percent|percentage|pct|pmatrix|bmatrix|matrix|array|mph|[A-Z]{2,5})$/.test(
          word,
        ),
      )) ||
    /^[a-zA-Z]+$/.test(text)
  );
}
