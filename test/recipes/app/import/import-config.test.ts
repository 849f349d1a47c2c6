import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHost, parseSettings } from "@papo/core";
import { describe, expect, test } from "vitest";
import { importConfig } from "../../../../recipes/app/import/import-config.ts";
import { readConfig } from "../../../../recipes/app/import/read-config.ts";
import { loadRunFile } from "../../../../recipes/run-file/run-file.ts";

/** The run file is read and its plugins made, as every command that runs one does. */
async function made(text: string, name: string) {
  const folder = mkdtempSync(join(tmpdir(), "import-"));
  const imported = importConfig(text, join(folder, name));
  const file = join(folder, "run.ts");
  // The tests' runner finds packages beside a file alone.
  const local = (package_: string): string =>
    JSON.stringify(new URL(`../../../../${package_}/index.ts`, import.meta.url).href);
  writeFileSync(
    file,
    imported.text.replace('"@papo/recipes"', local("recipes")).replace('"@papo/plugins"', local("plugins")),
  );
  const run = await loadRunFile(file);
  createHost(run.plugins, { seed: 1 });
  const optionsOf = (plugin: string) =>
    (run.plugins.find((one) => one.name === plugin) as { options?: Record<string, unknown> } | undefined)?.options;
  return {
    imported,
    run,
    settings: parseSettings(run.settings),
    optionsOf,
    left: new Map(imported.left.map(({ entry, reason }) => [entry.key, reason])),
  };
}

const trl = `
model_name_or_path: org/some-vlm-3B
dataset_name: org/pictures
output_dir: out/first
learning_rate: 2e-5
per_device_train_batch_size: 16
gradient_accumulation_steps: 4
num_generations: 8
max_completion_length: 1024
max_steps: 500
warmup_ratio: 0.1
beta: 0.04
epsilon_high: 0.28
loss_type: grpo
scale_rewards: none
use_peft: true
lora_r: 16
lora_target_modules: [q_proj, v_proj]
reward_funcs:
  - accuracy_reward
  - think_format_reward
  - my.own.reward
report_to: [trackio]
use_vllm: true
num_train_epochs: 3
`;

