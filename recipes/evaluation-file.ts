/** evaluation.json of a run's folder: what was measured before and after, for the report. */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Evaluations {
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Add to what the file holds. */
export async function noteEvaluation(folder: string, evaluations: Evaluations): Promise<void> {
  const file = join(folder, "evaluation.json");
  await mkdir(folder, { recursive: true });
  const known = existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as Evaluations) : {};
  await writeFile(file, `${JSON.stringify({ ...known, ...evaluations })}\n`);
}
