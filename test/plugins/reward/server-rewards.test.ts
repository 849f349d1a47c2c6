import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createHost, makeSample } from "@papo/core/testing";
import { loadPicture, type Plugin } from "@papo/core";
import { HttpRewardPlugin, JudgeRewardPlugin } from "@papo/plugins";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";

/** A real server: what it answers is set by each test. */
let server: Server;
let url = "";
let requests: { readonly body: unknown; readonly authorization: string | undefined }[] = [];
let answer: (body: unknown, call: number, response: ServerResponse) => void = () => undefined;

beforeAll(async () => {
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const body = JSON.parse(text) as unknown;
      requests.push({ body, authorization: request.headers.authorization });
      answer(body, requests.length, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
});

const json = (response: ServerResponse, body: unknown, status = 200): void =>
  void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
const scorerOf = (plugin: Plugin) => [...createHost([plugin], { seed: 1 }).scorers.values()][0]!;
const score = async (plugin: Plugin, text: string, seconds = 5) =>
  scorerOf(plugin).score(makeSample({ text, answer: "7" }), AbortSignal.timeout(1000 * seconds));

test("responses that end together are sent together, and get their own scores", async () => {
  answer = (body, _call, response) =>
    json(response, {
      scores: (body as { samples: { response: string }[] }).samples.map(({ response: text }, index) =>
        index === 0 ? { value: text.length, note: "first" } : text.length,
      ),
    });
  const plugin = new HttpRewardPlugin({ part: "server", url, batch: 3 });
  const scorer = scorerOf(plugin);
  const scores = await Promise.all(
    ["a", "bb", "ccc", "dddd"].map(async (text) =>
      scorer.score(makeSample({ text, answer: "7" }), AbortSignal.timeout(5000)),
    ),
  );
  expect(scores).toEqual([{ value: 1, note: "first" }, { value: 2 }, { value: 3 }, { value: 4, note: "first" }]);
  expect(requests.map(({ body }) => (body as { samples: unknown[] }).samples.length)).toEqual([3, 1]);
  expect((requests[0]!.body as { samples: unknown[] }).samples[0]).toMatchObject({ answer: "7", response: "a" });
});

test("a server that is overloaded is asked again; one that refuses is not", async () => {
  answer = (_body, call, response) =>
    call < 2 ? json(response, { error: "busy" }, 503) : json(response, { scores: [0.5] });
  expect(await score(new HttpRewardPlugin({ part: "server", url }), "x")).toEqual({ value: 0.5 });
  expect(requests).toHaveLength(2);
  requests = [];
  answer = (_body, _call, response) => json(response, { error: "no such model" }, 404);
  await expect(score(new HttpRewardPlugin({ part: "server", url }), "x")).rejects.toThrow(
    /answered 404: \{"error":"no such model"\}/,
  );
  expect(requests).toHaveLength(1);
});

test.each([
  [
    "too few scores",
    (_: unknown, __: number, response: ServerResponse) => json(response, { scores: [] }),
    /answered \{"scores":\[\]\} \(0 scores for 1\); \{ scores: \[1 numbers, \{ value, note \} or null\] \} is needed/,
  ],
  [
    "a text for a number",
    (_: unknown, __: number, response: ServerResponse) => json(response, { scores: ["0.5"] }),
    /is needed/,
  ],
  [
    "text instead of JSON",
    (_: unknown, __: number, response: ServerResponse) => void response.end("<html>"),
    /answered no JSON: <html>/,
  ],
  [
    "half of a JSON",
    (_: unknown, __: number, response: ServerResponse) => void response.end('{"scores":[1'),
    /answered no JSON/,
  ],
  [
    "5xx without end",
    (_: unknown, __: number, response: ServerResponse) => json(response, {}, 500),
    /answered 500: \{\}, the last of 2 tries/,
  ],
  [
    "a line that is cut",
    (_: unknown, __: number, response: ServerResponse) => void response.destroy(),
    /cannot be asked: .*, the last of 2 tries/,
  ],
])("%s is a failure, never a 0", async (_name, given, message) => {
  answer = given;
  await expect(score(new HttpRewardPlugin({ part: "server", url, retries: 1 }), "x")).rejects.toThrow(message);
});

test("a null says that the reward does not apply", async () => {
  answer = (_body, _call, response) => json(response, { scores: [null] });
  expect(await score(new HttpRewardPlugin({ part: "server", url }), "x")).toBeNull();
});

test("server and judge are shown, on request, what was written: special tokens, and what the template began with", async () => {
  const sample = makeSample({ text: "7", rawText: "three</think>7", opening: "<think>" });
  const ask = async (plugin: Plugin): Promise<void> =>
    void (await scorerOf(plugin).score(sample, AbortSignal.timeout(5000)));
  answer = (_body, _call, response) => json(response, { scores: [1] });
  await ask(new HttpRewardPlugin({ part: "server", url }));
  await ask(new HttpRewardPlugin({ part: "server", url, written: true }));
  const samples = requests.flatMap(
    ({ body }) => (body as { samples: { response: string; written?: string }[] }).samples,
  );
  expect(samples.map(({ response, written }) => [response, written])).toEqual([
    ["7", undefined],
    ["7", "<think>three</think>7"],
  ]);
  requests = [];
  answer = (_body, _call, response) => json(response, { choices: [{ message: { content: "score: 1" } }] });
  await ask(new JudgeRewardPlugin({ url, model: "m", rubric: "{response}|{written}" }));
  expect(JSON.stringify(requests[0]!.body)).toContain("7|<think>three</think>7");
});

test("a server that hangs is given up", async () => {
  answer = () => undefined;
  await expect(score(new HttpRewardPlugin({ part: "server", url }), "x", 0.2)).rejects.toThrow(
    /gave no answer within 60 s \(the option timeoutSeconds\)/,
  );
});

const says =
  (content: string) =>
  (_body: unknown, _call: number, response: ServerResponse): void =>
    json(response, { choices: [{ message: { content } }] });

test("a judge is asked with the rubric filled in, and its last score counts, within the range", async () => {
  // A word that no other file writes: what was a secret once is struck out of texts until the process ends.
  vi.stubEnv("JUDGE_KEY_FOR_A_TEST", "key-3f9a71c2");
  answer = says("The format says score: 0.2 is bad.\nscore: 0.75");
  const judge = (changes: object = {}) =>
    new JudgeRewardPlugin({
      url,
      model: "grader",
      keyVariable: "JUDGE_KEY_FOR_A_TEST",
      rubric: "{prompt} / {answer} / {response} / {unknown} $& {x^2}",
      ...changes,
    });
  expect(await score(judge(), "It is $& 7")).toEqual({
    value: 0.75,
    note: "The format says score: 0.2 is bad.\nscore: 0.75",
  });
  expect(requests[0]).toMatchObject({
    authorization: "Bearer key-3f9a71c2",
    body: { model: "grader", temperature: 0, messages: [{ role: "user" }] },
  });
  const asked = (requests[0]!.body as { messages: { content: string }[] }).messages[0]!.content;
  expect(asked).toMatch(/ \/ 7 \/ It is \$& 7 \/ \{unknown\} \$& \{x\^2\}$/);
  answer = says("score: 40");
  expect(await score(judge(), "x")).toMatchObject({ value: 1 });
  vi.unstubAllEnvs();
});

test("a judge that is to see the pictures is shown them before the question", async () => {
  answer = (_body, _call, response) => json(response, { choices: [{ message: { content: "score: 1" } }] });
  await score(new JudgeRewardPlugin({ url, model: "grader", pictures: true, rubric: "{response}?" }), "red");
  const { content } = (
    requests.at(-1)!.body as { messages: { content: { type: string; text?: string; image_url?: { url: string } }[] }[] }
  ).messages[0]!;
  expect(content.map(({ type, text }) => text ?? type)).toEqual(["image_url", "red?"]);
  const picture = await loadPicture(
    Buffer.from(content[0]!.image_url!.url.replace("data:image/png;base64,", ""), "base64"),
  );
  expect([picture.width, picture.height, ...picture.data]).toEqual([1, 1, 0, 0, 0]);
});

test("a verdict without a score, a body that is no completion and a missing key are failures", async () => {
  const judge = (changes: object = {}) => score(new JudgeRewardPlugin({ url, model: "grader", ...changes }), "x");
  answer = says("I would rather not say.");
  await expect(judge()).rejects.toThrow("the judge gave no score: I would rather not say.");
  answer = (_body, _call, response) => json(response, { text: "hello" });
  await expect(judge()).rejects.toThrow("which is no chat completion");
  await expect(judge({ keyVariable: "NO_SUCH_VARIABLE_HERE" })).rejects.toThrow(
    "the environment variable NO_SUCH_VARIABLE_HERE",
  );
  expect(() => new JudgeRewardPlugin({ url: "ftp://x", model: "m" })).toThrow("url");
});
