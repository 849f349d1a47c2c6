import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { linesOf } from "../../../../core/data/formats/lines.ts";

test("a line that goes through many reads is put together once: every byte is copied one time, however long the line", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lines-"));
  const file = join(folder, "rows.jsonl");
  const long = "x".repeat(12 * 2 ** 20);
  writeFileSync(file, `first\n${long}\nlast`);
  let copied = 0;
  const concat = Buffer.concat.bind(Buffer);
  const watched = vi.spyOn(Buffer, "concat").mockImplementation((list, length) => {
    const joined = concat(list, length);
    copied += joined.length;
    return joined;
  });
  try {
    const found: [number, number, number][] = [];
    for await (const lines of linesOf(file))
      for (const { number, start, text } of lines) found.push([number, start, text.length]);
    expect(found).toEqual([
      [1, 0, 5],
      [2, 6, long.length],
      [3, 7 + long.length, 4],
    ]);
    expect(copied).toBeLessThanOrEqual(long.length + 4);
  } finally {
    watched.mockRestore();
    rmSync(folder, { recursive: true });
  }
});
