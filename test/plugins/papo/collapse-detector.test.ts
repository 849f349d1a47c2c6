import { createHost, type Decision } from "@papo/core";
import { CollapseDetectorPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

const healthy = {
  "papo/perception_kl": 0.3,
  "rollout/entropy": 0.3,
  "papo/entropy_masked": 0.8,
  "policy/clip_high": 0.01,
  "rollout/length": 20,
  "reward/mean": 0.6,
};
const collapsing = { ...healthy, "papo/perception_kl": 1, "rollout/entropy": 0.9 };

function watch(options: ConstructorParameters<typeof CollapseDetectorPlugin>[0] = {}) {
  const host = createHost([new CollapseDetectorPlugin({ baseline: 3, window: 2, ...options })], { seed: 1 });
  const alarms: string[] = [];
  host.events.on("alarm", ({ step, plugin, message }) => alarms.push(`${step} ${plugin}: ${message}`));
  let step = 0;
  const decisions: (Decision | undefined)[] = [];
  const steps = async (count: number, metrics: Record<string, number>): Promise<void> => {
    for (let index = 0; index < count; index++)
      decisions.push(await host.hooks.stepped.promise({ step: ++step, steps: 100, metrics }));
  };
  const gamma = (): number => host.hooks.coefficient.call(0.5, { name: "papo/gamma", step, steps: 100 });
  return { host, alarms, steps, decisions, gamma };
}

describe("CollapseDetectorPlugin", () => {
  it("is silent while the run is healthy, when only one number moves, and where a recipe has none of the metrics", async () => {
    const { alarms, steps } = watch();
    await steps(10, healthy);
    await steps(10, { ...healthy, "papo/perception_kl": 3 });
    await steps(10, { "loss/total": 1 });
    expect(alarms).toEqual([]);
  });

  it("follows a run that changes slowly: what counts is the best that was shown, and how far it went from there", async () => {
    const { alarms, steps } = watch();
    for (let length = 10; length < 19; length++)
      await steps(2, {
        ...healthy,
        "rollout/length": length,
        "rollout/entropy": 0.3 - length / 100,
        "reward/mean": length / 20,
      });
    expect(alarms).toEqual([]);
    // The entropy is back where it began, and more than twice its lowest.
    await steps(4, { ...healthy, "rollout/entropy": 0.3, "papo/perception_kl": 0.9 });
    expect(alarms).toEqual([
      expect.stringMatching(/papo\/perception_kl 0\.300 → 0\.900; rollout\/entropy 0\.\d+ → 0\.300/),
    ]);
  });

  it("says what moved, once, and again after a calm", async () => {
    const { alarms, steps } = watch();
    await steps(6, healthy);
    await steps(5, collapsing);
    expect(alarms).toEqual([
      expect.stringMatching(
        /^8 CollapseDetectorPlugin: perception may be collapsing: papo\/perception_kl 0\.300 → 1\.00; rollout\/entropy 0\.300 → 0\.900\. Lower γ/,
      ),
    ]);
    await steps(5, healthy);
    await steps(5, collapsing);
    expect(alarms).toHaveLength(2);
  });

  it("counts a reward that is lost, and no number below its floor", async () => {
    const { alarms, steps } = watch({ evidence: 1 });
    await steps(6, { ...healthy, "policy/clip_high": 0.0001 });
    await steps(3, { ...healthy, "policy/clip_high": 0.01 });
    expect(alarms).toEqual([]);
    await steps(3, { ...healthy, "reward/mean": 0.2 });
    expect(alarms).toEqual([expect.stringContaining("reward/mean 0.600 → 0.200")]);
  });

  it("goes on from its saved state", async () => {
    const before = watch({ action: "cut" });
    await before.steps(6, healthy);
    await before.steps(3, collapsing);
    const after = watch({ action: "cut" });
    after.host.loadState(before.host.saveState());
    expect(after.gamma()).toBeCloseTo(0.05, 12);
    await after.steps(3, collapsing);
    expect(after.alarms).toEqual([]);
  });

  it("cuts γ and nothing else, again at each new alarm", async () => {
    const { host, steps, gamma, decisions } = watch({ action: "cut", cut: 0.2 });
    await steps(6, healthy);
    expect(gamma()).toBe(0.5);
    await steps(3, collapsing);
    expect(gamma()).toBeCloseTo(0.1, 12);
    expect(host.hooks.coefficient.call(0.5, { name: "papo/eta_masked", step: 9, steps: 100 })).toBe(0.5);
    await steps(5, healthy);
    await steps(3, collapsing);
    expect(gamma()).toBeCloseTo(0.02, 12);
    expect(decisions.every((decision) => decision === undefined)).toBe(true);
  });

  it("rolls back to before the signs, or stops", async () => {
    const back = watch({ action: "roll_back" });
    await back.steps(6, healthy);
    await back.steps(3, collapsing);
    expect(back.decisions[7]).toEqual({ rollBack: expect.stringContaining("papo/perception_kl") as string, before: 5 });
    expect(back.gamma()).toBeCloseTo(0.05, 12);
    // The weights are others now: it begins to watch anew, against the same best.
    await back.steps(5, healthy);
    expect(back.alarms).toHaveLength(1);
    const stop = watch({ action: "stop" });
    await stop.steps(6, healthy);
    await stop.steps(3, collapsing);
    expect(stop.decisions[7]).toEqual({ stop: expect.stringContaining("perception is collapsing") as string });
  });
});
