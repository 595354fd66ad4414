import { csvResidentialCsms } from './csv-residential-csms.ts';
import { jsonCsms } from './json-csms.ts';
import { ocpi221 } from './ocpi-2-2-1.ts';
import type { SourceParser } from './port.ts';

const parsers: readonly SourceParser[] = [csvResidentialCsms, jsonCsms, ocpi221];

/** The parser of a source's format. Throws for a format nobody wrote: set-up is checked at entry. */
export function parserFor(format: string): SourceParser {
  const parser = parsers.find((p) => p.format === format);
  if (parser === undefined) throw new RangeError(`no source format "${format}"; known: ${parsers.map((p) => p.format).join(', ')}`);
  return parser;
}
