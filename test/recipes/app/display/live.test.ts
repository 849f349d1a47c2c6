import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { createHost } from "../../../../core/host/host.ts";
import { makeSample } from "../../../../core/testing.ts";
import { createDisplay } from "../../../../recipes/app/display/live.ts";

/** A stream that keeps what was written, and a clock that moves when told. */
const stage = (interactive: boolean) => {
  const written: string[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  });
  let time = 0;
  const stream = Object.assign(sink, { columns: 60, rows: 30, isTTY: interactive });
  const display = createDisplay({ stream, interactive, every: 2, now: () => time });
  const text = (): string => written.join("");
  return {
    display,
    text,
    lines: () =>
      text()
        .split("\n")
        .filter((line) => line !== ""),
    pass: (seconds: number) => (time += seconds),
  };
};

describe("without a terminal", () => {
  it("writes the first, the last and every second step, with tokens per second and the time left", () => {
    const { display, lines, pass } = stage(false);
    const { events } = createHost([], { seed: 1 });
    const run = display.run("grpo", events);
    for (let step = 1; step <= 5; step++) {
      pass(3);
      events.emit("timing", { step, seconds: { rollout: 1.5, backward: 0.5, evaluation: 1 }, terms: {}, tokens: 40 });
      events.emit("step", { step, steps: 5, metrics: { "reward/mean": step / 10 } });
    }
    run.end();
    expect(lines()).toEqual([
      "grpo step 1/5: reward 0.100, 20.0 tokens/s, ETA 12 s",
      "grpo step 2/5: reward 0.200, 20.0 tokens/s, ETA 9 s",
      "grpo step 4/5: reward 0.400, 20.0 tokens/s, ETA 3 s",
      "grpo step 5/5: reward 0.500, 20.0 tokens/s, done",
      "grpo: 5 steps in 15 s",
    ]);
  });

  it("writes every step where nothing else is asked for, the plan before it, and results in their lines", () => {
    const written: string[] = [];
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        written.push(chunk.toString());
        done();
      },
    });
    const display = createDisplay({ stream, interactive: false, now: () => 0 });
    const { events } = createHost([], { seed: 1 });
    const run = display.run("grpo", events);
    events.emit("plan", { lines: ["3 steps"] });
    for (let step = 1; step <= 3; step++) events.emit("step", { step, steps: 3, metrics: {} });
    run.end();
    display.result("one\ntwo");
    expect(
      written
        .join("")
        .split("\n")
        .map((line) => line.split(":")[0]),
    ).toEqual(["  3 steps", "grpo step 1/3", "grpo step 2/3", "grpo step 3/3", "grpo", "one", "two", ""]);
  });

  it("writes alarms and skips at once, and nothing more after the end", () => {
    const { display, lines } = stage(false);
    const { events } = createHost([], { seed: 1 });
    const run = display.run("dapo", events);
    events.emit("alarm", { step: 3, plugin: "GuardPlugin", message: "entropy\nfalls" });
    events.emit("skip", { step: 4, what: "row 7", reason: "corrupt image" });
    run.end();
    run.end();
    events.emit("alarm", { step: 5, plugin: "GuardPlugin", message: "unheard" });
    expect(lines()).toEqual([
      "! dapo: step 3, GuardPlugin: entropy falls",
      "! dapo: step 4, skipped row 7: corrupt image",
      "dapo: 0 steps in 0 s",
    ]);
  });

  it("shows a phase at its start, at quarters and at its end", () => {
    const { display, lines, pass } = stage(false);
    const phase = display.phase("evaluating 1,000 scenes", 1000);
    for (const done of [100, 260, 300, 990, 1000]) phase.advance(done);
    pass(65);
    phase.end();
    display.line("report.html is written");
    expect(lines()).toEqual([
      "evaluating 1,000 scenes",
      "evaluating 1,000 scenes 26 %",
      "evaluating 1,000 scenes 99 %",
      "evaluating 1,000 scenes: done in 1 min 05 s",
      "report.html is written",
    ]);
  });
});

describe("what a run shows besides its steps", () => {
  const sample = makeSample({ text: "\\boxed{ 2 }", reward: 1, answer: "2" });
  const trained = (interactive: boolean, shown: object): ReturnType<typeof stage> => {
    const staged = stage(interactive);
    const { events } = createHost([], { seed: 1 });
    const run = staged.display.run("grpo", events, shown);
    events.emit("plan", { lines: ["4 steps"] });
    for (let step = 1; step <= 4; step++) {
      events.emit("experience", { step, samples: [sample], T: 1, arrays: {} });
      events.emit("step", { step, steps: 4, metrics: {} });
    }
    run.end();
    return staged;
  };

  it("is its plan, and no answers, where nothing is said", () => {
    expect(
      trained(false, {})
        .lines()
        .map((line) => line.slice(0, 12)),
    ).toEqual(["  4 steps", "grpo step 1/", "grpo step 2/", "grpo step 4/", "grpo: 4 step"]);
  });

  it("is a question with its answer every so many steps, without the plan", () => {
    const answer = '  asked "", answered "\\boxed{ 2 }": reward 1.00; right is "2"';
    expect(trained(false, { plan: false, answerEvery: 4 }).lines()).toEqual([
      "grpo step 1/4: ETA 0 s",
      answer,
      "grpo step 2/4: ETA 0 s",
      "grpo step 4/4: done",
      answer,
      "grpo: 4 steps in 0 s",
    ]);
  });

  it("is the newest answer on a terminal, in lines of its own", () => {
    expect(trained(true, { answerEvery: 100 }).text()).toMatch(/asked "".*\n.*answered ".*boxed/);
  });

  it("is no line of what passes", () => {
    const { display, lines } = stage(false);
    const phase = display.phase("drawing", 8, true);
    phase.advance(4);
    phase.end();
    expect(lines()).toEqual([]);
  });
});

describe("on a terminal", () => {
  it("redraws in place, leaves each run's last state, and ends what was left open", () => {
    const { display, text, pass } = stage(true);
    const { events } = createHost([], { seed: 1 });
    display.run("grpo", events);
    for (let step = 1; step <= 3; step++) {
      pass(1);
      events.emit("step", { step, steps: 3, metrics: { "reward/mean": step / 10 } });
    }
    expect(text()).toContain("step 1/3");
    expect(text()).toContain("\u001b[2K");
    display.close();
    const last = text().slice(text().lastIndexOf("\u001b[2K"));
    expect(text().slice(text().indexOf("step 3/3"))).toContain("grpo: 3 steps in 3 s");
    expect(last).not.toContain("step 1/3");
  });

  it("keeps every line within the terminal's width", () => {
    const { display, text } = stage(true);
    const { events } = createHost([], { seed: 1 });
    display.run("x".repeat(200), events);
    events.emit("step", { step: 1, steps: 9, metrics: {} });
    const shown = text()
      .split("\n")
      .filter((line) => line.includes("xxx"));
    expect(shown.length).toBeGreaterThan(0);
    for (const line of shown) expect((line.match(/x/g) ?? []).length).toBeLessThan(60);
    display.close();
  });
});
