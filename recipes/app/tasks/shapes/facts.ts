/** Whether what a response says about a picture is true of its scene. */
import { isColour, isDigit, isSymbol, objectAt, objectsWith, type Scene } from "./scene.ts";

/**
 * The truth of a single statement: "red 2" (so many are red), "a1 red", "a1 red circle", "red circle a1", "largest 6
 * b2". Anything else is not true.
 */
export function holds(fact: string, scene: Scene): boolean {
  const words = fact.split(" ");
  const [first = "", second = "", third = ""] = words;
  if (words.length === 2 && (isColour(first) || isSymbol(first)))
    return String(objectsWith(scene, first).length) === second;
  if (words.length === 3 && first === "largest") return isLargestDigit(scene, second, third);
  if (words.length === 3 && isColour(first)) return hasLooks(scene, third, [first, second]);
  return (words.length === 2 || words.length === 3) && hasLooks(scene, first, words.slice(1));
}

function hasLooks(scene: Scene, cell: string, looks: readonly string[]): boolean {
  const object = objectAt(scene, cell);
  return object !== null && looks.every((word) => word === object.colour || word === object.symbol);
}

function isLargestDigit(scene: Scene, digit: string, cell: string): boolean {
  const all = scene.objects.map((object) => object.symbol).filter(isDigit);
  return (
    objectAt(scene, cell)?.symbol === digit && all.every((other) => Number(other) <= Number(digit)) && isDigit(digit)
  );
}

export interface FactCheck {
  /** Stated, and not true. */
  readonly untrue: readonly string[];
  /** Expected, and not stated. */
  readonly missing: readonly string[];
}

/**
 * Compare statements with those expected. Of a whole list every entry too many is untrue; other statements are looked
 * up in the scene.
 */
export function checkFacts(
  stated: readonly string[],
  expected: readonly string[],
  scene: Scene,
  wholeList: boolean,
): FactCheck {
  const extra = without(stated, expected);
  return {
    untrue: wholeList ? extra : extra.filter((fact) => !holds(fact, scene)),
    missing: without(expected, stated),
  };
}

/** The entries of a list that are left when those of another are taken out, one for one. */
function without(list: readonly string[], taken: readonly string[]): string[] {
  const left = [...taken];
  return list.filter((entry) => {
    const index = left.indexOf(entry);
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
}
