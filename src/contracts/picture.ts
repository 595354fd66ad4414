import { crc32, inflateSync } from 'node:zlib';

const pngSignature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
/** A side that no logo in print needs; it bounds what a few bytes can unpack to. */
const longestSide = 4000;
/** Bytes of a row that hold one pixel of 8 bytes each, and its filter. */
const mostUnpacked = longestSide * (8 * longestSide + 1);
/** Samples of a pixel by the color type of PNG. */
const samples: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Why bytes are no whole PNG or JPEG that can be drawn, in words that follow "the picture"; undefined when they are one. PNG is unpacked
 * and held to its checksums (ISO/IEC 15948); of a JPEG the segments are read to its end (ITU-T T.81, annex B).
 */
export function pictureProblem(bytes: Buffer): string | undefined {
  if (bytes.subarray(0, 8).equals(pngSignature)) return pngProblem(bytes);
  return bytes.length > 3 && bytes.readUInt16BE(0) === 0xffd8 ? jpegProblem(bytes) : 'is neither a PNG nor a JPEG';
}

function pngProblem(bytes: Buffer): string | undefined {
  const data: Buffer[] = [];
  const kinds = new Set<string>();
  let at = pngSignature.length;
  for (let kind = ''; kind !== 'IEND'; ) {
    if (at + 12 > bytes.length) return 'is cut off';
    const length = bytes.readUInt32BE(at);
    kind = bytes.toString('latin1', at + 4, at + 8);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) return 'is cut off';
    if (crc32(bytes.subarray(at + 4, end)) !== bytes.readUInt32BE(end)) return `is damaged in its part ${kind}`;
    if (kinds.size === 0 && (kind !== 'IHDR' || length !== 13)) return 'has no header';
    if (kind === 'IDAT') data.push(bytes.subarray(at + 8, end));
    kinds.add(kind);
    at = end + 4;
  }
  const [width, height, depth, color] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20), bytes.readUInt8(24), bytes.readUInt8(25)];
  const perPixel = samples[color];
  if (perPixel === undefined || ![1, 2, 4, 8, 16].includes(depth)) return 'has a header that is no PNG’s';
  if (color === 3 && !kinds.has('PLTE')) return 'lacks its palette';
  const sides = sidesProblem(width, height);
  if (sides !== undefined) return sides;
  try {
    // Interlaced, each pass has filters of its own: it is more, never less.
    const least = height * (1 + Math.ceil((width * perPixel * depth) / 8));
    return inflateSync(Buffer.concat(data), { maxOutputLength: 2 * mostUnpacked }).length < least ? 'has fewer pixels than its header says' : undefined;
  } catch {
    return 'is damaged in its pixels';
  }
}

function jpegProblem(bytes: Buffer): string | undefined {
  let isFramed = false;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes.readUInt8(at) !== 0xff) return 'is damaged between its segments';
    const marker = bytes.readUInt8(at + 1);
    const length = bytes.readUInt16BE(at + 2);
    if (marker >= 0xc0 && marker <= 0xc2) {
      if (at + 10 > bytes.length) return 'is cut off';
      const sides = sidesProblem(bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5));
      if (sides !== undefined) return sides;
      isFramed = true;
    }
    // Pixels follow the start of a scan, and the end of the image them.
    if (marker === 0xda) return !isFramed ? 'has no frame that can be drawn' : bytes.lastIndexOf('\xff\xd9', undefined, 'latin1') > at + 2 + length ? undefined : 'is cut off';
    at += 2 + length;
  }
  return 'is cut off';
}

function sidesProblem(width: number, height: number): string | undefined {
  if (width === 0 || height === 0) return 'has no pixels';
  return width > longestSide || height > longestSide ? `is ${width} by ${height} pixels, and may be ${longestSide} by ${longestSide}` : undefined;
}
