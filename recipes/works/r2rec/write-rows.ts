/**
 * R2Rec (arXiv:2506.05069), the data: chains sampled from a graph of users and what they took, u0 → i0 → u1 → i1 → u0.
 * The chain is the question; what u0 takes next is among the items in the picture. The graph here is made up: each user
 * likes a colour or a shape, takes all such items but one, and one other. With a graph of your own keep `sampleChain`.
 */
import { join } from "node:path";
import { createRandom } from "@papo/core";
import { drawsOf, type Draws } from "../../app/tasks/shapes/draws.ts";
import { cellName, colours, defaultGrid, shapes, type Scene, type SceneObject } from "../../app/tasks/shapes/scene.ts";
import { isScript, rowsFolder, writeDrawnRows, type DrawnRow } from "../drawn-rows.ts";

export interface User {
  /** Items in the graph. */
  readonly took: readonly string[];
  /** Held out: what is to be recommended. */
  readonly next: string;
  readonly likes: string;
}

const items = colours.flatMap((colour) => shapes.map((shape) => `${colour} ${shape}`));
const isLiked = (item: string, likes: string): boolean => item.split(" ").includes(likes);

export function drawUser(draws: Draws): User {
  const likes = draws.pick([...colours, ...shapes]);
  const liked = items.filter((item) => isLiked(item, likes));
  const [next, ...took] = draws.choose(liked, liked.length) as [string, ...string[]];
  return { likes, next, took: [...took, draws.pick(items.filter((item) => !liked.includes(item)))] };
}

/** i0 and i1, two items that u0 has in common with another user u1; null where there is no such user. */
export function sampleChain(users: readonly User[], u0: User, draws: Draws): readonly [string, string] | null {
  const shared = (other: User): string[] => other.took.filter((item) => u0.took.includes(item));
  const others = users.filter((other) => other !== u0 && shared(other).length >= 2);
  return others.length === 0 ? null : (draws.choose(shared(draws.pick(others)), 2) as [string, string]);
}

/** The word that two items share; null where they share none, and the chain says nothing. */
export const sharedWord = (a: string, b: string): string | null =>
  a.split(" ").find((word) => b.split(" ").includes(word)) ?? null;

/**
 * A row of a user: four items in the picture, one of them what the user takes next. Its column `response` has the
 * thoughts along the chain to learn from, where the chain says something. Null where there is no chain.
 */
export function chainRow(id: string, users: readonly User[], user: User, draws: Draws): DrawnRow | null {
  const chain = sampleChain(users, user, draws);
  if (chain === null) return null;
  const [i0, i1] = chain;
  const unliked = items.filter((item) => !isLiked(item, user.likes) && !user.took.includes(item));
  const word = sharedWord(i0, i1);
  const columns = word === null ? {} : { response: `<think> ${i0} , ${i1} ; ${word} </think> \\boxed{ ${user.next} }` };
  const scenes = [sceneOf([user.next, ...draws.choose(unliked, 3)], draws)];
  return { id, prompt: `1 ${i0} 2 ${i1} 1 ; what more ?`, answer: user.next, scenes, columns };
}

function sceneOf(candidates: readonly string[], draws: Draws): Scene {
  const places = draws.choose([0, 1, 2, 3, 4, 5, 6, 7, 8], candidates.length).sort((a, b) => a - b);
  const objects = draws.choose(candidates, candidates.length).map((item, index) => {
    const [colour, symbol] = item.split(" ") as [SceneObject["colour"], SceneObject["symbol"]];
    return { cell: cellName(Math.floor(places[index]! / 3), places[index]! % 3), colour, symbol };
  });
  return { grid: defaultGrid, objects };
}

if (isScript(import.meta.url)) {
  const draws = drawsOf(createRandom(23));
  const users = Array.from({ length: 300 }, () => drawUser(draws));
  const rowsOf = (name: string, own: readonly User[], chains: number): DrawnRow[] =>
    own.flatMap((user, index) => {
      const rowOf = (_: unknown, chain: number): DrawnRow | null =>
        chainRow(`${name}-${index}-${chain}`, users, user, draws);
      return Array.from({ length: chains }, rowOf).filter((row) => row !== null);
    });
  const train = rowsOf("train", users.slice(0, 200), 4);
  const write = (name: string, rows: readonly DrawnRow[]): Promise<void> =>
    writeDrawnRows(join(rowsFolder("r2rec"), `${name}.jsonl`), rows);
  await write("train", train);
  await write(
    "traces",
    train.filter(({ columns }) => columns!["response"] !== undefined),
  );
  await write("unseen", rowsOf("unseen", users.slice(200), 3));
}
