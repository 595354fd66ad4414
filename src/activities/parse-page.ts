import type { ParseResult } from '../adapters/sources/port.ts';
import { parserFor } from '../adapters/sources/registry.ts';
import type { ChargeFacts } from '../contracts/charge-record.ts';
import { type Version, versionOf } from '../core/intake/standing.ts';
import { type Issue, issue } from '../core/issues.ts';
import { sealableFacts } from '../core/normalise/token-ref.ts';
import type { HeadKey, PageMessage } from '../store/intake/load-page.ts';
import type { TokenUse } from '../store/intake/load-setup.ts';

/** A message of a page and what its parser made of it. */
export type Parsed = { readonly message: PageMessage; readonly key: HeadKey; readonly issues: readonly Issue[] } & (
  | { readonly facts: ChargeFacts; readonly version: Version; readonly token: TokenUse; readonly credit: boolean }
  /** It cannot be read; `statedWh` is what it still says of its energy. */
  | { readonly facts: undefined; readonly statedWh: number }
);

export type Readable = Extract<Parsed, { readonly version: unknown }>;

/** Parses a message by its source's format. What cannot be read keeps the key that the intake gave it. */
export function parseMessage(message: PageMessage): Parsed {
  const { source } = message;
  const fallback = { sourceId: source.id, ownerCountry: source.ownerCountry, ownerParty: source.ownerParty, cdrId: message.recordKey };
  if (message.bytes === null) {
    return {
      message,
      key: keyFromText(source.id, message.recordKey) ?? fallback,
      facts: undefined,
      statedWh: 0,
      issues: [{ code: 'badShape', severity: 'blocks', subject: message.recordKey, params: { detail: 'the raw body was expunged' } }],
    };
  }
  const context = { sourceId: source.id, ownerCountry: source.ownerCountry, ownerParty: source.ownerParty, timeZone: source.timeZone };
  const parsed = parsedOrHeld(() => parserFor(source.format).parse(message.bytes ?? Buffer.alloc(0), context), message.recordKey);
  if (!parsed.ok) {
    // The key the intake gave it stands, so that a corrected message of the same id meets this record.
    return { message, key: keyFromText(source.id, message.recordKey) ?? fallback, facts: undefined, statedWh: parsed.statedWh ?? 0, issues: parsed.issues };
  }
  const facts = sealableFacts(parsed.facts, message.tokenSecret);
  return {
    message,
    key: { sourceId: source.id, ownerCountry: facts.ownerCountry, ownerParty: facts.ownerParty, cdrId: facts.cdrId },
    facts,
    version: versionOf(facts, parsed),
    token: { sourceId: source.id, ref: facts.tokenRef, uid: parsed.facts.tokenKey },
    credit: parsed.credit === true,
    issues: parsed.issues,
  };
}

/** A message that breaks its parser is held with what went wrong, and its neighbours on the page go on. */
function parsedOrHeld(parse: () => ParseResult, subject: string): ParseResult {
  try {
    return parse();
  } catch (error) {
    return { ok: false, issues: [issue('processingFailed', 'blocks', subject, { detail: (error as Error).message })] };
  }
}

/** `cc*party*id` back to its parts; undefined for a message that could not be keyed. */
function keyFromText(sourceId: string, recordKey: string): HeadKey | undefined {
  const match = /^([a-z]{2})\*([^*]+)\*(.+)$/.exec(recordKey);
  if (match === null) return undefined;
  return { sourceId, ownerCountry: (match[1] ?? '').toUpperCase(), ownerParty: (match[2] ?? '').toUpperCase(), cdrId: match[3] ?? '' };
}

/** The key as messages, workflows and URLs name it. */
export function recordKeyText(key: HeadKey): string {
  if (key.cdrId.startsWith('unkeyed/')) return key.cdrId;
  return `${key.ownerCountry}*${key.ownerParty}*${key.cdrId}`.toLowerCase();
}
