/** What somebody may have meant by the name of an option that is not known. */
import { closest, distance } from "fastest-levenshtein";

/** A name that is no option here. */
export interface StrangeOption {
  /** Whose options they are, see `parseOptions`. */
  readonly owner: string;
  readonly name: string;
  /** The objects that it stands in, outermost first; empty at the top. */
  readonly path: readonly string[];
  /** What it was given. */
  readonly value: unknown;
  /** Options of that object. */
  readonly known: readonly string[];
  /** All options there are, nested ones by path. */
  readonly paths: readonly string[];
}

/** What to write for a name that others have: each an answer to "did you mean …?". */
export type NameAdviser = (name: string, owner: string) => readonly string[];

const advisers: NameAdviser[] = [];

/** Let error messages about unknown options know further names, those of other libraries say. */
export function adviseOnNames(adviser: NameAdviser): void {
  if (!advisers.includes(adviser)) advisers.push(adviser);
}

/** What advisers say of a name among the options of `owner`. */
export const adviceOn = (name: string, owner: string): string[] => [
  ...new Set(advisers.flatMap((adviser) => adviser(name, owner))),
];

/** "optimizer.maxGradientNorm", "learning_rate" and "LearningRate" by their letters. */
const letters = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** The nearest of several names, letters alone compared; null where none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  if (known.length === 0) return null;
  const near = closest(letters(name), known.map(letters));
  return distance(letters(name), near) <= (near.length < 5 ? 1 : Math.max(2, near.length / 3))
    ? known.find((candidate) => letters(candidate) === near)!
    : null;
}

/** Words for "did you mean …?", quoted where they are names; null where nothing is near. */
export function guessOption({ owner, name, path, value, known, paths }: StrangeOption): string | null {
  const last = (full: string): string => full.split(".").at(-1)!;
  const alike = known.filter((key) => letters(key) === letters(name));
  const elsewhere =
    alike.length > 0
      ? []
      : paths.filter((full) => letters(last(full)) === letters(name) && full !== [...path, name].join("."));
  // An object of a library's own names: what is in it says more than its name.
  const full = [...path, name].join(".");
  const advice = [full, ...insideOf(value, full)].flatMap((inner) => adviceOn(inner, owner));
  const guesses = [...alike, ...elsewhere]
    .map((guess) => `"${guess}"`)
    .filter((guess) => !advice.some((words) => words.startsWith(guess)));
  if (guesses.length + advice.length > 0) return [...guesses, ...advice].join(" or ");
  const near = nearest(name, known) ?? nearest(name, paths.map(last));
  return near === null
    ? null
    : `"${known.includes(near) ? near : paths.find((candidate) => last(candidate) === near)!}"`;
}

/** Paths of what an object holds. */
function insideOf(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => [`${path}.${key}`, ...insideOf(inner, `${path}.${key}`)]);
}
