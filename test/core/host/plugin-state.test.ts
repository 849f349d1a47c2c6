import { expect, it } from "vitest";
import { PluginStates } from "../../../core/host/plugin-state.ts";

it("saves cells by plugin, in the order they were made, and fills them again", () => {
  const [saving, loading] = [new PluginStates(), new PluginStates()];
  const make = (states: PluginStates) =>
    [
      states.declare("A", { seen: [1, 2] }),
      states.declare("B", "none" as string | null),
      states.declare("A", 0),
    ] as const;
  const [list, word, number] = make(saving);
  list.value.seen.push(3);
  word.value = null;
  number.value = 0.1;
  const saved = saving.save();
  expect(JSON.parse(JSON.stringify(saved))).toEqual({ A: [{ seen: [1, 2, 3] }, 0.1], B: [null] });
  const loaded = make(loading);
  loading.load(saved);
  expect(loaded.map(({ value }) => value)).toEqual([{ seen: [1, 2, 3] }, null, 0.1]);
  list.value.seen.push(4);
  expect(loaded[0].value.seen).toEqual([1, 2, 3]);
});

it("copies the initial value, and what it saves", () => {
  const initial = { seen: [1] };
  const states = new PluginStates();
  const cell = states.declare("A", initial);
  const saved = states.save();
  cell.value.seen.push(2);
  expect(initial).toEqual({ seen: [1] });
  expect(saved).toEqual({ A: [{ seen: [1] }] });
});

it.each([
  [NaN, "NaN in state.deep[1]"],
  [undefined, "undefined in state.deep[1]"],
  [new Map(), "Map in state.deep[1]"],
  [Float32Array.of(1), "Float32Array in state.deep[1]"],
])("refuses to save %s, and says where it is", (value, words) => {
  const states = new PluginStates();
  states.declare("A", { deep: [0, value] });
  expect(() => states.save()).toThrow(`A keeps ${words}; state is saved as JSON`);
});

it("refuses what another recipe saved", () => {
  const states = new PluginStates();
  states.declare("A", 1);
  expect(() => {
    states.load({ A: [1], B: [2] });
  }).toThrow("The saved run holds state of B, which this recipe does not list");
  expect(() => {
    states.load({ A: [1, 2] });
  }).toThrow("A has 1 state cells and the saved run has 2 of it");
  expect(() => {
    states.load({});
  }).toThrow("A has 1 state cells and the saved run has 0 of it");
});