describe("TRL", () => {
  test("a configuration of its command line: batches of responses become prompts, and what is silent there is as it is there", async () => {
    const { settings, optionsOf, left, run, imported } = await made(trl, "grpo.yaml");
    expect([
      settings.samplesPerPrompt,
      settings.promptsPerStep,
      settings.steps,
      settings.warmupSteps,
      settings.learningRate,
      settings.sampling.maxNewTokens,
    ]).toEqual([8, 8, 500, 50, 2e-5, 1024]);
    expect([settings.decay, settings.optimizer.weightDecay, settings.lora?.rank, settings.lora?.targetModules]).toEqual(
      ["linear", 0, 16, ["q_proj", "v_proj"]],
    );
    expect(optionsOf("ClippedObjectivePlugin")).toMatchObject({
      clipLow: 0.2,
      clipHigh: 0.28,
      dualClip: null,
      reduction: "sequence_mean",
    });
    expect([
      optionsOf("ReferenceKlPlugin")?.["coefficient"],
      optionsOf("GroupAdvantagePlugin")?.["normalise"],
      optionsOf("TrackioPlugin") !== undefined,
    ]).toEqual([0.04, false, true]);
    expect([optionsOf("MathRewardPlugin")?.["weight"], optionsOf("FormatRewardPlugin")?.["weight"]]).toEqual([1, 1]);
    expect([...left.keys()]).toEqual(["reward_funcs", "use_vllm"]);
    // Each comment stands where the option would.
    expect(imported.text).toMatch(
      /plugins: \[\n {4}\/\/ line 12, beta.*\n {4}\/\/ line 19, reward_funcs: .*my\.own\.reward is a Python function.*\n {4}\.\.\.grpo/,
    );
    expect(imported.text).toMatch(
      /settings: \{\n[^]* {4}\/\/ line 24, use_vllm: true – not carried over: of another sampler/,
    );
    expect(imported.text).toMatch(/\/\/ Where the file is silent, as TRL 1\.16\.0 .*:\n {4}seed: 42,/);
    expect([settings.seed, settings.lora?.alpha, settings.lora?.dropout]).toEqual([42, 32, 0.05]);
    expect(run.model).toMatch(/models[\\/]some-vlm-3B$/);
  });

  test("JSON and flags of a script say the same", async () => {
    const json = await made(
      JSON.stringify({
        output_dir: "out",
        per_device_train_batch_size: 8,
        steps_per_generation: 4,
        gradient_accumulation_steps: 2,
        max_steps: 100,
        num_iterations: 2,
      }),
      "args.json",
    );
    expect([
      json.settings.promptsPerStep,
      json.settings.promptsPerMinibatch,
      json.settings.steps,
      json.settings.epochs,
    ]).toEqual([4, 2, 25, 2]);
    const flags = await made(
      "MODEL=./models/here\ntrl grpo \\\n  --model_name_or_path $MODEL \\\n  --learning_rate 3e-6 --reward_funcs accuracy_reward think_format_reward \\\n  --bf16 # comment\n",
      "run.sh",
    );
    expect([
      flags.settings.learningRate,
      flags.optionsOf("FormatRewardPlugin") !== undefined,
      [...flags.left.keys()],
    ]).toEqual([3e-6, true, ["bf16", "num_train_epochs"]]);
    expect(flags.imported.text).toContain(
      "// not in the file, num_train_epochs: 3 – not carried over: a run counts steps",
    );
    expect(flags.run.model).toMatch(/models[\\/]here$/);
  });
});

const verl = `#!/usr/bin/env bash
set -x
BATCH=\${BATCH:-64}
python3 -m verl.trainer.main_ppo \\
    algorithm.adv_estimator=grpo \\
    data.train_files=$HOME/rows/train.parquet \\
    data.val_files="['/rows/a.parquet','/rows/b.parquet']" \\
    data.train_batch_size=$BATCH data.max_response_length=1024 data.truncation='left' \\
    data.image_key=pictures \\
    actor_rollout_ref.model.path=org/some-vlm-7B \\
    actor_rollout_ref.actor.optim.lr=1e-6 \\
    actor_rollout_ref.actor.optim.lr_warmup_steps_ratio=0.05 \\
    actor_rollout_ref.actor.ppo_mini_batch_size=16 \\
    actor_rollout_ref.actor.use_kl_loss=True actor_rollout_ref.actor.kl_loss_coef=0.02 actor_rollout_ref.actor.kl_loss_type=mse \\
    actor_rollout_ref.actor.loss_agg_mode=seq-mean-token-mean \\
    actor_rollout_ref.actor.entropy_coeff=0.001 \\
    actor_rollout_ref.rollout.n=6 actor_rollout_ref.rollout.top_k=-1 \\
    +actor_rollout_ref.rollout.engine_kwargs.vllm.some=True \\
    algorithm.filter_groups.enable=True algorithm.filter_groups.metric=acc algorithm.filter_groups.max_num_gen_batches=5 \\
    trainer.logger='["console","tensorboard"]' trainer.save_freq=20 trainer.test_freq=10 \\
    trainer.total_training_steps=200 trainer.n_gpus_per_node=8 $@
`;

describe("verl", () => {
  test("the overrides of a script, with its variables", async () => {
    const { settings, optionsOf, left, run, imported } = await made(verl, "run.sh");
    expect([
      settings.promptsPerStep,
      settings.promptsPerMinibatch,
      settings.samplesPerPrompt,
      settings.steps,
      settings.warmupSteps,
      settings.checkpointEvery,
      settings.sampling.topK,
    ]).toEqual([64, 16, 6, 200, 10, 20, 0]);
    expect(optionsOf("ReferenceKlPlugin")).toMatchObject({
      coefficient: 0.02,
      estimator: "k2",
      reduction: "sequence_mean_nonempty",
    });
    expect(optionsOf("DynamicSamplingPlugin")).toMatchObject({ metric: "accuracy", keep: "varied", rounds: 5 });
    expect(optionsOf("EntropyPenaltyPlugin")).toMatchObject({
      coefficient: 0.001,
      direction: "maximise",
      estimate: "full",
    });
    expect([run.evaluation, optionsOf("TensorBoardPlugin") !== undefined]).toMatchObject([
      { data: { path: "/rows/a.parquet", columns: { images: "pictures" } }, every: 10 },
      true,
    ]);
    expect([...left.keys()]).toEqual([
      "data.truncation",
      "actor_rollout_ref.rollout.engine_kwargs.vllm.some",
      "trainer.n_gpus_per_node",
    ]);
    expect(imported.text).toContain("MathRewardPlugin stands in for the reward");
  });

  test("arrays, sums, defaults in one another and branches of a script", async () => {
    const script = `
n=\${N:-}
n=\${n:-6}
tokens=$((1024 * 2))
MODEL=\${MODEL:-"\${HOME}/models/vlm-\${n}b"}
DATA=(algorithm.adv_estimator=rloo
    data.max_response_length=$((tokens + 512))
    data.train_batch_size=32)
if [ "$GPU" = none ]; then
    ACTOR+=(actor_rollout_ref.rollout.n=1 data.max_prompt_length=99)
fi
uv run --extra vllm python3 -m verl.trainer.main_ppo "\${DATA[@]}" actor_rollout_ref.rollout.n=\${n} \\
    actor_rollout_ref.model.path="$MODEL" actor_rollout_ref.actor.policy_loss.loss_mode=gspo actor_rollout_ref.actor.clip_ratio=0.3 \\
    reward.reward_kwargs.overlong_buffer_cfg.enable=True reward.reward_kwargs.overlong_buffer_cfg.len=128 reward.reward_kwargs.max_resp_len=2048
`;
    const { settings, run, optionsOf, imported, left } = await made(script, "run.sh");
    expect([
      settings.samplesPerPrompt,
      settings.sampling.maxNewTokens,
      settings.maxPromptTokens,
      settings.promptsPerStep,
    ]).toEqual([6, 2560, 99, 32]);
    expect(run.model).toMatch(/models[\\/]vlm-6b$/);
    expect(run.plugins.map(({ name }) => name)).toEqual([
      "OverlongPenaltyPlugin",
      "LeaveOneOutAdvantagePlugin",
      "SequenceObjectivePlugin",
      "MathRewardPlugin",
    ]);
    expect(optionsOf("SequenceObjectivePlugin")).toMatchObject({ form: "token", clipLow: 0.2, clipHigh: 0.2 });
    expect(optionsOf("OverlongPenaltyPlugin")).toMatchObject({ maxLength: 2048, cache: 128 });
    expect(imported.text).toContain(
      "actor_rollout_ref.actor.clip_ratio: 0.3 – it has no effect there beside clip_ratio_low 0.2",
    );
    expect([...left.keys()]).toEqual(["trainer.total_epochs"]);
  });

  test("the same as YAML, and its silence", async () => {
    const { settings, optionsOf, left } = await made(
      "actor_rollout_ref:\n  model: {path: ./m}\n  rollout:\n    n: 4\ntrainer:\n  total_epochs: 2\n",
      "verl.yaml",
    );
    expect([
      settings.promptsPerStep,
      settings.promptsPerMinibatch,
      settings.samplesPerPrompt,
      settings.sampling.maxNewTokens,
    ]).toEqual([1024, 256, 4, 512]);
    expect([optionsOf("ClippedObjectivePlugin")?.["reduction"], optionsOf("ReferenceKlPlugin")]).toEqual([
      "token_mean",
      undefined,
    ]);
    // Its default is a critic.
    expect([...left.keys()]).toEqual(["trainer.total_epochs", "algorithm.adv_estimator"]);
  });
});

const easyr1 = `
data:
  train_files: org/rows@train
  val_files: org/rows@test
  prompt_key: question
  answer_key: truth
  rollout_batch_size: 128
  max_pixels: 1000000
algorithm:
  disable_kl: false
  use_kl_loss: true
  kl_penalty: low_var_kl
  kl_coef: 5.0e-3
worker:
  actor:
    global_batch_size: 128
    model: {model_path: ./weights, freeze_vision_tower: true}
    optim: {lr: 1.0e-6, strategy: adamw}
  rollout: {n: 5, tensor_parallel_size: 2}
  reward: {reward_function: ./examples/reward_function/math.py:compute_score}
trainer:
  max_steps: 60
  save_limit: -1
  nnodes: null
`;

describe("EasyR1", () => {
  test("its YAML", async () => {
    const { settings, optionsOf, left, run } = await made(easyr1, "config.yaml");
    expect([
      settings.promptsPerStep,
      settings.promptsPerMinibatch,
      settings.samplesPerPrompt,
      settings.steps,
      settings.pictures.maxPixels,
      settings.optimizer.freeze,
    ]).toEqual([128, null, 5, 60, 1e6, ["model.visual.**"]]);
    expect(run.data).toMatchObject({ split: "train", columns: { prompt: "question", answer: "truth" } });
    expect([
      optionsOf("ReferenceKlPlugin")?.["coefficient"],
      optionsOf("ClippedObjectivePlugin")?.["clipHigh"],
      optionsOf("MathRewardPlugin")?.["weight"],
    ]).toEqual([0.005, 0.3, 0.9]);
    expect([...left]).toEqual([
      [
        "worker.rollout.tensor_parallel_size",
        "several devices are settings.devices here, of one machine and with the executor xla",
      ],
    ]);
  });

  test("a script names the file that it changes", () => {
    const folder = mkdtempSync(join(tmpdir(), "import-"));
    writeFileSync(join(folder, "config.yaml"), easyr1);
    const { text, left } = importConfig(
      "python3 -m verl.trainer.main \\\n  config=examples/config.yaml \\\n  worker.rollout.n=9 algorithm.disable_kl=True\n",
      join(folder, "run.sh"),
    );
    expect(text).toContain("samplesPerPrompt: 9");
    expect(text).toContain("referenceKl: 0 ");
    expect(left.map(({ entry }) => [entry.file, entry.key])).toEqual([
      ["config.yaml", "worker.rollout.tensor_parallel_size"],
    ]);
    expect(text).toContain(
      "// config.yaml, line 19, worker.rollout.tensor_parallel_size: 2 – not carried over: several devices are settings.devices here, of one machine and with the executor xla",
    );
  });

  test("a file that is not there is named", () => {
    const { text, missing } = importConfig(
      "C=nowhere/config.yaml\npython3 -m verl.trainer.main \\\n  config=${C} \\\n  worker.rollout.n=9\n",
      join(mkdtempSync(join(tmpdir(), "import-")), "run.sh"),
    );
    expect([missing, text.includes('It changes "nowhere/config.yaml", which was not found')]).toEqual([
      "nowhere/config.yaml",
      true,
    ]);
  });

  test("its silence: long prompts are skipped, pictures have bounds, the KL is in the reward", async () => {
    const { settings, optionsOf } = await made("worker:\n  rollout: {n: 4}\n", "config.yaml");
    expect([
      settings.onLongPrompt,
      settings.pictures.minPixels,
      settings.pictures.maxPixels,
      settings.promptsPerStep,
      settings.promptsPerMinibatch,
    ]).toEqual(["skip", 262144, 4194304, 512, 256]);
    expect(optionsOf("ReferenceKlRewardPlugin")?.["coefficient"]).toBe(0.001);
  });
});

test("PAPO's release: the perception term, its mask and both entropies", async () => {
  const released = `
algorithm:
  disable_kl: true
  online_filtering: true
  filter_key: accuracy
  use_kl_prcp: true
  kl_prcp_penalty: low_var_kl
  kl_prcp_coef: 0.015
  aug_config: {patch_size: 28, black_prob: 0.5}
  kl_prcp_schedule: annealing
  kl_prcp_schedule_args: {start_value: 0.02, end_value: 0.0, annealing_ratio: 0.25}
  use_aug_entropy_loss: true
  aug_entropy_loss_coef: 0.02
  use_ori_entropy_loss: true
  ori_entropy_loss_coef: 0.02
worker:
  rollout: {n: 5}
trainer: {max_steps: 9}
`;
  const { optionsOf, left, run } = await made(released, "config.yaml");
  expect(optionsOf("PerceptionKlPlugin")).toMatchObject({ coefficient: 0.015, mode: "official" });
  expect(optionsOf("RandomMaskPlugin")).toMatchObject({ ratio: 0.5, patch: 28 });
  expect(optionsOf("DoubleEntropyPlugin")).toMatchObject({ original: 0.02, masked: 0.02 });
  expect(optionsOf("PerceptionSchedulePlugin")).toMatchObject({ from: 0.02, to: 0, over: 0.25 });
  expect(optionsOf("DynamicSamplingPlugin")).toMatchObject({
    metric: "accuracy",
    keep: "between",
    whenNoneSurvives: "keep",
  });
  expect([[...left], run.plugins.some(({ name }) => name.startsWith("ReferenceKl"))]).toEqual([[], false]);
});

test("what is no configuration is refused with what was found, and what stands in one cannot leave its comment", () => {
  expect(() => readConfig("a: 1\nb: 2\n", "x.yaml")).toThrow(
    "x.yaml is no configuration of TRL (GRPOConfig), verl (actor_rollout_ref. …) or EasyR1 (worker. …): it has a, b",
  );
  expect(() => readConfig("a: [1\nb: 2", "x.yaml")).toThrow(/x\.yaml cannot be read as YAML or JSON: /);
  const { text } = importConfig('learning_rate: fast\nunknown: "*/\\n process.exit()"\n"__proto__": 1\n', "x.yaml");
  expect(
    text
      .split("\n")
      .filter((line) => line.includes("process.exit"))
      .every((line) => /^ +\/\/ /.test(line)),
  ).toBe(true);
  expect(text).toContain(
    '    // line 1, learning_rate: "fast" – not carried over: settings.learningRate does not take "fast"',
  );
});

test("values that may be keys are not copied", () => {
  const { text } = importConfig("learning_rate: 1e-6\nhub_token: hf_abcdefghijk\npad_token: '<pad>'\n", "grpo.yaml");
  expect(text).toMatch(/hub_token: \(not copied, since it may be a key\)/);
  expect(text).not.toContain("hf_abcdefghijk");
  expect(text).toContain("<pad>");
});

const nine = (name: string): string => Array(9).fill(`*${name}`).join(",");
test.each([
  [
    "aliases that stand for millions of values",
    `learning_rate: 1\na: &a [1]\n${[..."bcdefgh"].map((name, at) => `${name}: &${name} [${nine("abcdefg"[at]!)}]`).join("\n")}`,
    /its aliases \(\*name\) stand for more than 100 values, or for none/,
  ],
  ["an alias of nothing", "learning_rate: *nobody", /cannot be read as YAML/],
  ["thousands of brackets", `learning_rate: ${"[".repeat(200_000)}`, /it is nested too deep/],
  ["thousands of lists on a line", `learning_rate:\n  ${"- ".repeat(100_000)}1`, /it is nested too deep/],
])("%s are one error", (_what, text, message) => {
  expect(() => importConfig(text, "grpo.yaml")).toThrow(message);
});
