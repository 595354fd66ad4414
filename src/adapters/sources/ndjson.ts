import type { SourceLine } from './port.ts';

const newline = 10;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Without the byte order mark that some editors and exports write first. */
export function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
}

/** One message per line; blank lines are left out. Byte by byte: as one text a large file would pass the longest string there is. */
export function splitNdjson(file: Buffer): SourceLine[] {
  const bytes = withoutMark(file);
  const lines: SourceLine[] = [];
  for (let start = 0, lineNo = 1; start < bytes.length; lineNo += 1) {
    const found = bytes.indexOf(newline, start);
    let end = found < 0 ? bytes.length : found;
    const next = end + 1;
    while (start < end && isBlank(bytes[start])) start += 1;
    while (end > start && isBlank(bytes[end - 1])) end -= 1;
    if (end > start) lines.push({ lineNo, bytes: bytes.subarray(start, end) });
    start = next;
  }
  return lines;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9 || byte === 13 || byte === newline;
}
