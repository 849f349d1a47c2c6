/** Multimodal rotary positions of a prompt (arXiv:2409.12191, section 2.1). */
import type { EncodedPrompt, Positions } from "../../model.ts";

/**
 * Text advances all three components together; a picture's tokens share the time component and spread over height and
 * width; the text after it goes on from the largest position so far.
 */
export function promptPositions({ ids, pictures }: EncodedPrompt, pictureToken: number, mergeSize: number): Positions {
  const components = new Int32Array(3 * ids.length);
  const set = (token: number, time: number, height: number, width: number): void => {
    components[token] = time;
    components[ids.length + token] = height;
    components[2 * ids.length + token] = width;
  };
  let next = 0;
  let picture = 0;
  for (let token = 0; token < ids.length; ) {
    if (ids[token] !== pictureToken) {
      set(token++, next, next, next);
      next++;
      continue;
    }
    const grid = pictures[picture++]?.grid;
    if (!grid) throw new Error(`the prompt has visual tokens for more than its ${pictures.length} pictures (token ${token})`);
    const [time, rows, columns] = [grid[0], grid[1] / mergeSize, grid[2] / mergeSize];
    for (let i = 0; i < time * rows * columns; i++, token++) {
      if (ids[token] !== pictureToken) {
        throw new Error(`picture ${picture} needs ${time * rows * columns} visual tokens, the prompt has ${i} for it (token ${token})`);
      }
      set(token, next, next + (Math.floor(i / columns) % rows), next + (i % columns));
    }
    next += Math.max(time, rows, columns);
  }
  if (picture < pictures.length) throw new Error(`the prompt has ${pictures.length} pictures and visual tokens for ${picture}`);
  return { components, next };
}
