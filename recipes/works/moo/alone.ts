/** The same, trained without opinions: what MoO is compared with. */
import run from "./run.ts";

export default { ...run, data: "../../../runs/works/moo/train/rows.jsonl" };
