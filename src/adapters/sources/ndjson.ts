import { issue } from '../../core/issues.ts';
import type { SourceLine, SourceParser } from './port.ts';

const newline = 10;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/** Without the byte order mark that some editors and exports write first. */
export function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
}

const beginnings: readonly (readonly [Buffer, string])[] = [
  [Buffer.from([0x1f, 0x8b]), 'packed by gzip'],
  [Buffer.from('PK\u0003\u0004'), 'packed as ZIP'],
  [Buffer.from([0xff, 0xfe]), 'UTF-16'],
  [Buffer.from([0xfe, 0xff]), 'UTF-16'],
  [Buffer.from('['), 'a JSON array'],
];

/** A file of one message per line. What no line of can be a message is a wrong file: else each stretch between two newlines in it would be kept, and wait to be decided. */
export function splitJsonFile(file: Buffer): ReturnType<SourceParser['splitFile']> {
  const lines = splitNdjson(file);
  const found = beginnings.find(([bytes]) => lines[0]?.bytes.subarray(0, bytes.length).equals(bytes))?.[1];
  return found === undefined ? { ok: true, lines } : { ok: false, issues: [issue('notLines', 'blocks', 'file', { found })] };
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
