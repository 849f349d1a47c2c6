/** The live display: redrawn in place on a terminal, plain lines now and then elsewhere. */
import { createLogUpdate } from "log-update";
import type { Events, RunEvents } from "@papo/core";
import { headlineMetrics, timingMetrics } from "../report/headline.ts";
import { askedAndAnswered } from "./answer.ts";
import type { Display, Phase, RunShown } from "./display.ts";
import {
  colours,
  cutTo,
  duration,
  foldTo,
  oneLine,
  phaseText,
  plain,
  responsesText,
  runBlock,
  runLine,
} from "./format.ts";
import type { RunProgress } from "./format.ts";

export interface DisplayOptions {
  /** Default: standard output. */
  readonly stream?:
    NodeJS.WriteStream | (NodeJS.WritableStream & { readonly columns?: number; readonly isTTY?: boolean });
  /** Redraw in place. Default: when the stream is a terminal. */
  readonly interactive?: boolean;
  /** Without a terminal: a line every so many steps, and at the first and last. Default 1. */
  readonly every?: number;
  /** Seconds since some moment; given by tests. */
  readonly now?: () => number;
}

/** How many alarms a block shows, and over how many steps pace is averaged. */
const shownAlarms = 3;
const paceWindow = 10;

const systemSeconds = (): number => performance.now() / 1000;

/** Opens the display. Nothing is drawn before the first call. */
export const createDisplay = (options: DisplayOptions = {}): Display => {
  const { stream = process.stdout, every = 1, now = systemSeconds } = options;
  const screen = (options.interactive ?? stream.isTTY === true) ? liveScreen(stream) : plainScreen(stream);
  const open = new Set<() => void>();
  const track = (end: () => void): (() => void) => {
    const once = (): void => {
      if (open.delete(once)) end();
    };
    open.add(once);
    return once;
  };
  return {
    run: (name, events, shown = {}) => {
      const { end, paused } = followRun(name, events, screen, { every, ...shown }, now);
      return { end: track(end), paused };
    },
    phase: (text, total, passing = false) => {
      const phase = followPhase(text, total ?? null, passing ? withoutLines(screen) : screen, now);
      return { advance: phase.advance, end: track(phase.end) };
    },
    line: (text) => {
      screen.stay(oneLine(text));
    },
    result: (text) => {
      screen.stay(...text.split("\n").map(oneLine));
    },
    failed: () => undefined,
    close: () => {
      for (const end of [...open]) end();
      screen.close();
    },
  };
};

/** Where text goes. What `show` draws is replaced by the next `show`; what `stay` writes is not. */
interface Screen {
  readonly interactive: boolean;
  show(lines: () => readonly string[]): void;
  stay(...lines: readonly string[]): void;
  close(): void;
}

const plainScreen = (stream: NodeJS.WritableStream): Screen => ({
  interactive: false,
  show: () => undefined,
  stay: (...lines) => {
    for (const line of lines) stream.write(`${line}\n`);
  },
  close: () => undefined,
});

/** What is shown there passes. */
const withoutLines = (screen: Screen): Screen => ({ ...screen, stay: () => undefined });

const liveScreen = (stream: NonNullable<DisplayOptions["stream"]>): Screen => {
  const update = createLogUpdate(stream);
  let current: (() => readonly string[]) | null = null;
  const width = (): number => (stream.columns ?? 80) - 1;
  const draw = (): void => {
    const lines = current?.() ?? [];
    if (lines.length === 0) update.clear();
    else
      update(
        lines
          .flatMap((line) => foldTo(line, width()))
          .map((line) => cutTo(line, width()))
          .join("\n"),
      );
  };
  // Keeps pace and counts moving between events; never keeps the process alive.
  const timer = setInterval(draw, 200);
  timer.unref();
  return {
    interactive: true,
    show: (lines) => {
      current = lines;
      draw();
    },
    stay: (...lines) => {
      update.clear();
      for (const line of lines.flatMap((whole) => foldTo(whole, width()))) stream.write(`${line}\n`);
      draw();
    },
    close: () => {
      clearInterval(timer);
      current = null;
      update.clear();
      update.done();
    },
  };
};

