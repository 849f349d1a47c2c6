import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { adaptedModel, loadAdapterFolder } from "../../core/model/files/adapter-folder.ts";
import { readModelConfig } from "../../core/model/files/read-config.ts";
import { openLora } from "../../core/model/lora/open.ts";
import { loraSchema } from "../../core/model/lora/settings.ts";
import { learnerSettings, parseSettings } from "../../core/contracts/settings.ts";
import { openPolicy } from "../../core/worker/policy.ts";
import { editJson, newFolder, removeFolders, tinyModel } from "./support.ts";

const good = fileURLToPath(new URL("../golden/cases/lora/adapters/patterns", import.meta.url));
afterAll(removeFolders);

const model = adaptedModel(await readModelConfig(tinyModel));

/** The error of loading a damaged copy of an adapter. */
async function refusal(damage: (folder: string) => void): Promise<string> {
  const folder = newFolder();
  cpSync(good, folder, { recursive: true });
  damage(folder);
  return loadAdapterFolder(folder, "", model).then(
    () => "no error",
    (error: Error) => error.message,
  );
}

type Json = Record<string, unknown>;
const config = (change: Json): Promise<string> =>
  refusal((folder) => editJson(join(folder, "adapter_config.json"), (read) => ({ ...read, ...change })));
const tensors = (folder: string): string => join(folder, "adapter_model.safetensors");

/** Rewrite the header of the tensors' file; the data stays. */
const header = (change: (header: Json) => Json): Promise<string> =>
  refusal((folder) => {
    const bytes = readFileSync(tensors(folder));
    const length = Number(bytes.readBigUInt64LE());
    const text = Buffer.from(JSON.stringify(change(JSON.parse(bytes.subarray(8, 8 + length).toString()) as Json)));
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(text.length));
    writeFileSync(tensors(folder), Buffer.concat([size, text, bytes.subarray(8 + length)]));
  });
const first = "base_model.model.model.language_model.layers.1.self_attn.q_proj.lora_A.weight";
const renamed = (name: string): Promise<string> =>
  header((read) => Object.fromEntries(Object.entries(read).map(([key, entry]) => [key === first ? name : key, entry])));

