import { expect, test } from "vitest";
import { createHost } from "../../../core/host/host.ts";
import type { KeptRoom } from "../../../core/contracts/step/carried-group.ts";
import { carriedGroup } from "../../../core/contracts/step/carried-group.ts";
import { makeGroup, makeSample } from "../../../core/testing/samples.ts";
import { TapPlugin } from "../../support/bandit.ts";

const hostWith = (...rooms: readonly (KeptRoom | undefined)[]) => {
  const cells: { value: readonly ReturnType<typeof makeGroup>[] }[] = [];
  const host = createHost(
    [
      new TapPlugin(({ keptGroups }) =>
        rooms.forEach((room) => cells.push(keptGroups(room) as (typeof cells)[number])),
      ),
    ],
    { seed: 1 },
  );
  return { host, cells };
};

test("rooms add up over cells; a cell without one is not counted", () => {
  expect(hostWith({ atMost: 8, beside: 2 }, { atMost: 3 }, undefined).host.keptGroups.room()).toEqual({
    atMost: 11,
    beside: 2,
  });
  expect(hostWith(undefined).host.keptGroups.room()).toEqual({ atMost: 0, beside: 0 });
});

test("more groups than a cell has room for are refused, and what it held stays", () => {
  const {
    cells: [cell],
  } = hostWith({ atMost: 1 });
  const [a, b] = ["a", "b"].map((key) => makeGroup({ key, samples: [makeSample({ prompt: key })] }));
  cell!.value = [a!];
  expect(() => (cell!.value = [a!, b!])).toThrow(
    "it keeps 2 groups and asked for room for 1; let older ones go, or ask for more with keptGroups({ atMost })",
  );
  expect(cell!.value).toEqual([a]);
});

test.each<[KeptRoom, string]>([
  [{ atMost: 0 }, "asks for room for kept groups with the atMost 0; it must be a whole number from 1"],
  [{} as KeptRoom, "asks for room for kept groups with the atMost nothing"],
  [{ atMost: 4, beside: -1 }, "with the beside -1; it must be a whole number from 0"],
  [{ atMost: 4, beside: 5 }, "asks to train on 5 kept groups beside a step's own and keeps 4 at most; keep more"],
  [{ atMost: 4, besides: 2 } as KeptRoom, "besides"],
])("%j is no room", (room, message) => {
  expect(() => hostWith(room)).toThrow(message);
});

test("a group is carried under a key of its own, without the views of its responses, once", () => {
  const sample = makeSample({ prompt: "a" });
  const seen = { ...sample, views: new Map([...sample.views, ["own", sample.views.get("original")!] as const]) };
  const carried = carriedGroup(makeGroup({ key: "a", samples: [seen] }), 3, { oldLogProbs: "sampled" });
  expect(carried).toMatchObject({ key: "a (step 3)", carried: true, oldLogProbs: "sampled" });
  expect(carried.samples[0]!.views).toBe(sample.prompt.views);
  expect(carriedGroup(carried, 4)).toBe(carried);
});
