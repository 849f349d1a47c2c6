/** `papo setup xla`: a plugin of OpenXLA's, and a program run on it. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { checkXla, writeFileAtomic, xlaFolder, type XlaSetup } from "@papo/core";
import { execute, requireTools } from "./install.ts";

/** The wheels, the plugin's library in them, and what pip is asked for. */
const plugins = {
  cpu: {
    wheel: "xla-cpu-pjrt",
    version: "0.0.1",
    library: "xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so",
    asked: "xla-cpu-pjrt==0.0.1",
    deps: false,
  },
  cuda: {
    wheel: "jax-cuda13-pjrt",
    version: "0.12.0.1",
    library: "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
    asked: "jax-cuda13-plugin[with-cuda]==0.12.0.1", // which names the plugin and the versions of CUDA's libraries that fit it
    deps: true,
  },
} as const;

/** @throws Error saying what is missing, with the last lines of what failed, or what the plugin says of this machine */
export function setUpXla(say: (line: string) => void, { cuda }: { readonly cuda: boolean }): void {
  requireTools("OpenXLA", [
    ["python3", "--version"],
    ["python3", "-m", "pip", "--version"],
  ]);
  const { wheel, version, library, asked, deps } = plugins[cuda ? "cuda" : "cpu"];
  rmSync(xlaFolder, { recursive: true, force: true });
  mkdirSync(xlaFolder, { recursive: true });
  say(`Fetching ${wheel} ${version}${cuda ? " with CUDA's libraries, some gigabytes" : ""} …`);
  // Only the wheels' libraries are used, so that they need not fit the Python that is there.
  const target = [
    "--target",
    join(xlaFolder, "python"),
    "--only-binary=:all:",
    "--python-version",
    "3.12",
    ...(deps ? [] : ["--no-deps"]),
  ];
  execute("python3", ["-m", "pip", "install", "--quiet", ...target, asked]);
  const found: XlaSetup = {
    wheel,
    version,
    library: join("python", library),
    cuda,
    ...checkXla(join(xlaFolder, "python", library), cuda),
  };
  writeFileAtomic(join(xlaFolder, "setup.json"), `${JSON.stringify(found)}\n`);
  say(
    `OpenXLA's plugin ${wheel} ${version} runs on ${found.devices.join(", ")}. Use it with settings: { executor: "xla" }.`,
  );
}
