import { afterEach, expect, test } from "vitest";
import {
  hold,
  listenForStops,
  shellWords,
  stopCode,
  StoppedError,
  unlessStopped,
} from "../../../recipes/app/stopping.ts";

const before = process.listeners("SIGTERM");
/** What a signal does to what listens now. */
const send = (signal: "SIGINT" | "SIGTERM"): void => {
  for (const listener of process.listeners(signal)) if (!before.includes(listener)) listener(signal);
};
afterEach(() => expect(process.listeners("SIGTERM")).toEqual(before));

test("the first signal asks the work that holds to stop, says how long there is, and gives the code", async () => {
  const unlisten = listenForStops();
  const told: (number | null)[] = [];
  const own = hold({ say: (limit) => told.push(limit) });
  expect(stopCode()).toBeNull();
  const ended = unlessStopped(
    () =>
      new Promise((_resolve, reject) =>
        own.signal.addEventListener("abort", () => reject(new Error("inside", { cause: own.signal.reason }))),
      ),
    () => undefined,
  );
  send("SIGTERM");
  expect(await ended).toBe(143);
  expect(told).toEqual([25]);
  expect(own.signal.reason).toBeInstanceOf(StoppedError);
  expect(own.giveUp.aborted).toBe(false);
  // What begins to hold afterwards is asked already.
  const late = hold();
  expect(late.signal.aborted).toBe(true);
  late.release();
  own.release();
  unlisten();
  expect(stopCode()).toBeNull();
});

test("Ctrl-C has no limit where none is given", () => {
  const told: (number | null)[] = [];
  for (const limitSeconds of [undefined, 600]) {
    const own = hold({ say: (limit) => told.push(limit), limitSeconds });
    send("SIGINT");
    expect(stopCode()).toBe(130);
    own.release();
  }
  expect(told).toEqual([null, 600]);
});

test("an error of its own is no stop", async () => {
  await expect(
    unlessStopped(
      () => Promise.reject(new Error("broken")),
      () => undefined,
    ),
  ).rejects.toThrow("broken");
});

test("a command is printed as a shell reads it", () => {
  expect(shellWords(["train", "my run.ts", "--resume", "it's"])).toBe("train 'my run.ts' --resume 'it'\\''s'");
});
