import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { lockFile, lockFolder } from "../../../core/checkpoint/folder-lock.ts";
import { temporaryFolder } from "../../support/bandit.ts";

type Holder = Record<string, unknown>;

/** The lock as this process writes it, with fields changed. */
function holder(changes: Holder): Holder {
  const folder = temporaryFolder();
  const lock = lockFolder(folder);
  const own = JSON.parse(readFileSync(join(folder, lockFile), "utf8")) as Holder;
  lock.release();
  return { ...own, id: "another", ...changes };
}

/** A folder that another process has locked. */
function locked(by: Holder | string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, lockFile), typeof by === "string" ? by : JSON.stringify(by));
  return folder;
}

/** A number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid!;
}

test("a folder is one process's until that one lets go", () => {
  const folder = temporaryFolder();
  const lock = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(
    new RegExp(
      `^${folder} is in use by process ${process.pid} on .*, which began at .*: wait for it, stop it, or choose another output folder\\.$`,
    ),
  );
  expect(readdirSync(folder)).toEqual([lockFile]);
  lock.check();
  lock.release();
  lock.release();
  expect(readdirSync(folder)).toEqual([]);
  lockFolder(folder).release();
});

test("a lock whose process has ended is stale, whatever has its number now", async () => {
  const stale = [
    { pid: await endedProcess() },
    // Linux tells the start of a process and of the machine.
    ...(process.platform === "linux" ? [{ born: "1" }, { boot: "another start" }] : []),
  ];
  for (const changes of stale) {
    const folder = locked(holder(changes));
    const lock = lockFolder(folder);
    lock.check();
    expect(readdirSync(folder)).toEqual([lockFile]);
    lock.release();
  }
  for (const cut of ["", "{", "\0\0\0\0"]) lockFolder(locked(cut)).release();
});

test("a lock of another machine or container holds while there are signs of life", () => {
  for (const changes of [
    { host: `not-${hostname()}` },
    ...(process.platform === "linux" ? [{ space: "pid:[1]" }] : []),
  ]) {
    const folder = locked(holder(changes));
    expect(() => lockFolder(folder)).toThrow(/is in use by process/);
    const longAgo = new Date(Date.now() - 3600_000);
    utimesSync(join(folder, lockFile), longAgo, longAgo);
    lockFolder(folder).release();
  }
  expect(() => lockFolder(locked(holder({ host: "elsewhere" })))).toThrow(/Should it have ended, remove .*lock\.json/);
});

test("whoever lost its folder writes no more, and takes nobody's lock away", () => {
  const folder = temporaryFolder();
  const lock = lockFolder(folder);
  const other = JSON.stringify(holder({ pid: 17 }));
  writeFileSync(join(folder, lockFile), other);
  expect(() => lock.check()).toThrow(/was taken over by process 17 on .*: this one ends without writing there/);
  lock.release();
  expect(readFileSync(join(folder, lockFile), "utf8")).toBe(other);
});

test("of many that find a stale lock at once, one gets the folder", async () => {
  const folder = locked(holder({ pid: await endedProcess() }));
  const script = fileURLToPath(new URL("../../../core/checkpoint/folder-lock.ts", import.meta.url));
  const source = `import { lockFolder } from ${JSON.stringify(script)};
    process.on("message", () => { let got = "refused"; try { lockFolder(${JSON.stringify(folder)}); got = "taken"; } catch (error) { if (!/in use/.test(error.message)) got = error.message; } process.send(got); });
    process.on("disconnect", () => process.exit(0)); process.send("ready");`;
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", source], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    }),
  );
  await Promise.all(children.map((child) => once(child, "message")));
  const answers = children.map((child) => once(child, "message"));
  for (const child of children) child.send("go");
  const got = (await Promise.all(answers)).map(([answer]) => answer as string);
  for (const child of children) child.disconnect();
  expect(got.sort()).toEqual(["refused", "refused", "refused", "taken"]);
}, 30_000);
