import { createHost } from "@papo/core";
import { CollapseDetectorPlugin } from "@papo/plugins";
import { describe, expect, it } from "vitest";

const healthy = { "papo/perception_kl": 0.3, "papo/entropy": 0.8, "policy/clip_high": 0.01, "papo/length": 20 };

function watch(options: ConstructorParameters<typeof CollapseDetectorPlugin>[0] = { baselineSteps: 3, window: 2 }) {
  const host = createHost([new CollapseDetectorPlugin(options)], { seed: 1 });
  const alarms: string[] = [];
  host.events.on("alarm", ({ step, plugin, message }) => alarms.push(`${step} ${plugin}: ${message}`));
  let step = 0;
  const steps = async (count: number, metrics: Record<string, number>): Promise<void> => {
    for (let index = 0; index < count; index++) {
      step++;
      expect(await host.hooks.stepped.promise({ step, steps: 100, metrics })).toBeUndefined();
    }
  };
  return { host, alarms, steps };
}

describe("CollapseDetectorPlugin", () => {
  it("is silent while the run is healthy, and when only one number moves", async () => {
    const { alarms, steps } = watch();
    await steps(10, healthy);
    await steps(10, { ...healthy, "papo/perception_kl": 3 });
    expect(alarms).toEqual([]);
  });

  it("says what moved, once, and again after a calm", async () => {
    const { alarms, steps } = watch();
    const collapsing = { ...healthy, "papo/perception_kl": 3, "papo/entropy": 4 };
    await steps(4, healthy);
    await steps(5, collapsing);
    expect(alarms).toEqual([expect.stringMatching(/^6 CollapseDetectorPlugin: .*papo\/perception_kl 0\.300 → 3\.00; papo\/entropy 0\.800 → 4\.00/)]);
    await steps(5, healthy);
    await steps(5, collapsing);
    expect(alarms).toHaveLength(2);
  });

  it("notices an entropy that vanishes and responses that shrink", async () => {
    const { alarms, steps } = watch();
    await steps(4, healthy);
    await steps(3, { ...healthy, "papo/entropy": 0.1, "papo/length": 3 });
    expect(alarms[0]).toContain("papo/length 20.0 → 3.00");
  });

  it("goes on from its saved state", async () => {
    const before = watch();
    await before.steps(4, healthy);
    const after = watch();
    after.host.loadState(before.host.saveState());
    await after.steps(2, { ...healthy, "papo/perception_kl": 3, "papo/entropy": 4 });
    expect(after.alarms).toHaveLength(1);
  });
});
