/**
 * Folders and adapters that this project writes, of every family, loaded by transformers and PEFT: log-probs within
 * 2e-5, fields of config.json that nobody here knows, tokenizer files and ends of text as they were. Needs a Python
 * with torch, transformers and peft: the peers' of `npm run bench:peers`, or the one that PEER_PYTHON names.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import { root, run, type Result } from "./part.ts";

type Json = Record<string, unknown>;

const home = join(root, "runs/soak/folders");
const scripts = join(root, "test/golden/scripts");
/** A case of each family, and the type and largest shard that its trained folder is written with. */
const written = [
  ["tiny.p2_two_images", "F32", "5000000000"],
  ["tiny.p2_two_images", "BF16", "300000"],
  ["qwen2_vl.mixed", "F32", "300000"],
  ["qwen3_vl.mixed", "F32", "5000000000"],
  ["smolvlm.mixed", "F32", "5000000000"],
  ["idefics3.mixed", "F16", "5000000000"],
] as const;
const adapters = [{ rank: 4 }, { rank: 3, alpha: 7, useRslora: true, vision: true }];
/** What a folder may hold beyond what is known here. */
const unknown = { somebodys_own: { kept: [1, null, "ü"] } };

function peersPython(): string | null {
  const places = [process.env["PEER_PYTHON"], join(root, "bench/peer/.venv/bin/python"), "python3"];
  return (
    places.find(
      (python) => python !== undefined && spawnSync(python, ["-c", "import torch, transformers, peft"]).status === 0,
    ) ?? null
  );
}

const readJson = (file: string): Json => JSON.parse(readFileSync(file, "utf8")) as Json;

/** The golden models with fields that nobody knows and a second end of text. */
function sources(): string {
  const folder = join(home, "sources");
  rmSync(home, { recursive: true, force: true });
  cpSync(join(root, "test/golden/cases"), folder, { recursive: true });
  for (const name of new Set(written.map(([model]) => model.split(".")[0]!))) {
    const [config, generation] = ["config.json", "generation_config.json"].map((file) =>
      join(folder, "models", name, file),
    ) as [string, string];
    const text = readJson(config)["text_config"] as Json;
    writeFileSync(config, JSON.stringify({ ...readJson(config), ...unknown, text_config: { ...text, ...unknown } }));
    const known = existsSync(generation) ? readJson(generation) : {};
    writeFileSync(
      generation,
      JSON.stringify({ ...known, ...unknown, eos_token_id: [[known["eos_token_id"] ?? 1].flat()[0], 3] }),
    );
  }
  return folder;
}

/** What of a model's files is not as it was where it was read. */
function changes(from: string, to: string): string[] {
  const found = [];
  for (const file of readdirSync(from).filter((name) =>
    /tokenizer|vocab|merges|template|special|processor|generation/.test(name),
  )) {
    if (!existsSync(join(to, file)) || !readFileSync(join(from, file)).equals(readFileSync(join(to, file))))
      found.push(`${file} is another one`);
  }
  const [before, after] = [readJson(join(from, "config.json")), readJson(join(to, "config.json"))];
  const typed = new Set(["dtype", "torch_dtype", "text_config", "vision_config"]);
  for (const [key, value] of Object.entries(before))
    if (!typed.has(key) && !isDeepStrictEqual(after[key], value)) found.push(`config.json's ${key} changed`);
  if (!isDeepStrictEqual((after["text_config"] as Json)["somebodys_own"], unknown.somebodys_own))
    found.push("text_config lost a field");
  return found;
}

export function folders(): readonly Result[] {
  const python = peersPython();
  if (python === null)
    return [
      {
        tried: "folders in transformers and PEFT",
        found: "skipped: no Python here has torch, transformers and peft",
        held: true,
      },
    ];
  const golden = sources();
  const node = (script: string, ...args: readonly string[]): boolean =>
    run(process.execPath, ["--import", "tsx", join(scripts, script), ...args], { env: { GOLDEN_DIR: golden } }) === 0;
  const check = (script: string, ...args: readonly string[]): boolean =>
    run(python, [join(scripts, script), ...args]) === 0;
  const rows: Result[] = [];
  for (const [name, type, shard] of written) {
    const output = join(home, `${name}-${type}`);
    const same =
      node("write-trained-folder.ts", name, output, type, shard) &&
      check("check_in_transformers.py", join(output, "model"), join(output, "row0.json"));
    const changed = same ? changes(join(golden, "models", name.split(".")[0]!), join(output, "model")) : [];
    rows.push({
      tried: `${name} as ${type} in transformers`,
      found: same ? (changed[0] ?? "as it should") : "failed",
      held: same && changed.length === 0,
    });
  }
  for (const model of new Set(written.map(([name]) => name.split(".")[0]!))) {
    for (const [index, settings] of adapters.entries()) {
      const output = join(home, `${model}-adapter-${index}`);
      const held =
        node("write-trained-adapter.ts", output, JSON.stringify(settings), join(golden, "models", model)) &&
        check("check_in_peft.py", output);
      rows.push({
        tried: `${model}: ${JSON.stringify(settings)} in PEFT`,
        found: held ? "as it should" : "failed",
        held,
      });
    }
  }
  return rows;
}
