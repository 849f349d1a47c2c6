/** Whether an answer is the one that the response's own reasoning comes to. */

const cue = /\\boxed\s*\{|\b(?:final )?answers?(?:\s*\*{0,2}\s*(?:is|are|:|=|would be|should be))/gi;

/** The part of a response's thoughts from where they last name an answer; null without thoughts in tags, or when they name none. */
export function conclusionOf(response: string): string | null {
  const end = response.lastIndexOf("</think>");
  if (end < 0) return null;
  const thoughts = response.slice(Math.max(0, end - 30_000), end);
  const last = [...thoughts.matchAll(cue)].at(-1);
  return last === undefined ? null : thoughts.slice(last.index);
}
