/**
 * As much of vitest as the golden tests use, for a machine where it is not installed: the bundle puts this in its
 * place.
 */
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from "@vitest/expect";
import * as chai from "chai";

chai.use(JestExtend as unknown as Parameters<typeof chai.use>[0]);
chai.use(JestChaiExpect as unknown as Parameters<typeof chai.use>[0]);
chai.use(JestAsymmetricMatchers as unknown as Parameters<typeof chai.use>[0]);

export const expect = chai.expect;

type Body = (...values: never[]) => void | Promise<void>;

interface Suite {
  readonly name: string;
  readonly before: Body[];
  readonly after: Body[];
  readonly tests: { readonly name: string; readonly body: Body }[];
}

const suites: Suite[] = [{ name: "", before: [], after: [], tests: [] }];
const current = (): Suite => suites.at(-1)!;

/** "%s", "$key" and the rest of a row's title. */
function titled(title: string, row: unknown): string {
  const values: readonly unknown[] = Array.isArray(row) ? (row as unknown[]) : [row];
  let next = 0;
  return title
    .replace(/%[sdio]/g, () => String(values[next++]))
    .replace(/\$(\w+)/g, (_, key: string) => String((row as Readonly<Record<string, unknown>>)[key]));
}

function define(name: string, body: Body): void {
  suites.push({ name, before: [], after: [], tests: [] });
  void body();
}

const each =
  (add: (name: string, body: Body) => void) =>
  (rows: readonly unknown[]) =>
  (title: string, body: Body): void => {
    for (const row of rows) {
      const values = (Array.isArray(row) ? row : [row]) as never[];
      add(titled(title, row), () => body(...values));
    }
  };

const nothing = (): void => undefined;
const addTest = (name: string, body: Body): void => void current().tests.push({ name, body });
const skipped = Object.assign(nothing, { each: () => nothing });

export const describe = Object.assign(define, {
  each: each(define),
  skipIf: (skip: boolean) => (skip ? skipped : Object.assign(define, { each: each(define) })),
});
export const test = Object.assign(addTest, {
  each: each(addTest),
  skipIf: (skip: boolean) => (skip ? skipped : Object.assign(addTest, { each: each(addTest) })),
});
export const beforeAll = (body: Body): void => void current().before.push(body);
export const afterAll = (body: Body): void => void current().after.push(body);

export interface Report {
  readonly passed: number;
  readonly failed: readonly string[];
  /** Not begun before the time limit. */
  readonly left: number;
}

/** Run what was registered and `wanted` takes, until `deadline` (milliseconds of Date.now). */
export async function runTests(
  wanted: (name: string) => boolean,
  deadline: number,
  progress: (passed: number) => void,
): Promise<Report> {
  let [passed, left] = [0, 0];
  const failed: string[] = [];
  const attempt = async (name: string, bodies: readonly Body[]): Promise<boolean> => {
    try {
      for (const body of bodies) await body();
      return true;
    } catch (error) {
      failed.push(`${name}: ${(error as Error).message.split("\n").slice(0, 3).join(" ").slice(0, 400)}`);
      return false;
    }
  };
  for (const { name: suite, before, after, tests } of suites) {
    const chosen = tests.filter(({ name }) => wanted(`${suite} > ${name}`));
    if (chosen.length === 0) continue;
    if (Date.now() > deadline || !(await attempt(`${suite} > before`, before))) {
      left += chosen.length;
      continue;
    }
    for (const { name, body } of chosen) {
      if (Date.now() > deadline) left++;
      else if (await attempt(`${suite} > ${name}`, [body])) passed++;
      if (passed % 10 === 0) progress(passed);
    }
    await attempt(`${suite} > after`, after);
  }
  return { passed, failed, left };
}
