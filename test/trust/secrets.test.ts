import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { HttpRewardPlugin, RunLogPlugin } from "@papo/plugins";
import { train } from "../../core/pipeline/run.ts";
import { readRunFolder } from "../../recipes/app/report/read-run.ts";
import { writeReport } from "../../recipes/app/report/write-report.ts";
import { BanditPlugin, banditSettings, letterRows, temporaryFolder } from "../support/bandit.ts";
import { tabularPolicy } from "../support/tabular-policy.ts";

const token = "sk-very-hidden-0123456789";

test("a server's key stands in no file of a run, not in its report, and not in the error of a server that repeats it", async () => {
  let answers = 0;
  const server = createServer((request, response) => {
    const repeated = request.headers.authorization ?? "";
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const { samples } = JSON.parse(body) as { samples: unknown[] };
      response.statusCode = ++answers > 12 ? 403 : 200;
      response.end(
        response.statusCode === 200
          ? JSON.stringify({ scores: samples.map((_, index) => ({ value: index % 2, note: `you are ${repeated}` })) })
          : `go away, ${repeated}`,
      );
    });
  }).listen(0);
  const output = temporaryFolder();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const plugins = [
    new HttpRewardPlugin({ part: "served", url, headers: { Authorization: `Bearer ${token}` }, batch: 8, retries: 0 }),
    new BanditPlugin(),
    new RunLogPlugin({ folder: output, every: 1 }),
  ];
  const settings = { ...banditSettings, steps: 8, checkpointEvery: 1 };
  const failure = await train({
    policy: tabularPolicy(),
    plugins,
    dataset: letterRows,
    settings,
    output,
    overrides: [`--headers=${token}`],
  }).then(
    () => "none",
    (error: unknown) => (error as Error).message,
  );
  server.close();
  expect(failure).toMatch(/Scorer "served" failed .* answered 403: go away, \(secret\)/);
  await writeReport(join(output, "report.html"), { title: "letters", runs: [readRunFolder(output)] });
  const files = readdirSync(output, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) expect(readFileSync(file, "latin1").includes(token), file).toBe(false);
  expect(readFileSync(join(output, "samples.jsonl"), "utf8")).toContain("you are (secret)");
});

test("a key in an address is refused, since addresses are written down", () => {
  for (const url of ["http://me:pass@host/", "https://host/?api_key=abc"]) {
    const refused = (): unknown => new HttpRewardPlugin({ part: "served", url });
    expect(refused).toThrow(/"url" is \(not shown.*allowed is an address without a key or password in it/);
    expect(refused).not.toThrow(/pass@|abc/);
  }
});
