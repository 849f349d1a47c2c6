/** Questions about what lies where. */
import { cellName, cellPlace, isColour, isSymbol, looksOf, objectAt, type Scene, type SceneObject } from "../scene.ts";
import type { QuestionKind } from "./kind.ts";

/** "what at a1 ?" → "a1 red circle ; red circle". */
export const at: QuestionKind = {
  name: "at",
  level: "easy",
  wholeList: false,
  digits: null,
  classes: null,
  ask(scene, draws) {
    const object = draws.pick(scene.objects);
    return { question: `what at ${object.cell} ?`, facts: [`${object.cell} ${looksOf(object)}`] };
  },
  conclude(facts, question) {
    const seen = readPlaced(facts[0]);
    return facts.length === 1 && seen !== null && seen.cell === question.split(" ")[2]
      ? { text: seen.looks, answer: seen.looks }
      : null;
  },
};

/** "a1 red circle" in its parts, or null. */
function readPlaced(fact = ""): { readonly cell: string; readonly looks: string } | null {
  const [cell = "", colour = "", symbol = "", ...rest] = fact.split(" ");
  return rest.length === 0 && isColour(colour) && isSymbol(symbol) ? { cell, looks: `${colour} ${symbol}` } : null;
}

const steps: Readonly<Record<string, readonly [row: number, column: number]>> = {
  right: [0, 1],
  left: [0, -1],
  below: [1, 0],
  above: [-1, 0],
};

function neighbour(scene: Scene, cell: string, direction: string): SceneObject | null {
  const place = cellPlace(cell, scene.grid);
  const step = steps[direction];
  if (place === null || step === undefined) return null;
  const [row, column] = [place.row + step[0], place.column + step[1]];
  return row < 0 || column < 0 ? null : objectAt(scene, cellName(row, column));
}

/**
 * "what right of red circle ?" → "red circle a1 , a2 blue cross ; blue cross". The object named is the only one of its
 * looks.
 */
export const relation: QuestionKind = {
  name: "relation",
  level: "easy",
  wholeList: false,
  digits: null,
  // Two neighbours share their colour oftener than once in five, since a scene has two or three colours.
  classes: ["equal", "other", "other", "other", "other"],
  ask(scene, draws) {
    const single = scene.objects.filter(
      (object) => scene.objects.filter((other) => looksOf(other) === looksOf(object)).length === 1,
    );
    const pairs = single.flatMap((object) =>
      Object.keys(steps).flatMap((direction) => {
        const other = neighbour(scene, object.cell, direction);
        return other === null ? [] : [{ object, direction, other }];
      }),
    );
    if (pairs.length === 0) return null;
    const { object, direction, other } = draws.pick(pairs);
    return {
      question: `what ${direction} of ${looksOf(object)} ?`,
      facts: [`${looksOf(object)} ${object.cell}`, `${other.cell} ${looksOf(other)}`],
    };
  },
  classOf: (asked, answer) => (asked.question.split(" ")[3] === answer.split(" ")[0] ? "equal" : "other"),
  conclude(facts, question) {
    const [, direction = "", , colour, symbol] = question.split(" ");
    const cell = (facts[0] ?? "").split(" ").at(-1) ?? "";
    const seen = readPlaced(facts[1]);
    const step = steps[direction];
    const widest = { rows: 4, columns: 4 };
    const [from, to] = [cellPlace(cell, widest), cellPlace(seen?.cell ?? "", widest)];
    if (
      facts.length !== 2 ||
      facts[0] !== `${colour} ${symbol} ${cell}` ||
      step === undefined ||
      from === null ||
      to === null
    )
      return null;
    const follows = to.row - from.row === step[0] && to.column - from.column === step[1];
    return follows && seen !== null ? { text: seen.looks, answer: seen.looks } : null;
  },
};
