/** Rotary positions of a prompt's tokens. */
import type { EncodedPicture } from "../processing/picture.ts";
import type { EncodedPrompt, Positions } from "../model.ts";

/**
 * Multimodal positions (arXiv:2409.12191, section 2.1). Text advances all three components together; a picture's tokens
 * share the time component and spread over height and width; the text after it goes on from the largest position so
 * far.
 */
export function gridPositions({ ids, pictures }: EncodedPrompt, pictureToken: number, mergeSize: number): Positions {
  const components = new Int32Array(3 * ids.length);
  const set = (token: number, time: number, height: number, width: number): void => {
    components[token] = time;
    components[ids.length + token] = height;
    components[2 * ids.length + token] = width;
  };
  let next = 0;
  let picture = 0;
  for (let token = 0; token < ids.length;) {
    if (ids[token] !== pictureToken) {
      set(token++, next, next, next);
      next++;
      continue;
    }
    const grid = pictures[picture++]?.grid;
    if (!grid)
      throw new Error(`the prompt has visual tokens for more than its ${pictures.length} pictures (token ${token})`);
    const [time, rows, columns] = [grid[0], grid[1] / mergeSize, grid[2] / mergeSize];
    for (let i = 0; i < time * rows * columns; i++, token++) {
      if (ids[token] !== pictureToken) {
        throw new Error(
          `picture ${picture} needs ${time * rows * columns} visual tokens, the prompt has ${i} for it (token ${token})`,
        );
      }
      set(token, next, next + (Math.floor(i / columns) % rows), next + (i % columns));
    }
    next += Math.max(time, rows, columns);
  }
  if (picture < pictures.length)
    throw new Error(`the prompt has ${pictures.length} pictures and visual tokens for ${picture}`);
  return { components, next };
}

/** Positions that count all tokens alike, visual ones too; the tokens of a picture may have text between them. */
export function runningPositions(
  { ids, pictures }: EncodedPrompt,
  pictureToken: number,
  tokensOf: (picture: EncodedPicture) => number,
): Positions {
  const found = ids.reduce((count, id) => count + (id === pictureToken ? 1 : 0), 0);
  const wanted = pictures.reduce((count, picture) => count + tokensOf(picture), 0);
  if (found !== wanted)
    throw new Error(`the prompt has ${found} visual tokens, its ${pictures.length} pictures need ${wanted}`);
  return { components: Int32Array.from({ length: 3 * ids.length }, (_, i) => i % ids.length), next: ids.length };
}
