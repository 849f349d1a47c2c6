import { describe, expect, it } from "vitest";
import { launchThread } from "../../../core/worker/thread.ts";
import type { SumsService } from "./sums-worker.ts";

const bootstrap = new URL("./sums-worker.mjs", import.meta.url);
const launch = () => launchThread<SumsService, { greeting: string }>(bootstrap, { name: "sums" });
const start = (given: object = {}) => launch().start(given);

describe("a service in a thread", () => {
  it("greets, answers and ends", async () => {
    const thread = await start();
    expect(thread.hello).toEqual({ greeting: "ready" });
    expect(await thread.caller.call("add", { a: 2, b: 3 })).toBe(5);
    const waiting = thread.caller.call("add", { a: 2, b: 3, delay: 10_000 });
    const rejected = expect(waiting).rejects.toThrow("The sums thread has ended");
    await thread.terminate();
    await rejected;
    await thread.ended;
  });

  it("can be ended before it is started, and says so to whoever starts it then", async () => {
    const thread = launch();
    await thread.terminate();
    await expect(thread.start({})).rejects.toThrow("The sums thread has ended");
  });

  it("rejects with the error of a failed start", async () => {
    const error = await start({ refuse: "no weights here" }).then(
      () => null,
      (thrown: unknown) => thrown as Error,
    );
    expect(error).toMatchObject({ name: "RangeError", message: "no weights here", cause: { message: "deeper" } });
  });

  it("rejects when the file cannot be loaded", async () => {
    const missing = new URL("./no-such-worker.mjs", import.meta.url);
    await expect(launchThread(missing, { name: "sums" }).start({})).rejects.toThrow("The sums thread died of an error");
  });

  it.each([
    ["exit", "The sums thread has ended (exit code 7); not done: die, add"],
    ["throw", "The sums thread died of an error: thrown outside of any call; not done: die, add"],
  ] as const)("rejects all waiting and later calls when the thread dies by %s", async (how, message) => {
    const thread = await start();
    const calls = [thread.caller.call("die", how), thread.caller.call("add", { a: 1, b: 2 })];
    for (const result of await Promise.allSettled(calls)) {
      expect(result.status).toBe("rejected");
      expect((result as PromiseRejectedResult).reason).toMatchObject({ message });
    }
    await thread.ended;
    await expect(thread.caller.call("add", { a: 1, b: 2 })).rejects.toThrow("not done: add");
  });

  it("says that memory ran out", async () => {
    const thread = await launchThread<SumsService, unknown>(bootstrap, {
      name: "sums",
      maxOldGenerationMegabytes: 48,
    }).start({});
    await expect(thread.caller.call("die", "memory")).rejects.toThrow(
      "The sums thread ran out of memory: use a smaller batch",
    );
  });
});
