import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request as ask } from "node:http";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Overview, RolloutIndex, ShownRollout, Curves } from "../../../../../recipes/app/page/contract.ts";
import { servePage, type PageServer } from "../../../../../recipes/app/page/server/serve.ts";
import { WatchedRuns } from "../../../../../recipes/app/page/server/watched-runs.ts";
import { appendRollout, appendStep, describeRun, newRunFolder } from "./run-folder.ts";

let folder: string;
let server: PageServer;
const asked: string[] = [];
beforeEach(async () => {
  folder = newRunFolder();
  asked.length = 0;
  describeRun(folder, 4);
  appendStep(folder, 1, 0.25);
  appendRollout(folder, 1);
  server = await servePage({
    runs: new WatchedRuns([folder]),
    title: "a run",
    port: 0,
    token: "secret",
    control: async (run, action) => {
      asked.push(`${run} ${action}`);
      return action === "resume" ? "it is not paused" : null;
    },
  });
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const get = async <T>(path: string): Promise<T> => (await fetch(`${server.address}/api/${path}`)).json() as Promise<T>;
const control = (headers: Record<string, string>, body: unknown = { run: 0, action: "pause" }): Promise<Response> =>
  fetch(`${server.address}/api/control`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

/** As a browser whose name for this server is another's would ask. */
const statusFor = (headers: Record<string, string>, path = "/"): Promise<number> =>
  new Promise((resolve, reject) => {
    ask(`${server.address}${path}`, { headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });

/** Revisions as the server sends them, until `count` of them have come. */
async function events(count: number, meanwhile: () => void): Promise<Record<string, number>[]> {
  const response = await fetch(`${server.address}/api/events`);
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const found: Record<string, number>[] = [];
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    for (const [, data] of chunk.matchAll(/^data: (.*)$/gm)) found.push(JSON.parse(data!) as Record<string, number>);
    if (found.length === 1) meanwhile();
    if (found.length >= count) break;
  }
  return found;
}

test("what a run writes comes as an event, and what is asked then has it", async () => {
  const [before, after] = await events(2, () => {
    appendStep(folder, 2, 0.5);
  });
  expect(after!["curves"]).toBeGreaterThan(before!["curves"]!);
  expect(after!["rollouts"]).toBe(before!["rollouts"]);
  const {
    runs: [run],
    title,
  } = await get<Overview>("overview");
  expect([title, run!.step, run!.steps, run!.secondsPerStep, run!.state, run!.latest["headline/reward"]]).toEqual([
    "a run",
    2,
    4,
    2,
    "silent",
    0.5,
  ]);
  const { curves } = await get<Curves>("curves?metric=headline%2Freward&metric=rollout%2Flength");
  expect(curves.map(({ steps, mean }) => [steps, mean])).toEqual([
    [
      [1, 2],
      [0.25, 0.5],
    ],
    [
      [1, 2],
      [11, 12],
    ],
  ]);
});

test("rollouts are asked by index and id; a repeated one takes the place of the first, under another version", async () => {
  const first = await get<RolloutIndex>("rollouts/index?version=-1&from=0");
  expect(first).toMatchObject({
    from: 0,
    total: 1,
    reading: false,
    step: [1],
    reward: [1],
    length: [2],
    perceptionKl: [0.5],
    verdictSets: [["right"]],
    verdicts: [0],
  });
  await events(2, () => appendRollout(folder, 2));
  expect(await get(`rollouts/index?version=${first.version}&from=1`)).toMatchObject({
    version: first.version,
    from: 1,
    total: 2,
    step: [2],
  });
  const [rollout] = await get<ShownRollout[]>("rollouts?id=1&id=77");
  expect(rollout).toMatchObject({
    id: 1,
    step: 2,
    question: "how many?",
    pieces: ["t", "wo"],
    entropy: [0.1, 0.2],
    perceptionKl: [0, 1],
  });
  await events(2, () => appendRollout(folder, 2, { reward: 0 }));
  const anew = await get<RolloutIndex>(`rollouts/index?version=${first.version}&from=2`);
  expect(anew).toMatchObject({ from: 0, total: 2, reward: [1, 0] });
  expect(anew.version).not.toBe(first.version);
});

test("steps that a resumed run forgets are forgotten here", async () => {
  await events(2, () => appendStep(folder, 2, 0.5));
  await events(2, () => {
    rmSync(join(folder, "metrics.jsonl"));
    rmSync(join(folder, "timings.jsonl"));
    appendStep(folder, 1, 0.75);
  });
  expect((await get<Curves>("curves?metric=headline%2Freward")).curves.map(({ steps, mean }) => [steps, mean])).toEqual(
    [[[1], [0.75]]],
  );
});

test("pictures come from the run's folder alone, links followed, as WebP", async () => {
  const picture = await sharp({ create: { width: 30, height: 20, channels: 3, background: "#f00" } })
    .png()
    .toBuffer();
  writeFileSync(join(folder, "a.png"), picture);
  writeFileSync(`${folder}-outside.png`, picture);
  symlinkSync(`${folder}-outside.png`, join(folder, "link.png"));
  writeFileSync(join(folder, "text.png"), "<svg onload=alert(1)>");
  const found = await fetch(`${server.address}/api/picture?run=0&file=a.png`);
  expect([found.status, found.headers.get("content-type")]).toEqual([200, "image/webp; charset=utf-8"]);
  const { width, format } = await sharp(Buffer.from(await found.arrayBuffer())).metadata();
  expect([width, format]).toEqual([30, "webp"]);
  const files = [
    "link.png",
    `../${folder.split("/").at(-1)}-outside.png`,
    `${folder}-outside.png`,
    "text.png",
    "none.png",
    ".",
    "run.json",
  ];
  for (const file of files)
    expect((await fetch(`${server.address}/api/picture?run=0&file=${encodeURIComponent(file)}`)).status, file).toBe(
      404,
    );
  expect((await fetch(`${server.address}/api/picture?run=9&file=a.png`)).status).toBe(404);
  rmSync(`${folder}-outside.png`);
});

test("a change needs the token and this server's own origin, and is asked for in so many words", async () => {
  expect((await control({})).status).toBe(401);
  expect((await control({ "x-papo-token": "guess" })).status).toBe(401);
  expect((await control({ "x-papo-token": "secret", origin: "http://evil.example" })).status).toBe(403);
  expect((await control({ "x-papo-token": "secret", "content-type": "text/plain" })).status).toBe(415);
  for (const body of [
    { run: 0, action: "delete" },
    { action: "pause" },
    "pause",
    { run: 0, action: "pause", more: 1 },
    { run: 0, action: "x".repeat(2000) },
  ])
    expect((await control({ "x-papo-token": "secret" }, body)).status).toBe(400);
  expect(asked).toEqual([]);
  expect((await control({ "x-papo-token": "secret", origin: server.address })).status).toBe(200);
  const refused = await control({ "x-papo-token": "secret" }, { run: 0, action: "resume" });
  expect([refused.status, await refused.text()]).toEqual([409, "it is not paused"]);
  expect(asked).toEqual(["0 pause", "0 resume"]);
});

test("names and pages of others get nothing, and the page itself holds no token and lets only its own scripts run", async () => {
  expect(await statusFor({ host: "rebound.example:80" })).toBe(403);
  expect(await statusFor({ origin: "http://rebound.example" }, "/api/overview")).toBe(403);
  expect(await statusFor({ "sec-fetch-site": "cross-site" }, "/api/events")).toBe(403);
  for (const path of ["/api/nothing", "/constructor", "/api/__proto__", "/../../run.json"])
    expect(await statusFor({}, path), path).toBe(404);
  expect(await statusFor({}, "/api/curves?points=0")).toBe(400);
  expect(await statusFor({}, `/api/rollouts?${"id=0&".repeat(101)}`)).toBe(400);
  const [page, again] = [await fetch(server.address), await fetch(server.address)];
  const policy = page.headers.get("content-security-policy")!;
  const nonce = /script-src 'nonce-([^']+)'/.exec(policy)![1]!;
  const html = await page.text();
  expect(policy).toBe(
    `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'`,
  );
  expect([...html.matchAll(/<(?:script|style) nonce="([^"]+)"/g)].map((found) => found[1])).toEqual([
    nonce,
    nonce,
    nonce,
  ]);
  expect(again.headers.get("content-security-policy")).not.toContain(nonce);
  expect(html).not.toContain("secret");
  expect([page.headers.get("x-content-type-options"), page.headers.get("referrer-policy")]).toEqual([
    "nosniff",
    "no-referrer",
  ]);
});
