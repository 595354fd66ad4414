import type { SourceLine } from './port.ts';

/** One message per line; blank lines are left out. */
export function splitNdjson(bytes: Buffer): SourceLine[] {
  const lines: SourceLine[] = [];
  bytes
    .toString('utf8')
    .split('\n')
    .forEach((line, i) => {
      if (line.trim() !== '') lines.push({ lineNo: i + 1, bytes: Buffer.from(line.trim()) });
    });
  return lines;
}
