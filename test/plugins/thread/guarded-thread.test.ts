import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { GuardedThread, LateError } from "../../../plugins/thread/guarded-thread.ts";

const folder = mkdtempSync(join(tmpdir(), "thread-"));
afterAll(() => rmSync(folder, { recursive: true }));

const limit = 400;
const file = join(folder, "work.mjs");
writeFileSync(
  file,
  `import { parentPort } from "node:worker_threads";
const work = {
  waits: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${3 * limit}),
  computes: () => { for (;;); },
  answers: () => "here",
};
parentPort.on("message", (name) => { parentPort.postMessage("working"); parentPort.postMessage({ answer: work[name]() }); });
parentPort.postMessage("ready");
`,
);

test("an answer is late when the process has computed as long as the limit, not where the machine had no time for it; the thread begins anew after one that is", async () => {
  const thread = new GuardedThread<string, string>({ name: "work", file: pathToFileURL(file), limit, loading: 60_000 });
  try {
    expect(await thread.ask("waits")).toBe("timed-out");
    const [late, next] = [thread.ask("computes"), thread.ask("answers")];
    await expect(late).rejects.toThrow(LateError);
    expect(await next).toBe("here");
  } finally {
    await thread.close();
  }
});
