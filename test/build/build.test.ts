import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectFiles, projectFolder, projectText } from "../house/project-files.ts";

interface Build {
  buildPackages(options: { built: string }): Promise<void>;
}

const { reasonOf } = (await import(new URL("../../build/declarations.mjs", import.meta.url).href)) as {
  reasonOf(error: object): string;
};
const { buildPackages } = (await import(new URL("../../build/build.mjs", import.meta.url).href)) as Build;

/** Beside the dependencies, which built packages find one folder up. */
const built = join(projectFolder, "node_modules", `.papo-test-${process.pid}`);
const packages = join(built, "node_modules", "@papo");
beforeAll(() => buildPackages({ built }));
afterAll(() => rmSync(built, { recursive: true, force: true }));

/** Run a script with Node alone; what it prints. */
function run(file: string, text: string): string {
  mkdirSync(dirname(join(built, file)), { recursive: true });
  writeFileSync(join(built, file), text);
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(built, file)], { encoding: "utf8", cwd: built });
  expect(status, stderr).toBe(0);
  return stdout.trim();
}

describe("the built packages", () => {
  test("hold JavaScript alone, with source maps that name the sources", () => {
    for (const name of ["core", "plugins", "recipes"]) {
      const files = readdirSync(join(packages, name), { recursive: true }) as string[];
      expect(files.filter((file) => file.endsWith(".ts"))).toEqual(
        name === "recipes" ? [join("examples", "visual-focus.ts")] : [],
      );
      const map = JSON.parse(readFileSync(join(packages, name, "index.js.map"), "utf8")) as {
        sources: string[];
        sourcesContent: string[];
      };
      const odd = map.sources.filter(
        (path) => !/:|^node_modules\//.test(path) && !existsSync(join(projectFolder, name, path)),
      );
      expect(odd).toEqual([]);
      expect(map.sourcesContent).toHaveLength(map.sources.length);
    }
  });

  test("hold every file that a source names by its address", () => {
    const named = projectFiles()
      .filter((path) => /^(?:core|plugins|recipes)\/.*\.ts$/.test(path) && !/\/(?:examples|works)\//.test(path))
      .flatMap((path) =>
        [
          ...(projectText(path) ?? "")
            .replace(/\/\*[^]*?\*\//g, "")
            .matchAll(/new URL\(["`](\.[^"`$]+)[^"`]*["`], import\.meta\.url\)/g),
        ].map(([, target]) => ({ path, target: target! })),
      );
    expect(named.length).toBeGreaterThan(5);
    for (const { path, target } of named) {
      expect(existsSync(join(packages, dirname(path), target.replace(/\.ts$/, ".js"))), `${path} names ${target}`).toBe(
        true,
      );
    }
  });

  test("are imported, and required from CommonJS, by Node alone", () => {
    const names = "[grpo().length, typeof core.train, typeof lossOf, typeof plugins.PerceptionKlPlugin].join()";
    const imported = run(
      "esm/script.mjs",
      `import { grpo } from "@papo/recipes"; import * as core from "@papo/core"; import { lossOf } from "@papo/core/testing"; import * as plugins from "@papo/plugins"; console.log(${names});`,
    );
    expect(imported).toBe("3,function,function,function");
    const required = run(
      "cjs/script.cjs",
      `const { grpo } = require("@papo/recipes"); const core = require("@papo/core"); const { lossOf } = require("@papo/core/testing"); const plugins = require("@papo/plugins"); console.log(${names});`,
    );
    expect(required).toBe(imported);
  });

  test("register the gradients and methods that sources get from the umbrella package, and do without it", () => {
    const list =
      'const names = [...globalThis._tfGlobals.get("gradRegistry").keys(), ...Object.getOwnPropertyNames(Object.getPrototypeOf(tf.scalar(1)))].sort(); console.log(JSON.stringify(names));';
    const ours = run(
      "esm/ours.mjs",
      `import "@papo/core/testing"; import * as tf from "@tensorflow/tfjs-core"; ${list}`,
    );
    const theirs = run(
      "esm/theirs.mjs",
      `import "@tensorflow/tfjs"; import * as tf from "@tensorflow/tfjs-core"; ${list}`,
    )
      .split("\n")
      .at(-1)!;
    expect((JSON.parse(ours) as string[]).length).toBeGreaterThan(200);
    expect(JSON.parse(ours)).toEqual(JSON.parse(theirs));
    const code = readdirSync(join(packages, "core"))
      .filter((file) => file.endsWith(".js"))
      .map((file) => readFileSync(join(packages, "core", file), "utf8"))
      .join("\n");
    expect(code).not.toMatch(/from ?"@tensorflow\/tfjs"|import ?"@tensorflow\/tfjs"/);
  });

  test("name what they import as their dependencies", () => {
    const builtin = /^(?:node:|@papo\/)/;
    for (const name of ["core", "plugins", "recipes"]) {
      const {
        dependencies,
        exports,
        private: isPrivate,
      } = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")) as {
        dependencies: Record<string, string>;
        exports: Record<string, unknown>;
        private?: boolean;
      };
      expect(isPrivate).toBeUndefined();
      expect(exports["."]).toEqual({ default: "./index.js" });
      const code = readdirSync(join(packages, name))
        .filter((file) => file.endsWith(".js"))
        .map((file) => readFileSync(join(packages, name, file), "utf8"));
      const imported = code.flatMap((text) =>
        [...text.matchAll(/\n(?:import|export)\b(?:[^"';]*?\bfrom)? "([^"]+)"|\bimport\("([^"]+)"\)/g)].map(
          ([, one, other]) => (one ?? other)!,
        ),
      );
      const foreign = [
        ...new Set(
          imported
            .filter((path) => !path.startsWith(".") && !builtin.test(path))
            .map((path) => /^(?:@[^/]+\/)?[^/]+/.exec(path)![0]),
        ),
      ];
      expect(foreign.length).toBeGreaterThan(1);
      expect(foreign.filter((path) => !(path in dependencies))).toEqual([]);
    }
  });
});

test("a compiler that did not run is told of by its own words, one that found mistakes by those", () => {
  expect(reasonOf({ stdout: "", stderr: "Cannot find module", message: "Command failed" })).toBe("Cannot find module");
  expect(reasonOf({ stdout: "a.ts(1,1): error TS1", stderr: "", message: "Command failed" })).toBe(
    "a.ts(1,1): error TS1",
  );
  expect(reasonOf({ stdout: "\n", message: "Command failed" })).toBe("Command failed");
});
