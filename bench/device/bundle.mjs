/**
 * Makes the folder that measures on a bare machine: `node bench/device/bundle.mjs <folder>`.
 * It holds Node's binary (stripped, packed with xz), the project's code in two files, koffi for Linux on x64, the torch
 * peer, and golden values with their pictures decoded. Needs strip and xz; the machine needs an NVIDIA driver, Python
 * with torch and transformers, and a PJRT plugin (jax-cuda13-pjrt).
 */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import { build } from "esbuild";
import sharp from "sharp";

const here = import.meta.dirname;
const root = join(here, "..", "..");
const folder = resolve(process.argv[2] ?? join(root, ".device"));
const cases = join(root, "test", "golden", "cases");
/** Of the models' cases: one with a picture, one with prompts of several lengths. */
const modelCases = ["tiny.p1_one_image", "tiny.p3_leftpad_batch"];

// Packing Node takes minutes: what was packed of this very version stays.
const packed = join(folder, `node-${process.version}.xz`);
for (const name of existsSync(folder) ? readdirSync(folder) : []) {
  if (join(folder, name) !== packed) rmSync(join(folder, name), { recursive: true });
}
mkdirSync(join(folder, "goldens", "models"), { recursive: true });

const standIns = { vitest: "small-vitest.ts", sharp: "absent.ts", "onnxruntime-node": "absent.ts" };
await build({
  entryPoints: [join(here, "main.ts")],
  outdir: folder,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node20",
  format: "esm",
  external: ["koffi"],
  logLevel: "error",
  banner: { js: 'import { createRequire as bundled } from "node:module"; const require = bundled(import.meta.url);' },
  plugins: [
    {
      name: "stand-ins",
      setup(making) {
        making.onResolve({ filter: /^(vitest|sharp|onnxruntime-node)$/ }, ({ path }) => ({
          path: join(here, standIns[path]),
        }));
        making.onResolve({ filter: /support\/executors\.ts$/ }, () => ({ path: join(here, "executors.ts") }));
      },
    },
  ],
});

for (const name of ["koffi", "@koromix/koffi-linux-x64"]) {
  const from = join(root, "node_modules", name);
  cpSync(from, join(folder, "node_modules", name), {
    recursive: true,
    filter: (path) => !/koffi\/(vendor|doc)(\/|$)/.test(path),
  });
}
copyFileSync(join(here, "peer.py"), join(folder, "peer.py"));
copyFileSync(join(here, "run.sh"), join(folder, "run.sh"));

copyFileSync(join(cases, "ops.json"), join(folder, "goldens", "ops.json"));
for (const name of modelCases)
  for (const end of ["json", "safetensors"])
    copyFileSync(join(cases, "models", `${name}.${end}`), join(folder, "goldens", "models", `${name}.${end}`));
cpSync(join(cases, "models", "tiny"), join(folder, "goldens", "models", "tiny"), { recursive: true });
mkdirSync(join(folder, "goldens", "images"));
const texts = modelCases.map((name) => readFileSync(join(cases, "models", `${name}.json`), "utf8"));
const shown = new Set(texts.flatMap((text) => [...text.matchAll(/"image": "([^"]+)"/g)].map(([, name]) => name)));
for (const name of shown) {
  const { data, info } = await sharp(readFileSync(join(cases, "images", name)))
    .autoOrient()
    .toColourspace("srgb")
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const head = Buffer.alloc(12);
  head.write("RAW", "latin1");
  head.writeUInt32LE(info.width, 4);
  head.writeUInt32LE(info.height, 8);
  writeFileSync(join(folder, "goldens", "images", basename(name)), Buffer.concat([head, data]));
}

if (!existsSync(packed)) {
  const node = packed.slice(0, -".xz".length);
  copyFileSync(process.execPath, node);
  execFileSync("strip", [node]);
  execFileSync("xz", ["-6", "-T0", node]);
}

const sizeOf = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : statSync(path).size;
const [megabytes, most] = [sizeOf(folder) / 1e6, 60];
console.log(`${folder}: ${megabytes.toFixed(1)} MB`);
if (megabytes > most) throw new Error(`${folder} has ${megabytes.toFixed(1)} MB, and at most ${most} are sent`);
