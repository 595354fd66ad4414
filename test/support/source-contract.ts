import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ParseResult, SourceContext } from '../../src/adapters/sources/port.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { sourceFactsSchema } from '../../src/contracts/charge-record.ts';
import { describeIssue } from '../../src/core/issues.ts';
import { factsHash } from '../../src/core/normalise/facts-hash.ts';
import { sealableFacts } from '../../src/core/normalise/token-ref.ts';
import { parseInstant } from '../../src/core/time.ts';

/** A session as the contract asks an adapter to write it in its own format. Instants are whole minutes in winter time. */
export type Sample = { readonly id: string; readonly site: string; readonly token: string; readonly startAt: string; readonly endAt: string; readonly energyWh: number };
export type SourceContract = {
  readonly format: string;
  /** One message of the format for a session, as the source would send it. */
  write(sample: Sample): string;
  /** The same content in other bytes, such as other spaces or another order of fields. */
  rewrite(message: string): string;
  /** A file of messages in the format's own form. */
  file(messages: readonly string[]): string;
  /** The message with each needed field taken out or broken, by a word for what is broken. */
  readonly broken: Readonly<Record<string, (message: string) => string>>;
  /** Finest energy the format can say, in Wh; a finer sample cannot come back. */
  readonly resolutionWh?: number;
  /** Its times carry no offset. */
  readonly local?: boolean;
};

