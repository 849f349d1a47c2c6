/** A picture in memory, and after the processor. */

/** 8-bit RGB, row-major, [height, width, 3]. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
  /** Where it came from, for messages. */
  readonly source: string;
}

/** What the vision tower reads. */
export interface EncodedPicture {
  /** Content hash of `pixels` and grid: equal pictures are encoded and kept once. */
  readonly hash: string;
  /** Patches in time, height and width (the latter two before merging). */
  readonly grid: readonly [time: number, height: number, width: number];
  /** Normalised pixels, [time·height·width, channels·temporal·patch·patch], in the processor's patch order. */
  readonly pixels: Float32Array;
}
