import { expect, test } from "vitest";
import { RunControl } from "../../../recipes/app/run-control.ts";

test("a pause begins after the step, ends when asked, and each change is told once", async () => {
  const control = new RunControl();
  const told: string[] = [];
  const unfollow = control.follow((state) => told.push(state));
  await control.between();
  control.ask("resume");
  control.ask("pause");
  control.ask("pause");
  const waiting = control.between();
  control.ask("resume");
  await waiting;
  expect(told).toEqual(["pausing", "paused", "running"]);
  control.ask("pause");
  control.ask("resume");
  await control.between();
  unfollow();
  control.ask("stop");
  expect([told.length, control.state, control.signal.aborted]).toEqual([5, "stopping", true]);
});

test("stopping ends a pause and cannot be taken back", async () => {
  const control = new RunControl();
  control.ask("pause");
  const waiting = control.between();
  control.ask("stop");
  await waiting;
  for (const action of ["pause", "resume"] as const) control.ask(action);
  expect(control.state).toBe("stopping");
  await control.between();
});
