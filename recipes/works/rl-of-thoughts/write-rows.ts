/**
 * RL of Thoughts (arXiv:2505.14140), the data: questions, and dialogues in which a question is answered at once and
 * then thought about, in words of the blocks.
 */
import { join } from "node:path";
import { createRandom } from "@papo/core";
import { drawsOf, type Draws } from "../../app/tasks/shapes/draws.ts";
import { directResponse, kindOf, reasonedResponse, sampleItem, type Item } from "../../app/tasks/shapes/questions.ts";
import { defaultGrid, looksOf, objectsWith, type Scene } from "../../app/tasks/shapes/scene.ts";
import { isScript, rowsFolder, writeDrawnRows, type DrawnRow, type Message } from "../drawn-rows.ts";
import { partsOf, reason, wholeOf } from "./blocks.ts";

const kinds = ["count_colour", "count_shape", "sum_of_counts", "compare_counts"];

const draw = (draws: Draws): Item =>
  sampleItem(draws, { split: "train", kind: kindOf(draws.pick(kinds)), grid: defaultGrid });

/** "how many red ?", reasoned about. */
function counted(scene: Scene, part: string): { readonly response: string; readonly answer: string } {
  const facts = objectsWith(scene, part.split(" ")[2]!).map(looksOf);
  const answer = String(facts.length);
  const response = reasonedResponse({ facts: facts.length > 0 ? facts : ["none"], conclusion: answer, answer });
  return { response, answer };
}

interface Turn {
  /** What was said so far, the question first. */
  readonly turns: readonly string[];
  readonly response: string;
}

/** All turns that one question gives. @param first what it was answered with at once */
export function turnsOf(item: Item, first: string): Turn[] {
  const { question, scene } = item;
  const begun = [question, directResponse({ answer: first })];
  const alone = [
    { turns: [question], response: directResponse(item) },
    { turns: [...begun, reason], response: reasonedResponse(item) },
  ];
  const parts = partsOf(question);
  if (parts === null) return alone;
  const [one, two] = [counted(scene, parts[0]), counted(scene, parts[1])];
  const within = [...begun, parts[0], one.response, parts[1]];
  return [
    ...alone,
    { turns: [...begun, parts[0]], response: one.response },
    { turns: within, response: two.response },
    { turns: [...within, two.response, wholeOf(question, [one.answer, two.answer])], response: reasonedResponse(item) },
  ];
}

/** One turn of a dialogue, to be learned. What was answered at once before it is another question's answer in half. */
export function dialogueRow(id: string, draws: Draws): DrawnRow<readonly Message[]> {
  const item = draw(draws);
  const { turns, response } = draws.pick(turnsOf(item, draws.uniform() < 0.5 ? item.answer : draw(draws).answer));
  const prompt = turns.map((content, index): Message => ({
    role: index % 2 === 0 ? "user" : "assistant",
    content: index === 0 ? `<image>${content}` : content,
  }));
  return { id, prompt, answer: item.answer, scenes: [item.scene], columns: { response } };
}

export function questionRow(id: string, draws: Draws): DrawnRow {
  const { question, answer, scene, kind } = draw(draws);
  return { id, prompt: question, answer, scenes: [scene], columns: { kind: kind.name } };
}

if (isScript(import.meta.url)) {
  const random = createRandom(25);
  const folder = rowsFolder("rl-of-thoughts");
  const write = (name: string, count: number, make: typeof dialogueRow | typeof questionRow): Promise<void> => {
    const rowAt = (index: number) => make(`${name}-${index}`, drawsOf(random.key(name, index)));
    return writeDrawnRows(
      join(folder, `${name}.jsonl`),
      Array.from({ length: count }, (_, index) => rowAt(index)),
    );
  };
  await write("dialogues", 5120, dialogueRow);
  await write("train", 640, questionRow);
}
