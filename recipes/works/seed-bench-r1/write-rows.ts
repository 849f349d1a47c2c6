/**
 * SEED-Bench-R1 (arXiv:2503.24376), the data: what comes next in a video? Its frames are a row's pictures, the last one
 * the current observation, and the answer is one of four. Here a shape goes straight on from cell to cell; rows of the
 * benchmark itself are read by its layout, `benchmark: "seed-bench-r1"`.
 */
import { join } from "node:path";
import { createRandom } from "@papo/core";
import { drawsOf, type Draws } from "../../app/tasks/shapes/draws.ts";
import { cellName, colours, defaultGrid, shapes, type Colour, type Scene } from "../../app/tasks/shapes/scene.ts";
import { isScript, rowsFolder, writeDrawnRows, type DrawnRow } from "../drawn-rows.ts";

const cells = Array.from({ length: 9 }, (_, place) => cellName(Math.floor(place / 3), place % 3));
type Way = readonly [first: string, now: string, next: string];
const straight = [0, 1, 2].flatMap((line): Way[] => [
  [cellName(line, 0), cellName(line, 1), cellName(line, 2)],
  [cellName(0, line), cellName(1, line), cellName(2, line)],
]);
/** Three cells, one after the other, either way. */
const ways = straight.flatMap(([first, now, next]): Way[] => [
  [first, now, next],
  [next, now, first],
]);

/**
 * "red circle at a1 or c2 or a3 or b3 ?" after frames that show it at a1 and then at a2, beside one or two shapes that
 * stay. To go back is among the choices, so that the last frame alone does not say the answer.
 */
export function moveRow(id: string, draws: Draws): DrawnRow {
  const [first, now, next] = draws.pick(ways);
  const elsewhere = cells.filter((cell) => ![first, now, next].includes(cell));
  const [colour, still] = draws.choose(colours, 2) as [Colour, Colour];
  const symbol = draws.pick(shapes);
  const places = draws.choose(elsewhere, draws.integer(1, 2));
  const others = places.map((cell) => ({ cell, colour: still, symbol: draws.pick(shapes) }));
  const frame = (cell: string): Scene => ({
    grid: defaultGrid,
    objects: [{ cell, colour, symbol }, ...others].sort((a, b) => (a.cell < b.cell ? -1 : 1)),
  });
  const choices = draws.choose([first, next, ...draws.choose(elsewhere, 2)], 4);
  const looks = `${colour} ${symbol}`;
  const response = `<think> ${looks} ${first} , ${looks} ${now} ; ${next} </think> \\boxed{ ${next} }`;
  const prompt = `${looks} at ${choices.join(" or ")} ?`;
  return { id, prompt, answer: next, scenes: [frame(first), frame(now)], columns: { response } };
}

if (isScript(import.meta.url)) {
  const random = createRandom(24);
  for (const [name, count] of [
    ["train", 1200],
    ["unseen", 300],
  ] as const) {
    const rowAt = (index: number): DrawnRow => moveRow(`${name}-${index}`, drawsOf(random.key(name, index)));
    const rows = Array.from({ length: count }, (_, index) => rowAt(index));
    await writeDrawnRows(join(rowsFolder("seed-bench-r1"), `${name}.jsonl`), rows);
  }
}
