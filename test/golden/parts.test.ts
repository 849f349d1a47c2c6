import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { goldenDir } from "./support.ts";

let folder: string;
const add = (...names: readonly string[]): void => {
  for (const name of names) {
    if (name.endsWith("/")) mkdirSync(join(folder, name), { recursive: true });
    else writeFileSync(join(folder, name), "{}");
  }
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "golden-"));
  vi.stubEnv("GOLDEN_DIR", folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

test("a folder without parts is refused, and the committed one is taken", () => {
  add("NOTES.md");
  expect(goldenDir).toThrow(/holds none of the golden parts/);
  vi.stubEnv("GOLDEN_DIR", "");
  expect(goldenDir()).toMatch(/cases$/);
});

test("what no test compares is named", () => {
  add("tokenizer.json", "foo.json", "bar.safetensors", "audio/", "models/", "models/tiny.p0.safetensors");
  expect(goldenDir).toThrow(
    `holds audio, bar.safetensors, foo.json, models/tiny.p0.safetensors, which no test compares`,
  );
});

test("notes, scripts, pictures, models and golden folders beside parts are none, and an adapter's values are its part", () => {
  add("README.md", ".cache/", "scripts/", "images/", "image.json", "image.safetensors", "published.json");
  add("bench-model/", "bench-model/config.json", "qwen3_vl/", "qwen3_vl/tokenizer.json");
  add("models/", "models/tiny/", "models/tiny.p0.json", "models/tiny.p0.safetensors");
  add("adapters/", "adapters/qv-r4/", "qv-r4.json", "qv-r4.safetensors");
  expect(goldenDir()).toBe(folder);
  add("of-no-adapter.json");
  expect(goldenDir).toThrow("holds of-no-adapter.json, which");
});
