/** Questions about what lies where. */
import { cellName, cellPlace, isColour, isSymbol, objectAt, type Scene, type SceneObject } from "../scene.ts";
import type { QuestionKind } from "./kind.ts";

/** "what colour at a1 ?" → "a1 red ; red"; "what symbol at b2 ?" → "b2 circle ; circle". */
export const at: QuestionKind = {
  name: "at",
  level: "easy",
  wholeList: false,
  digits: null,
  classes: null,
  ask(scene, draws) {
    const { cell, colour, symbol } = draws.pick(scene.objects);
    return draws.uniform() < 0.5
      ? { question: `what colour at ${cell} ?`, facts: [`${cell} ${colour}`] }
      : { question: `what symbol at ${cell} ?`, facts: [`${cell} ${symbol}`] };
  },
  conclude(facts, question) {
    const [cell, value = "", ...rest] = (facts[0] ?? "").split(" ");
    const [, wanted, , asked] = question.split(" ");
    const fits = wanted === "colour" ? isColour(value) : isSymbol(value);
    return facts.length === 1 && rest.length === 0 && cell === asked && fits ? { text: value, answer: value } : null;
  },
};

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

/** "what colour right of red circle ?" → "red circle a1 , a2 blue ; blue". The object named is the only one of its looks. */
export const relation: QuestionKind = {
  name: "relation",
  level: "easy",
  wholeList: false,
  digits: null,
  classes: ["equal", "other", "other", "other", "other"],
  ask(scene, draws) {
    const looks = (object: SceneObject): string => `${object.colour} ${object.symbol}`;
    const single = scene.objects.filter((object) => scene.objects.filter((other) => looks(other) === looks(object)).length === 1);
    const pairs = single.flatMap((object) =>
      Object.keys(steps).flatMap((direction) => {
        const other = neighbour(scene, object.cell, direction);
        return other === null ? [] : [{ object, direction, other }];
      }),
    );
    if (pairs.length === 0) return null;
    const { object, direction, other } = draws.pick(pairs);
    return {
      question: `what colour ${direction} of ${looks(object)} ?`,
      facts: [`${looks(object)} ${object.cell}`, `${other.cell} ${other.colour}`],
    };
  },
  classOf: (asked, answer) => (asked.question.split(" ")[4] === answer ? "equal" : "other"),
  conclude(facts, question) {
    const [colour, symbol, cell = ""] = (facts[0] ?? "").split(" ");
    const [otherCell = "", answer = ""] = (facts[1] ?? "").split(" ");
    const words = question.split(" ");
    const step = steps[words[2] ?? ""];
    const widest = { rows: 4, columns: 4 };
    const [from, to] = [cellPlace(cell, widest), cellPlace(otherCell, widest)];
    if (facts.length !== 2 || step === undefined || from === null || to === null || !isColour(answer)) return null;
    const follows =
      colour === words[4] && symbol === words[5] && to.row - from.row === step[0] && to.column - from.column === step[1];
    return follows ? { text: answer, answer } : null;
  },
};
