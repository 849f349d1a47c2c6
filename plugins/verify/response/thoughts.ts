/** What a response says after its thoughts, and in its answer tags. */

/** The part of a response in which its answer stands, and whether all of it is the answer. */
export interface Conclusion {
  readonly text: string;
  /**
   * "tags": what stands in answer tags; "thoughts": the response ends with its thoughts, where only a box at their end
   * is an answer; else "text".
   */
  readonly from: "tags" | "thoughts" | "text";
}

const thoughtsEnd = /<\/think(?:ing)?>|◁\/think▷/g;
const thoughtsStart = /<think(?:ing)?>|◁think▷/g;
const answerOpening = "<answer>";
const answerEnd = "</answer>";

/**
 * Null where answer tags open last and never close: what stands there may have been cut. Where boxes stand after the
 * last tags, those are meant.
 */
export function conclusionOf(response: string): Conclusion | null {
  const end = [...response.matchAll(thoughtsEnd)].at(-1);
  const rest = end === undefined ? "" : response.slice(end.index + end[0].length);
  const thinking = end === undefined ? [...response.matchAll(thoughtsStart)].length > 0 : rest.trim() === "";
  const text = end !== undefined && !thinking ? rest : end === undefined ? response : response.slice(0, end.index);
  const opened = text.lastIndexOf(answerOpening);
  const closed = opened < 0 ? -1 : text.indexOf(answerEnd, opened);
  if (opened >= 0 && closed < 0) return null;
  if (closed >= 0 && !/\\(?:boxed|fbox)/.test(text.slice(closed)))
    return { text: text.slice(opened + answerOpening.length, closed), from: "tags" };
  return { text: text.replace(/<\/?answer>/g, " "), from: thinking ? "thoughts" : "text" };
}