/** Shows a run until `end` is called. */
const followRun = (
  name: string,
  events: Pick<Events, "on" | "off">,
  screen: Screen,
  shown: RunShown & { readonly every: number },
  now: () => number,
): { readonly end: () => void; readonly paused: (on: boolean) => void } => {
  const paint = screen.interactive ? colours : plain;
  const start = now();
  let stepStart = start;
  let timing: RunEvents["timing"] | null = null;
  let progress: RunProgress = beforeFirstStep(name);
  const paces: number[] = [];
  let pausedAt: number | null = null;
  const { every, plan = true, answerEvery } = shown;
  let answered: readonly string[] = [];
  const lines = (): readonly string[] => {
    if (progress.steps === 0) return [`${paint.bold(oneLine(name))}  first step, ${responsesText(progress.responses)}`];
    return [...runBlock(progress, paint), ...answered.map((line) => `  ${paint.dim(line)}`)];
  };

  const onPlan = ({ lines: planned }: RunEvents["plan"]): void => {
    if (plan) screen.stay(...planned.map((line) => `  ${oneLine(line)}`));
  };
  const onExperience = ({ step, samples }: RunEvents["experience"]): void => {
    // Another place in each step: who answers last gives the longest answers.
    const sample = samples[(step * 37) % Math.max(1, samples.length)];
    if (answerEvery !== undefined && sample !== undefined) answered = askedAndAnswered(sample);
  };
  const onResponse = (): void => {
    progress = { ...progress, responses: progress.responses + 1 };
  };
  const onTiming = (ofStep: RunEvents["timing"]): void => {
    timing = ofStep;
  };
  const onStep = (summary: RunEvents["step"]): void => {
    paces.push(now() - stepStart);
    const recent = paces.slice(-paceWindow);
    const pace = recent.reduce((sum, other) => sum + other, 0) / recent.length;
    progress = afterStep(progress, summary, timing?.step === summary.step ? timing : null, pace);
    stepStart = now();
    screen.show(lines);
    const { step, steps } = summary;
    if (!screen.interactive && (step === 1 || step === steps || step % every === 0)) screen.stay(runLine(progress));
    if (
      !screen.interactive &&
      answered.length > 0 &&
      answerEvery !== undefined &&
      (step === 1 || step % answerEvery === 0)
    )
      screen.stay(`  ${answered.join(", ")}`);
  };
  const warn = (text: string): void => {
    progress = { ...progress, alarms: [...progress.alarms, oneLine(text)].slice(-shownAlarms) };
    if (!screen.interactive) screen.stay(`! ${oneLine(`${name}: ${text}`)}`);
  };
  const onAlarm = ({ step, plugin, message }: RunEvents["alarm"]): void => {
    warn(`step ${step}, ${plugin}: ${message}`);
  };
  const onSkip = ({ step, what, reason }: RunEvents["skip"]): void => {
    warn(`step ${step}, skipped ${what}: ${reason}`);
  };

  const paused = (on: boolean): void => {
    if (on === (pausedAt !== null)) return;
    if (pausedAt !== null) stepStart += now() - pausedAt;
    pausedAt = on ? now() : null;
  };

  events.on("plan", onPlan);
  events.on("response", onResponse);
  events.on("experience", onExperience);
  events.on("timing", onTiming);
  events.on("step", onStep);
  events.on("alarm", onAlarm);
  events.on("skip", onSkip);
  screen.show(lines);
  const end = (): void => {
    events.off("plan", onPlan);
    events.off("response", onResponse);
    events.off("experience", onExperience);
    events.off("timing", onTiming);
    events.off("step", onStep);
    events.off("alarm", onAlarm);
    events.off("skip", onSkip);
    screen.show(() => []);
    screen.stay(
      ...(screen.interactive ? lines() : []),
      `${oneLine(name)}: ${progress.step} steps in ${duration(now() - start)}`,
    );
  };
  return { end, paused };
};

const beforeFirstStep = (name: string): RunProgress => ({
  name,
  step: 0,
  steps: 0,
  metrics: {},
  rewards: [],
  secondsPerStep: null,
  responses: 0,
  alarms: [],
});

const afterStep = (
  progress: RunProgress,
  { step, steps, metrics }: RunEvents["step"],
  timing: RunEvents["timing"] | null,
  secondsPerStep: number,
): RunProgress => {
  const reward = metrics[headlineMetrics(Object.keys(metrics)).get("reward") ?? ""];
  const rewards = reward === undefined ? progress.rewards : [...progress.rewards, reward];
  return {
    ...progress,
    step,
    steps,
    metrics: { ...metrics, ...(timing === null ? {} : timingMetrics(timing)) },
    rewards,
    secondsPerStep,
    responses: 0,
  };
};

/** Shows a phase; without a terminal it writes a line at its start, at each quarter, and at its end. */
const followPhase = (text: string, total: number | null, screen: Screen, now: () => number): Phase => {
  const name = oneLine(text);
  const start = now();
  let done = 0;
  let quarters = 0;
  if (!screen.interactive) screen.stay(name);
  screen.show(() => [phaseText(name, done, total)]);
  return {
    advance: (amount) => {
      done = amount;
      const reached = total === null ? 0 : Math.floor((4 * done) / Math.max(1, total));
      if (!screen.interactive && reached > quarters && reached < 4) screen.stay(phaseText(name, done, total));
      quarters = Math.max(quarters, reached);
    },
    end: () => {
      screen.show(() => []);
      screen.stay(`${name}: done in ${duration(now() - start)}`);
    },
  };
};
