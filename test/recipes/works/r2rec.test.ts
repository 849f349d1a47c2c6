import { createRandom } from "@papo/core";
import { expect, test } from "vitest";
import { drawsOf } from "../../../recipes/app/tasks/shapes/draws.ts";
import { looksOf } from "../../../recipes/app/tasks/shapes/scene.ts";
import { vocabulary } from "../../../recipes/app/tasks/shapes/vocabulary.ts";
import { chainRow, drawUser, sampleChain, sharedWord, type User } from "../../../recipes/works/r2rec/write-rows.ts";

const draws = drawsOf(createRandom(2));
const users = Array.from({ length: 60 }, () => drawUser(draws));

test("a user takes all liked items but the one to be recommended, and one other", () => {
  for (const { likes, next, took } of users) {
    const liked = took.filter((item) => item.split(" ").includes(likes));
    expect(next.split(" ")).toContain(likes);
    expect(took).not.toContain(next);
    expect([took.length - liked.length, new Set([...took, next]).size]).toEqual([1, took.length + 1]);
  }
});

test("a chain closes over two items that two users have in common; without such a user there is none", () => {
  const user = (...took: string[]): User => ({ likes: "red", next: "red cross", took });
  const [u0, near, far] = [
    user("red circle", "red square", "blue cross"),
    user("red square", "red circle"),
    user("blue cross", "green cross"),
  ];
  expect([...sampleChain([u0, near, far], u0, draws)!].sort()).toEqual(["red circle", "red square"]);
  expect(sampleChain([u0, far], u0, draws)).toBeNull();
  expect([
    sharedWord("red circle", "red cross"),
    sharedWord("red cross", "blue cross"),
    sharedWord("red circle", "blue cross"),
  ]).toEqual(["red", "cross", null]);
});

test("a row asks for what comes next among four items of the picture, one of which is liked", () => {
  let traces = 0;
  for (const [index, user] of users.entries()) {
    const row = chainRow(`r-${index}`, users, user, draws);
    if (row === null) continue;
    const [, i0, i1] = /^1 (\w+ \w+) 2 (\w+ \w+) 1 ; what more \?$/.exec(row.prompt)!;
    expect(user.took).toEqual(expect.arrayContaining([i0, i1]));
    const shown = row.scenes[0]!.objects.map(looksOf);
    expect([shown.length, shown.filter((item) => item.split(" ").includes(user.likes))]).toEqual([4, [user.next]]);
    expect(row.answer).toBe(user.next);
    const response = row.columns!["response"] as string | undefined;
    if (response !== undefined) traces++;
    expect(response).toBe(
      sharedWord(i0!, i1!) === null
        ? undefined
        : `<think> ${i0!} , ${i1!} ; ${sharedWord(i0!, i1!)!} </think> \\boxed{ ${user.next} }`,
    );
    for (const word of `${row.prompt} ${response ?? ""}`.trim().split(" ")) expect(vocabulary).toContain(word);
  }
  expect(traces).toBeGreaterThan(20);
});