const context: SourceContext = { sourceId: 'src', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
const secret = Buffer.alloc(32, 1);
const uid = 'SECRETUID';

/** What every adapter has to do, whatever its format: docs/ADAPTERS.md. */
export function sourceContract({ format, write, rewrite, file, broken, resolutionWh = 1, local = false }: SourceContract): void {
  const parser = parserFor(format);
  const parse = (text: string, more: Partial<SourceContext> = {}) => parser.parse(Buffer.from(text), { ...context, ...more });
  const keyOf = (text: string) => parser.keyOf(Buffer.from(text), context);
  const base: Sample = { id: '4711', site: 'Bl2', token: uid, startAt: '2019-12-05T10:00:00Z', endAt: '2019-12-05T12:30:00Z', energyWh: 10_500 };
  const sample = fc
    .record({
      id: fc.integer({ min: 1, max: 9_999_999 }).map(String),
      site: fc.stringMatching(/^[A-Z][a-z0-9]{1,8}$/),
      token: fc.stringMatching(/^[A-Z0-9]{4,12}$/),
      fromM: fc.integer({ min: 0, max: 60 * 24 * 60 }),
      lengthM: fc.integer({ min: 1, max: 3000 }),
      energyWh: fc.integer({ min: 0, max: Math.floor(150_000 / resolutionWh) }).map((n) => n * resolutionWh),
    })
    .map(({ fromM, lengthM, ...rest }): Sample => {
      const fromMs = Date.UTC(2019, 10, 10) + fromM * 60_000;
      return { ...rest, startAt: iso(fromMs), endAt: iso(fromMs + lengthM * 60_000) };
    });
  const okay = (text: string, more: Partial<SourceContext> = {}) => {
    const result = parse(text, more);
    if (!result.ok) throw new Error(`${text}\n${result.issues.map(describeIssue).join('\n')}`);
    return result;
  };

  describe(`an adapter of ${format}`, () => {
    it('reads what it was written: site, token, times to the second, energy to the Wh', () => {
      fc.assert(
        fc.property(sample, (s) => {
          const { facts } = okay(write(s));
          expect(facts).toMatchObject({ sourceId: 'src', siteKey: s.site, tokenKey: s.token, startAt: s.startAt, endAt: s.endAt, energyWh: s.energyWh });
          expect(sourceFactsSchema.parse(facts)).toEqual(facts);
        }),
      );
    });

    it('gives the key of its facts, in lower case, and the id as the source writes it', () => {
      fc.assert(
        fc.property(sample, (s) => {
          const text = write(s);
          const { facts } = okay(text);
          expect(keyOf(text)).toBe(`${facts.ownerCountry}*${facts.ownerParty}*${facts.cdrId}`.toLowerCase());
          expect(facts.cdrId).toBe(facts.cdrId.toLowerCase());
          expect(facts.externalIds.cdr.toLowerCase()).toBe(facts.cdrId);
        }),
      );
    });

    it('says the same of the same content in other bytes, and each time it is asked', () => {
      fc.assert(
        fc.property(sample, (s) => {
          const hashes = [write(s), rewrite(write(s)), write(s)].map((text) => factsHash(sealableFacts(okay(text).facts, secret)).toString('hex'));
          expect(new Set(hashes).size).toBe(1);
        }),
      );
    });

    it('tells other content apart', () => {
      const hashOf = (s: Sample) => factsHash(sealableFacts(okay(write(s)).facts, secret)).toString('hex');
      const others: Partial<Sample>[] = [{ energyWh: 10_500 + resolutionWh }, { endAt: '2019-12-05T12:31:00Z' }, { startAt: '2019-12-05T09:59:00Z' }, { token: 'OTHER' }, { site: 'Ris' }];
      for (const other of others) expect(hashOf({ ...base, ...other })).not.toBe(hashOf(base));
    });

    it('puts instants into UTC: what the format leaves local by the zone of the source, what has an offset by that', () => {
      expect(okay(write(base)).facts.startAt).toBe('2019-12-05T10:00:00Z');
      const elsewhere = okay(write(base), { timeZone: 'America/New_York' }).facts.startAt;
      expect(elsewhere).toBe(local ? '2019-12-05T16:00:00Z' : '2019-12-05T10:00:00Z');
      expect(parseInstant(elsewhere)).toBeDefined();
    });

    it.each(Object.entries(broken))('names what is wrong, and quotes no token: %s', (_, breaking) => {
      const result = parse(breaking(write(base)));
      expect(result.ok).toBe(false);
      expect(result.issues.some((i) => i.severity === 'blocks')).toBe(true);
      for (const found of result.issues) expect(describeIssue(found).length).toBeGreaterThan(20);
      expect(JSON.stringify(result.issues)).not.toContain(uid);
    });

    it('never throws, keeps every byte string under a key, and gives facts the contract knows or issues that block', () => {
      const hostile = fc.oneof(
        fc.uint8Array({ maxLength: 400 }).map(Buffer.from),
        fc.json().map((t) => Buffer.from(t)),
        mutated(write(base)),
      );
      fc.assert(
        fc.property(hostile, (bytes) => {
          const key = parser.keyOf(bytes, context);
          expect(key.length).toBeGreaterThan(0);
          expect(key.length).toBeLessThanOrEqual(600);
          const result: ParseResult = parser.parse(bytes, context);
          if (result.ok) expect(sourceFactsSchema.safeParse(result.facts).success).toBe(true);
          else expect(result.issues.filter((i) => i.severity === 'blocks')).not.toEqual([]);
        }),
        { numRuns: 300 },
      );
    });

    it('cuts a file into its messages, with their bytes and places', () => {
      const messages = ['1', '2', '3'].map((id) => write({ ...base, id }));
      const split = parser.splitFile(Buffer.from(file(messages)));
      expect(split.ok && split.lines.map((l) => l.bytes.toString())).toEqual(messages);
      if (split.ok) for (const [i, { lineNo }] of split.lines.entries()) if (i > 0) expect(lineNo).toBeGreaterThan(split.lines[i - 1]?.lineNo ?? 0);
    });
  });
}

const iso = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');

/** A message with bytes changed, left out or doubled. */
function mutated(text: string): fc.Arbitrary<Buffer> {
  return fc.array(fc.tuple(fc.nat(text.length), fc.constantFrom('', '"', '\\u0000', '9', '-', '{', ';', '\ud83d', 'null', text.slice(3, 20))), { minLength: 1, maxLength: 4 }).map((changes) => {
    let changed = text;
    for (const [at, put] of changes) changed = changed.slice(0, at) + put + changed.slice(at + 1);
    return Buffer.from(changed);
  });
}