describe("an adapter's folder", () => {
  test("as it is, is read", async () => {
    expect(await refusal(() => undefined)).toBe("no error");
  });

  test("that is missing, empty, or of another format", async () => {
    await expect(loadAdapterFolder("/no/such/folder", "", model)).rejects.toThrow(
      "/no/such/folder holds no adapter_config.json: is it an adapter as PEFT saves it?",
    );
    expect(await refusal((folder) => rmSync(tensors(folder)))).toMatch(/holds no adapter_model\.safetensors$/);
    expect(
      await refusal((folder) => {
        rmSync(tensors(folder));
        writeFileSync(join(folder, "adapter_model.bin"), "");
      }),
    ).toMatch(/adapter_model\.bin is not read: load it with PEFT and save it with safe_serialization/);
    expect(await refusal((folder) => writeFileSync(join(folder, "adapter_config.json"), "{"))).toMatch(
      /adapter_config\.json is not JSON/,
    );
    expect(await refusal((folder) => truncateSync(tensors(folder), 700))).toMatch(
      /not a usable safetensors file.*truncated/,
    );
  });

  test("whose configuration is wrong, or of another kind of adapter", async () => {
    expect(await config({ peft_type: "IA3" })).toMatch(/of the type "IA3"; only LORA can be used/);
    expect(await config({ r: 0 })).toMatch(/adapter_config\.json: the option "r" is 0, allowed is more than 0/);
    expect(await config({ r: "8" })).toMatch(/"r" is "8", allowed is/);
    expect(await config({ lora_alpha: -1 })).toMatch(/"lora_alpha" is -1/);
    expect(await config({ lora_dropout: 1 })).toMatch(/"lora_dropout" is 1, allowed is less than 1/);
    expect(await config({ target_modules: undefined })).toMatch(/"target_modules" is missing/);
    expect(await config({ use_dora: true, modules_to_save: ["lm_head"] })).toMatch(
      /sets use_dora \(DoRA's magnitudes\), modules_to_save \(whole modules/,
    );
    expect(await config({ bias: "all" })).toMatch(/sets bias "all"/);
    expect(await config({ init_lora_weights: "pissa_niter_4" })).toMatch(
      /was initialised by pissa_niter_4, which changes the base's weights/,
    );
    expect(await config({ target_modules: "(" })).toMatch(
      /adapter_config\.json: targetModules is no regular expression/,
    );
    expect(await config({ target_modules: "([a-z_.0-9]+)+!" })).toMatch(/takes too long/);
    expect(await config({ rank_pattern: { "(": 3 } })).toMatch(/rank_pattern is no regular expression/);
    expect(await config({ target_modules: ["query"] })).toMatch(
      /fit no linear layer; endings there are: .*q_proj, k_proj/,
    );
  }, 15_000);

  test("whose tensors are missing, strange, of another shape, type or model, or not finite", async () => {
    expect(await config({ layers_to_transform: [1, 2, 3] })).toMatch(
      /is not what adapter_config\.json and this model describe; missing: .*layers\.3.*and \d+ more/,
    );
    expect(await config({ layers_to_transform: [1] })).toMatch(/not among the targets: .*layers\.2/);
    expect(await config({ rank_pattern: {} })).toMatch(
      /of another shape: .*v_proj\.lora_A\.weight is \[3, 128\], not \[2, 128\]/,
    );
    expect(await config({ r: 1e9 })).toMatch(/of another shape/);
    expect(await renamed("base_model.model.transformer.h.0.attn.lora_A.weight")).toMatch(
      /is no factor of a linear layer that this model has: is it an adapter of another model/,
    );
    expect(await renamed(first.replace("lora_A", "lora_magnitude_vector"))).toMatch(/is no factor of a linear layer/);
    expect(await renamed(first.replace("lora_A", "lora_A.default"))).toBe("no error");
    expect(await renamed(first.replace("model.language_model", "model"))).toBe("no error");
    expect(await header((read) => ({ ...read, [first]: { ...(read[first] as Json), dtype: "I32" } }))).toMatch(
      /has the type I32; weights must be F32, F16 or BF16/,
    );
    expect(
      await refusal((folder) => {
        const bytes = readFileSync(tensors(folder));
        bytes.writeFloatLE(NaN, bytes.length - 4);
        writeFileSync(tensors(folder), bytes);
      }),
    ).toMatch(/holds NaN at \d+: these weights are damaged/);
  });
});

describe("settings.lora", () => {
  const open = (settings: object): Promise<string> =>
    openLora(loraSchema.parse(settings), { ...model, folder: tinyModel, seed: 1 }).then(
      () => "no error",
      (error: Error) => error.message,
    );

  test("is told what is wrong with it", () => {
    const of = (lora: object): string => {
      try {
        parseSettings({ lora });
        return "no error";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(of({ rank: 0 })).toMatch(/"lora\.rank" is 0, allowed is more than 0/);
    expect(of({ r: 8 })).toMatch(/unknown option "lora\.r"/);
    expect(of({ dropout: 1 })).toMatch(/"lora\.dropout" is 1, allowed is less than 1/);
    expect(of({ targetModules: 3 })).toMatch(/"lora\.targetModules" is 3, allowed is a text or a list of texts/);
    expect(of({})).toBe("no error");
  });

  test("that contradicts the adapter it goes on from, or names none, is refused", async () => {
    expect(await open({ start: good })).toBe("no error");
    expect(await open({ start: good, rank: 2 })).toBe("no error");
    expect(await open({ start: good, rank: 8, alpha: 1 })).toMatch(
      /settings\.lora: rank, alpha are the start's, .*patterns \(2, 4\): leave it out/,
    );
    expect(await open({ start: "/no/such/adapter" })).toMatch(/\/no\/such\/adapter holds no adapter_config\.json/);
    expect(await open({ reference: good })).toMatch(
      /the reference .* has other targets or ranks than the adapter that is trained/,
    );
    expect(await open({ start: good, reference: good, fixed: [good] })).toBe("no error");
    expect(await open({ targetModules: ["qkv"] })).toMatch(/fit no linear layer/);
    expect(await open({ targetModules: ["qkv"], vision: true })).toBe("no error");
  });

  test("is refused in a worker thread in the same words", async () => {
    const settings = learnerSettings(parseSettings({ lora: { targetModules: ["nothing"] } }));
    await expect(openPolicy({ folder: tinyModel, ...settings })).rejects.toThrow(
      /^settings\.lora: the targets \["nothing"\] fit no linear layer/,
    );
  });
});
