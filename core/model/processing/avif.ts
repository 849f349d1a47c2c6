/**
 * What a file of AV1 pictures says of its colours. Subsampled ones are spread in another way than Pillow's, and those
 * of a limited range are read otherwise: libheif takes grey of 16 to 235 for 0 to 255. Which brand of HEIF a file calls
 * itself says nothing: "mif1" may hold AV1 too. (AV1 Image File Format 1.1, sections 2.2 and 4; AV1 bitstream, 5.5.)
 */

/** Why such a file would be read otherwise than by Pillow; null: it would not, or it holds no AV1. */
export function avifProblem(bytes: Uint8Array): string | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.toString("latin1", 4, 8) !== "ftyp" || !file.includes("av1C", 0, "latin1")) return null;
  if (hasCoarseColours(file))
    return "it is an AVIF picture with colours at half the resolution, which are spread in another way than Pillow's (by up to 99 grey levels): convert it to PNG, or to AVIF with 4:4:4";
  if (!hasFullRange(file))
    return "it is an AVIF picture that does not say that its values have the full range, and those of a limited range are read otherwise than by Pillow (grey ones by up to 20 levels): convert it to PNG, or to AVIF with full range";
  return null;
}

/** Whether an AV1 configuration says that colours are subsampled. */
function hasCoarseColours(file: Buffer): boolean {
  for (let at = file.indexOf("av1C", 0, "latin1"); at >= 0; at = file.indexOf("av1C", at + 4, "latin1")) {
    const flags = file[at + 6] ?? 0;
    const isGrey = (flags & 0b1_0000) !== 0;
    if (!isGrey && (flags & 0b1100) !== 0) return true;
  }
  return false;
}

/** Whether 0 is black and the largest value white: by the box "colr", else by the header of the first picture. */
function hasFullRange(file: Buffer): boolean {
  const box = file.indexOf("colrnclx", 0, "latin1");
  if (box >= 0) return ((file[box + 14] ?? 0) & 0x80) !== 0;
  const data = file.indexOf("mdat", 0, "latin1") + 4;
  // A mark where a picture begins may stand before.
  const header = file[data] === 0x12 ? data + 2 : data;
  return file[header] === 0x0a && headerSaysFull(file.subarray(header + 2));
}

/** color_range of a sequence header of a still picture in its reduced form; false where it has another form. */
function headerSaysFull(header: Uint8Array): boolean {
  let place = 0;
  const read = (bits: number): number => {
    let value = 0;
    for (; bits > 0; bits--, place++) value = 2 * value + (((header[place >> 3] ?? 0) >> (7 - (place & 7))) & 1);
    return value;
  };
  const profile = read(3);
  if (read(2) !== 0b11) return false;
  read(5); // level
  const [width, height] = [read(4), read(4)];
  read(width + 1 + height + 1);
  read(6); // tools of the decoder
  if (read(1) === 1 && profile === 2) read(1); // depth
  const isGrey = profile !== 1 && read(1) === 1;
  const colours = read(1) === 1 ? [read(8), read(8), read(8)] : null;
  // sRGB as it is has the full range, and no bit for it.
  return (!isGrey && colours !== null && colours[0] === 1 && colours[1] === 13 && colours[2] === 0) || read(1) === 1;
}
