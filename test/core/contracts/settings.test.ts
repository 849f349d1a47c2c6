import { expect, test } from "vitest";
import { parseSettings, settingsSchema } from "../../../core/contracts/settings.ts";

test("every setting has a default, nested ones too", () => {
  const settings = parseSettings();
  expect(Object.keys(settings).sort()).toEqual(Object.keys(settingsSchema.shape).sort());
  expect(settings.sampling).toEqual({ temperature: 1, topP: 1, topK: 0, maxNewTokens: 256 });
  expect(parseSettings({ sampling: { topP: 0.9 } }).sampling).toEqual({
    temperature: 1,
    topP: 0.9,
    topK: 0,
    maxNewTokens: 256,
  });
});

test("an unknown setting is an error that names it and the nearest known one", () => {
  const misspelt = { learningrate: 1 } as object;
  expect(() => parseSettings(misspelt)).toThrow(/RunSettings.*learningrate.*learningRate/s);
});

test("a value out of range is an error that names the setting", () => {
  expect(() => parseSettings({ sampling: { temperature: 0 } })).toThrow(/sampling\.temperature/);
  expect(() => parseSettings({ steps: 0 })).toThrow(/steps/);
});
