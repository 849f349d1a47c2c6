/**
 * Rows of the data become the prompts of a step; those that cannot be used are left out or stop the run, as the
 * settings say.
 */
import type { RowOrder } from "../../data/row-order.ts";
import type { Host } from "../../host/host.ts";
import { digestOf } from "../../host/inputs.ts";
import { makePrompt, type PromptMaker } from "../../prompts/prompts.ts";
import { UnusableRowError } from "../../contracts/step/unusable-row.ts";
import type { Prompt } from "../../contracts/step/sample.ts";
import type { Row } from "../../contracts/step/row.ts";
import type { StepContext } from "../../contracts/hook-values.ts";
import type { Policy } from "../../contracts/policy.ts";
import type { RunSettings } from "../../contracts/settings.ts";

/** Where prompts come from. */
export interface PromptSupply {
  readonly policy: Policy;
  readonly host: Host;
  readonly settings: RunSettings;
  order: RowOrder;
  /** Digests of the rows met so far, by id. */
  rowIds?: Map<string, number>;
  /** Rows in the dataset: when all of them are left out in a row, none is usable. */
  readonly datasetSize: number;
}

export function promptMaker({
  policy,
  host,
  settings,
}: Pick<PromptSupply, "policy" | "host" | "settings">): PromptMaker {
  const { learner, processor } = policy;
  const maker = {
    processor,
    views: [...host.views.values()],
    random: host.random,
    maxPromptTokens: settings.maxPromptTokens,
    coefficients: () => host.coefficients(),
  };
  return learner.attention === undefined
    ? maker
    : { ...maker, attention: (picture) => learner.attention!(picture, "reference") };
}

/** Usable prompts of one step. */
export class PromptSource {
  /** Rows left out so far. */
  skipped = 0;
  readonly #context: StepContext;
  readonly #run: PromptSupply;
  readonly #maker: PromptMaker;
  /** Keys given in this step. */
  readonly #taken = new Set<string>();

  constructor(context: StepContext, run: PromptSupply) {
    this.#context = context;
    this.#run = run;
    this.#maker = promptMaker(run);
  }

  /** As many prompts as the hook `prompts` makes of `count` rows; rows left out are replaced by the next ones. */
  async take(count: number, round: number): Promise<Prompt[]> {
    const { host, datasetSize } = this.#run;
    const prompts: Prompt[] = [];
    let target = count;
    let skippedInARow = 0;
    for (let attempt = 0; prompts.length < target; attempt++) {
      const drawn: Row[] = [];
      const wanted = target - prompts.length;
      while (drawn.length < wanted) {
        const row = await this.#orSkip("a row", async () => this.#ofItsOwn(await this.#run.order.next()));
        if (row !== null) drawn.push(row);
        else if (++skippedInARow >= 2 * datasetSize - 1) throw this.#noneUsable(skippedInARow);
      }
      const rows = await host.hooks.prompts.promise(drawn, { ...this.#context, round });
      if (attempt === 0) target = rows.length;
      if (rows.length === 0) break;
      const made = (await Promise.all(rows.map((row) => this.#make(row)))).filter((prompt) => prompt !== null);
      prompts.push(...made);
      skippedInARow = made.length === 0 ? skippedInARow + rows.length : 0;
      // So many draws in a row hold a whole pass over the data.
      if (skippedInARow >= 2 * datasetSize - 1) throw this.#noneUsable(skippedInARow);
    }
    return prompts.slice(0, target);
  }

  /**
   * @throws UnusableRowError for a row that has the id of another one: samples, masks and the reward journal go by it
   */
  #ofItsOwn(row: Row): Row {
    const { id, prompt, system, answer, images } = row;
    const digest = digestOf([
      prompt,
      system,
      answer,
      images.map((image) => (typeof image === "string" ? image : image.name)),
    ]);
    const known = (this.#run.rowIds ??= new Map<string, number>());
    if ((known.get(id) ?? digest) !== digest) {
      throw new UnusableRowError(
        "bad",
        `Row "${id}" cannot be used: another row has the same id, and samples, masks and rewards go by it; give each row an id of its own`,
      );
    }
    known.set(id, digest);
    return row;
  }

  #noneUsable(count: number): Error {
    return new Error(
      `The last ${count} rows could not be used, every row of the dataset among them: see the skips before`,
    );
  }

  #make(row: Row): Promise<Prompt | null> {
    const key = this.#key(row);
    return this.#orSkip(`row "${row.id}"`, async () => {
      await this.#checkJudges(row);
      return makePrompt(row, key, this.#context.step, this.#maker);
    });
  }

  /** A row that a reward cannot judge must not be trained on. */
  async #checkJudges(row: Row): Promise<void> {
    for (const { name, rejects } of this.#run.host.scorers.values()) {
      const reason = (await rejects?.(row)) ?? null;
      if (reason !== null)
        throw new UnusableRowError(
          "bad",
          `Row "${row.id}" cannot be used: the reward "${name}" cannot judge it, ${reason}`,
        );
    }
  }

  /** Null for a row that is left out as the settings say. */
  async #orSkip<T>(what: string, work: () => Promise<T>): Promise<T | null> {
    const { settings, host } = this.#run;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UnusableRowError)) throw error;
      const setting = error.kind === "long" ? "onLongPrompt" : "onBadRow";
      if (settings[setting] === "stop")
        throw new Error(`${error.message} (${setting}: "skip" would leave such rows out)`, { cause: error });
      this.skipped++;
      host.events.emit("skip", { step: this.#context.step, what, reason: error.message });
      return null;
    }
  }

  /** A row's id, numbered when a step meets it again: two groups never share random numbers, whatever ids look like. */
  #key(row: Row): string {
    let [key, times] = [row.id, 1];
    while (this.#taken.has(key)) key = `${row.id}#${++times}`;
    this.#taken.add(key);
    return key;
  }
}
