import { describe, expect, it, test } from "vitest";
import { createHost } from "../../../core/host/host.ts";
import { createRandom } from "../../../core/math/random.ts";
import type { EncodedPicture, Picture } from "../../../core/model/processing/picture.ts";
import type { PromptParts, View, ViewContext } from "../../../core/contracts/registered/views.ts";
import { makeSample } from "../../../core/testing.ts";
import { TapPlugin } from "../../support/bandit.ts";

const picture: Picture = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6), source: "two pixels" };
const patches: EncodedPicture = { hash: "h", grid: [1, 1, 2], pixels: Float32Array.of(0.5, 1, 1.5, 2) };
const row = { id: "r", prompt: "a", system: null, images: [], answer: "", fields: {} };
const context: ViewContext = { row, step: 1, response: null, random: createRandom(1), picture: 0 };
const parts: PromptParts = { prompt: "<image> a", system: null, pictures: [picture] };

/** A view as the host hands it on. */
const registered = (view: Partial<View>): View =>
  createHost([new TapPlugin(({ views }) => views.register({ name: "v", ...view }))], {
    seed: 1,
    hookSeconds: 0.02,
  }).views.get("v")!;
const raw = (change: (picture: Picture) => unknown) =>
  Promise.resolve(registered({ raw: change as never }).raw!(picture, context));
const patched = (change: (picture: EncodedPicture) => unknown) =>
  Promise.resolve(registered({ patches: change as never }).patches!(patches, context));
const prompted = (change: (parts: PromptParts) => unknown) =>
  Promise.resolve(registered({ prompt: change as never }).prompt!(parts, context));

describe("a view's picture", () => {
  it.each([
    [
      "whose pixels do not fit its size",
      () => ({ ...picture, width: 3 }),
      "a picture of 3 × 1 pixels with 6 bytes instead of 9",
    ],
    ["of no size", () => ({ ...picture, height: 0 }), "a picture of 2 × 0 pixels"],
    [
      "of another kind of numbers",
      () => ({ ...picture, data: [1, 2, 3, 4, 5, 6] }),
      "a picture whose data are [1, 2, 3, 4, 5, 6], no Uint8Array,",
    ],
    ["that is nothing", () => undefined, "nothing"],
    ["that is its data", () => picture.data, "a Uint8Array of 6 numbers"],
  ])("%s", async (_name, change, found) => {
    await expect(raw(change)).rejects.toThrow(
      `TapPlugin failed in view "v" (raw): it returned ${found}; return a picture whose data are width × height × 3 bytes`,
    );
  });

  it("may be changed in place: it is the view's own", async () => {
    const dark = await raw((copy) => (copy.data.fill(0), copy));
    expect([[...dark.data], [...picture.data]]).toEqual([
      [0, 0, 0, 0, 0, 0],
      [1, 2, 3, 4, 5, 6],
    ]);
    expect(await raw((copy) => copy)).toBe(picture);
  });

  it("has a limit of time", async () => {
    await expect(raw(() => new Promise(() => undefined))).rejects.toThrow(
      'TapPlugin failed in view "v" (raw): it gave no answer within 0.02 s',
    );
  });
});

describe("a view's patches", () => {
  it.each([
    ["of another grid", () => ({ ...patches, grid: [1, 2, 1] }), "patches of the grid [1, 2, 1] instead of [1, 1, 2]"],
    ["of another number", () => ({ ...patches, pixels: new Float32Array(3) }), "patches of 3 numbers instead of 4"],
    ["with NaN", () => ({ ...patches, pixels: Float32Array.of(1, NaN, 1, 1) }), "patches with NaN at 1"],
    ["that are nothing", () => undefined, "nothing"],
  ])("%s", async (_name, change, found) => {
    await expect(patched(change)).rejects.toThrow(
      `TapPlugin failed in view "v" (patches): it returned ${found}; return patches of the same grid, finite numbers`,
    );
  });

  it("may be changed in place: they are the view's own", async () => {
    expect([...(await patched((copy) => (copy.pixels.fill(0), copy))).pixels]).toEqual([0, 0, 0, 0]);
    expect([...patches.pixels]).toEqual([0.5, 1, 1.5, 2]);
  });
});

describe("a view's prompt", () => {
  it.each([
    ["without a text", () => ({ ...parts, prompt: undefined }), "the prompt nothing"],
    ["with a missing system turn", () => ({ prompt: "a", pictures: [] }), "the system turn nothing (null is none)"],
    [
      "with a wrong picture",
      () => ({ ...parts, pictures: [{ ...picture, width: 1 }] }),
      "a picture of 1 × 1 pixels with 6 bytes instead of 3",
    ],
  ])("%s", async (_name, change, found) => {
    await expect(prompted(change)).rejects.toThrow(
      `TapPlugin failed in view "v" (prompt): it returned ${found}; return { prompt, system, pictures }`,
    );
  });

  it("cannot change the pictures of all views", async () => {
    const before = picture.data.slice();
    await expect(prompted((given) => (given.pictures[0]!.data.fill(0), given))).rejects.toThrow(
      'it changed "original.pictures" in place, which all views share',
    );
    picture.data.set(before);
  });
});

test("a view's flags are one for each visual token, 0 or 1", () => {
  const dropped = (flags: unknown) => () => registered({ dropped: () => flags as never }).dropped!(3, context);
  expect(dropped([1, 0])).toThrow(
    'TapPlugin failed in view "v" (dropped): it returned 2 flags for the 3 visual tokens; return a list of 3 flags, 0 or 1',
  );
  expect(dropped([1, 0, 0.5])).toThrow("it returned the flag 0.5 at 2");
  expect(dropped(Promise.resolve([1, 0, 0]))).toThrow("it returned a promise, and nobody waits for it");
  expect(() => registered({ values: { deviations: "two" } as never })).toThrow(
    "it must be { deviations }, a finite number",
  );
  expect(dropped(undefined)).toThrow("it returned nothing");
  expect(dropped([true, false, true])()).toEqual([true, false, true]);
});

test("an auxiliary rollout's prompt is a prompt or null", () => {
  const asked = (prompt: unknown) => () =>
    createHost([new TapPlugin(({ auxiliary }) => auxiliary.register({ name: "a", prompt: () => prompt as never }))], {
      seed: 1,
    })
      .auxiliary.get("a")!
      .prompt(makeSample());
  expect(asked("Describe it.")).toThrow(
    'TapPlugin failed in auxiliary rollout "a" (prompt): it returned the text "Describe it."; return { prompt, system, pictures }, or null for none',
  );
  expect(asked(null)()).toBeNull();
});

test("a target gives tokens after so many of the response's own", () => {
  const target = (result: unknown) => () => {
    const host = createHost(
      [
        new TapPlugin(
          ({ scores }) =>
            void scores.request({ weights: "old", stage: "rewards", target: { name: "t", of: () => result as never } }),
        ),
      ],
      { seed: 1 },
    );
    return host
      .scores("rewards")[0]!
      .target!.of(makeSample({ length: 2 }), { encodeText: () => new Int32Array(0), decode: () => "" });
  };
  expect(target({ given: 3, tokens: Int32Array.of(1) })).toThrow(
    'TapPlugin failed in target "t" (of): it returned given 3 for a response of 2 tokens; return { given, tokens }',
  );
  expect(target({ given: 0, tokens: [1] })).toThrow("it returned tokens that are [1]");
  expect(target({ given: 2, tokens: Int32Array.of(1) })()).toMatchObject({ given: 2 });
});
