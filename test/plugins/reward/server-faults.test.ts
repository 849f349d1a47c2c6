import { createHost, makeSample } from "@papo/core/testing";
import type { Plugin } from "@papo/core";
import { HttpRewardPlugin, JudgeRewardPlugin } from "@papo/plugins";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serverFaults, startFaultyServer, type FaultyServer } from "../../support/faulty-server.ts";

let server: FaultyServer;
beforeAll(async () => {
  server = await startFaultyServer();
});
afterAll(() => server.close());

const limits = { retries: 1, timeoutSeconds: 1, maxAnswerMegabytes: 1 };
const kinds: Readonly<Record<string, { readonly right: string; readonly plugin: () => Plugin }>> = {
  "a reward server": {
    right: '{"scores":[0.5]}',
    plugin: () => new HttpRewardPlugin({ part: "r", url: server.url, gather: 0, ...limits }),
  },
  "a judge": {
    right: '{"choices":[{"message":{"content":"score: 0.5"}}]}',
    plugin: () => new JudgeRewardPlugin({ url: server.url, model: "m", ...limits }),
  },
};

const cases = Object.keys(kinds).flatMap((kind) => Object.keys(serverFaults).map((fault) => [kind, fault] as const));

test.each(cases)("%s whose answer is: %s", async (kind, name) => {
  const { right, plugin } = kinds[kind]!;
  const fault = serverFaults[name]!;
  server.now = { fault, right };
  const scorer = [...createHost([plugin()], { seed: 1 }).scorers.values()][0]!;
  // A server that says nothing is given up; all others answer long before.
  const wait = name === "never" || name === "drips" ? 300 : 20_000;
  const scored = Promise.resolve(scorer.score(makeSample({ text: "x", answer: "7" }), AbortSignal.timeout(wait)));
  if (typeof fault.outcome === "number") expect(await scored).toMatchObject({ value: fault.outcome });
  else {
    const { message } = (await scored.then(
      () => ({ message: "no error" }),
      (error: unknown) => error,
    )) as Error;
    expect(message).toMatch(fault.outcome);
    expect(message).not.toMatch(/\u001b|aborted|undefined|fetch failed/);
    expect(message.length).toBeLessThan(500);
  }
});
