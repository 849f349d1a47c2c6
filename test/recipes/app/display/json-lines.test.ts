import { readFileSync } from "node:fs";
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createHost } from "../../../../core/host/host.ts";
import { jsonEvents, type JsonEventName } from "../../../../recipes/app/display/json-events.ts";
import { createJsonDisplay } from "../../../../recipes/app/display/json-lines.ts";
import { createQuietDisplay } from "../../../../recipes/app/display/quiet.ts";

/** A stream that keeps what was written. */
function sink(): { readonly stream: Writable; text(): string } {
  let written = "";
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString();
      done();
    },
  });
  return { stream, text: () => written };
}

/** A run of one step, a phase and the rest, shown. */
function show(display: ReturnType<typeof createJsonDisplay>): void {
  const { events } = createHost([], { seed: 1 });
  const run = display.run("grpo", events);
  events.emit("plan", { lines: ["1 step", "data: rows"] });
  events.emit("timing", { step: 1, seconds: { rollout: 1.5 }, terms: {}, tokens: 40 });
  events.emit("step", { step: 1, steps: 1, metrics: { "reward/mean": 0.5, "loss/total": NaN } });
  events.emit("alarm", { step: 1, plugin: "GuardPlugin", message: "entropy\nfalls" });
  events.emit("skip", { step: 1, what: "row 7", reason: "corrupt" });
  events.emit("checkpoint", { step: 1, folder: "out/checkpoints/step-1" });
  run.end();
  events.emit("step", { step: 2, steps: 2, metrics: {} });
  const phase = display.phase("evaluating", 4);
  for (const done of [1, 2, 4]) phase.advance(done);
  phase.end();
  display.line("a line\nof two");
  display.result("done", { steps: 1 });
  display.failed("train", "it broke");
  display.close();
}

test("--json writes one event a line, each as its schema says, and all kinds", () => {
  const { stream, text } = sink();
  show(createJsonDisplay({ stream, now: () => new Date(0) }));
  const lines = text()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: JsonEventName; time: string });
  for (const { event, time, ...fields } of lines) {
    expect(time).toBe("1970-01-01T00:00:00.000Z");
    expect(jsonEvents[event].safeParse(fields).error, event).toBeUndefined();
  }
  expect(lines.map(({ event }) => event)).toEqual([
    "plan",
    "step",
    "alarm",
    "skip",
    "checkpoint",
    "end",
    "phase",
    "phase",
    "phase",
    "phase",
    "line",
    "result",
    "error",
  ]);
  expect(new Set(lines.map(({ event }) => event))).toEqual(new Set(Object.keys(jsonEvents)));
  expect(lines[1]).toMatchObject({
    run: "grpo",
    step: 1,
    steps: 1,
    metrics: { "reward/mean": 0.5, "loss/total": "NaN" },
    seconds: { rollout: 1.5 },
    tokens: 40,
  });
  expect(lines.slice(6, 10)).toMatchObject([
    { done: 0, ended: false },
    { done: 1 },
    { done: 2 },
    { done: 4, total: 4, ended: true },
  ]);
});

test("docs/command-line.md lists the events that are written, each with its fields", () => {
  const { stream, text } = sink();
  show(createJsonDisplay({ stream }));
  const written = new Map(
    text()
      .trimEnd()
      .split("\n")
      .map((line) => {
        const { event, ...fields } = JSON.parse(line) as { event: string };
        return [event, [event, ...Object.keys(fields)]];
      }),
  );
  const section = readFileSync(new URL("../../../../docs/command-line.md", import.meta.url), "utf8").split(
    "\n## --json\n",
  )[1]!;
  const rows = section
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [name, , fields] = line.split(" | ");
      return [
        /`(\w+)`/.exec(name!)![1]!,
        "time",
        ...[...fields!.matchAll(/(?:^|<br>)`(\w+)`:/g)].map(([, field]) => field!),
      ];
    });
  expect(rows).toEqual([...written.values()]);
});

test("--quiet writes results, and alarms to standard error", () => {
  const [out, err] = [sink(), sink()];
  show(createQuietDisplay({ out: out.stream, err: err.stream }));
  expect([out.text(), err.text()]).toEqual(["done\n", "! grpo: step 1, GuardPlugin: entropy falls\n"]);
});
