import type { SourceFacts } from '../../contracts/charge-record.ts';
import { issue } from '../../core/issues.ts';
import { csmsTransactions } from './csms-transactions.ts';
import { csvResidentialCsms } from './csv-residential-csms.ts';
import { jsonCsms } from './json-csms.ts';
import { ocpiFormats } from './ocpi.ts';
import type { ParseResult, SourceParser } from './port.ts';
import { unkeyedKey } from './unkeyed.ts';
import { vehicleTelematics } from './vehicle-telematics.ts';

const parsers: readonly SourceParser[] = [csvResidentialCsms, jsonCsms, csmsTransactions, vehicleTelematics, ...ocpiFormats].map(keepable);

/** What a source's format may be. */
export const formats: readonly string[] = parsers.map((p) => p.format);

/** The parser of a source's format. Throws for a format nobody wrote: set-up is checked at entry. */
export function parserFor(format: string): SourceParser {
  const parser = parsers.find((p) => p.format === format);
  if (parser === undefined) throw new RangeError(`no source format "${format}"; known: ${formats.join(', ')}`);
  return parser;
}

/** Text that PostgreSQL cannot keep or index (a NUL, half a surrogate pair, an endless id), and energy that no sum can hold, keeps its own CDR back and not the page it comes with. */
function keepable(parser: SourceParser): SourceParser {
  return {
    ...parser,
    keyOf(bytes, context) {
      const key = parser.keyOf(bytes, context);
      return key.length > longestId || (maybeUnkeepable(bytes) && unkeepable.test(JSON.stringify(key))) ? unkeyedKey(bytes) : key;
    },
    parse(bytes, context): ParseResult {
      const result = countable(parser.parse(bytes, context));
      if (maybeUnkeepable(bytes) && unkeepable.test(JSON.stringify(result))) return held(result, 'a text holds a NUL character or half a surrogate pair');
      return result.ok && idsOf(result.facts).some((id) => id.length > longestId) ? held(result, `an id is longer than ${longestId} characters`) : result;
    },
  };
}

/** In Wh: a register's largest reading. Whatever passes it is nobody's energy, and is counted nowhere. */
const mostEnergy = 10 ** 12;

function countable(result: ParseResult): ParseResult {
  if (!result.ok) return result.statedWh === undefined || Math.abs(result.statedWh) <= mostEnergy ? result : { ok: false, issues: result.issues };
  const { energyWh, meterStartWh = 0, meterEndWh = 0 } = result.facts;
  if ([energyWh, meterStartWh, meterEndWh].every((wh) => Math.abs(wh) <= mostEnergy)) return result;
  return { ok: false, issues: [issue('badShape', 'blocks', 'message', { detail: `it holds more than ${mostEnergy} Wh` })] };
}

const longestId = 255;

function idsOf({ cdrId, externalIds, siteKey, evseId = '', connectorId = '', tokenKey }: SourceFacts): string[] {
  return [cdrId, siteKey, evseId, connectorId, tokenKey, ...Object.values(externalIds)];
}

function held(result: ParseResult, detail: string): ParseResult {
  const statedWh = result.ok ? result.facts.energyWh : result.statedWh;
  return { ok: false, issues: [issue('badShape', 'blocks', 'message', { detail })], ...(statedWh === undefined ? {} : { statedWh }) };
}

/** As JSON writes them; where a text says the same in letters, a person looks once too often. */
const unkeepable = /\\u(?:0000|d[89a-f])/;

/** Nearly always not: a look at the bytes is all it costs. */
function maybeUnkeepable(bytes: Buffer): boolean {
  return bytes.includes(0) || bytes.includes('\\u0000') || bytes.includes('\\ud') || bytes.includes('\\uD');
}
