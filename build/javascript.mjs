/**
 * A package's sources as JavaScript with source maps, by esbuild: a bundle whose parts are shared between its entries.
 */
import { build } from "esbuild";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve, sep } from "node:path";
import { filesOf, root } from "./packages.mjs";

/** `new URL("./score-worker.mjs", import.meta.url)`: a module that is loaded by its address. */
const address = /new URL\("(\.[^"]+)\.(ts|mjs)", import\.meta\.url\)/g;

/** What tfjs-core ships for bundlers alone; see core/math/gradients.ts. */
const gradients = ["register_all_gradients.js", "public/chained_ops/register_all_chained_ops.js"];

/**
 * Writes `<folder>/*.js` and source maps; modules that are loaded by their address get a file at their source's place.
 * @param name the package's folder in the project
 * @param entries name of the file → source, relative to the package
 */
export async function buildJavaScript(name, entries, folder) {
  const loaded = loadedByAddress(name);
  const all = { ...entries, ...Object.fromEntries(loaded.map(({ entry, source }) => [entry, source])) };
  const { metafile } = await build({
    absWorkingDir: join(root, name),
    entryPoints: all,
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    chunkNames: "[name]-[hash]",
    sourcemap: true,
    metafile: true,
    logLevel: "warning",
    mainFields: ["module", "main"],
    plugins: [ownSources(join(root, name)), otherPackages()],
  });
  for (const { place, entry } of loaded) {
    const file = join(folder, place);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `export * from "${"../".repeat(place.split("/").length - 1)}${entry}.js";\n`);
  }
  for (const path of Object.keys(metafile.outputs))
    if (path.endsWith(".map")) nameSources(join(root, name, path), join(root, name));
}

/**
 * Modules that sources load by their address. A worker's `.mjs` makes Node read TypeScript; built, nothing need do so.
 */
export function loadedByAddress(name) {
  return filesOf(name)
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) =>
      [...withoutComments(readFileSync(join(root, path), "utf8")).matchAll(address)].flatMap(
        ([, target, extension]) => {
          const module = posix.relative(name, posix.join(posix.dirname(path), target));
          const isThere = (file) => filesOf(name).includes(`${name}/${file}`);
          // A worker that is plain JavaScript has no TypeScript beside it.
          const source = extension === "mjs" && !isThere(`${module}.ts`) ? `${module}.mjs` : `${module}.ts`;
          if (!isThere(source)) return [];
          return [
            { source, entry: module.replaceAll("/", "-"), place: `${module}.${extension === "ts" ? "js" : extension}` },
          ];
        },
      ),
    );
}

const withoutComments = (text) => text.replace(/\/\*[^]*?\*\//g, "");

/** All code stands at the top of the built package: what a source says of its own place is said from there. */
const ownSources = (folder) => ({
  name: "own-sources",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      if (path.includes("node_modules")) return undefined;
      const place = path.slice(folder.length + 1).replaceAll("\\", "/");
      const contents = readFileSync(path, "utf8")
        .replace(address, (whole, target, extension) =>
          whole.replace(`${target}.${extension}`, `${target}.${extension === "ts" ? "js" : extension}`),
        )
        .replace(/\bimport\.meta\.url\b/g, `new URL("./${place.replace(/\.ts$/, ".js")}", import.meta.url).href`)
        .replace(/\bimport\.meta\.dirname\b/g, `\`\${import.meta.dirname}/${posix.dirname(place)}\``);
      return { contents, loader: "ts" };
    });
  },
});

/** Packages stay imports, but for tfjs-core's gradients. */
const otherPackages = () => ({
  name: "other-packages",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^./]/ }, ({ path, importer, kind }) => {
      if (kind === "entry-point" || importer.includes("node_modules") || importer === gradientFiles) return undefined;
      if (path === "@tensorflow/tfjs") return { path: gradientFiles, namespace: gradientFiles };
      return { path, external: true };
    });
    onLoad({ filter: /.*/, namespace: gradientFiles }, () => ({
      contents: gradients.map((file) => `import "@tensorflow/tfjs-core/dist/${file}";`).join("\n"),
      resolveDir: join(root, "core"),
    }));
  },
});
const gradientFiles = "tfjs-gradients";

/** Sources by their place in the package, those of others by theirs in node_modules, whatever machine built it. */
function nameSources(file, own) {
  const map = JSON.parse(readFileSync(file, "utf8"));
  const placeOf = (path) => {
    const source = resolve(dirname(file), path);
    return relative(source.startsWith(own + sep) ? own : root, source).replaceAll(sep, "/");
  };
  writeFileSync(
    file,
    JSON.stringify({ ...map, sources: map.sources.map((path) => (path.includes(":") ? path : placeOf(path))) }),
  );
}
