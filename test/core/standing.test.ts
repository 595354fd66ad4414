import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChargeFacts } from '../../src/contracts/charge-record.ts';
import { correctFacts, uncorrectedFacts } from '../../src/core/intake/correct-facts.ts';
import { isOlder, placeVersion, stillWaits } from '../../src/core/intake/standing.ts';

const version = (content: number, updatedAt: number | null) => ({ hash: Buffer.from([content]), updatedAt });

describe('a version of a CDR among those that are there', () => {
  it('repeats, is older, conflicts or may be the one to bill', () => {
    const there = { standing: version(1, 10), waiting: version(2, 20) };
    expect(placeVersion(version(1, 99), there, 'revise')).toBe('repeatsStanding');
    expect(placeVersion(version(2, 5), there, 'revise')).toBe('repeatsWaiting');
    expect(placeVersion(version(3, 9), there, 'revise')).toBe('superseded');
    expect(placeVersion(version(3, 15), there, 'revise')).toBe('candidate');
    expect(placeVersion(version(3, 15), there, 'conflict')).toBe('conflict');
    expect(placeVersion(version(3, 1), { standing: null, waiting: version(2, 20) }, 'conflict')).toBe('candidate');
    expect(placeVersion(version(3, null), there, 'revise')).toBe('candidate');
  });
  it('stays waiting beside a booked one only while it is newer', () => {
    expect(stillWaits(version(2, 20), version(1, 10), 'revise')).toBe(true);
    expect(stillWaits(version(2, 20), version(1, 21), 'revise')).toBe(false);
    expect(stillWaits(version(2, 20), version(1, 10), 'conflict')).toBe(false);
    expect(stillWaits({ hash: null, updatedAt: null }, version(1, 10), 'revise')).toBe(false);
    expect(stillWaits(null, version(1, 10), 'revise')).toBe(false);
  });
  it('is older than another or the other is, never both', () => {
    const any = fc.record({ content: fc.nat(5), at: fc.nat(5) });
    fc.assert(
      fc.property(any, any, (a, b) => {
        const [x, y] = [version(a.content, a.at), version(b.content, b.at)];
        const same = a.at === b.at && a.content === b.content;
        expect(Number(isOlder(x, y)) + Number(isOlder(y, x))).toBe(same ? 0 : 1);
      }),
    );
  });
});

describe('a signed correction', () => {
  const facts: ChargeFacts = {
    sourceId: 'csms',
    ownerCountry: 'SE',
    ownerParty: 'WLT',
    cdrId: '1',
    externalIds: { cdr: '1' },
    siteKey: 'A',
    tokenRef: 't',
    startAt: '2019-12-05T18:00:00Z',
    endAt: '2019-12-05T21:00:00Z',
    chargingEndAt: '2019-12-05T20:30:00Z',
    energyWh: 99_000,
    periods: [{ startAt: '2019-12-05T18:00:00Z', energyWh: 99_000, chargingSeconds: 10_800, parkingSeconds: 0 }],
  };
  const signed = { decisionId: '7', author: 'anna', evidence: 'photo of the meter' };
  it('replaces what it names, splits the session anew and keeps what the source said', () => {
    const { facts: corrected, correction } = correctFacts(facts, { energyWh: 9900, endAt: '2019-12-05T20:00:00Z' }, signed);
    expect(corrected).toEqual({ ...facts, energyWh: 9900, endAt: '2019-12-05T20:00:00Z', periods: 'unsplit', chargingEndAt: undefined });
    expect(correction).toEqual({
      author: 'anna',
      decisionId: '7',
      evidence: 'photo of the meter',
      before: { energyWh: 99_000, endAt: facts.endAt, chargingEndAt: facts.chargingEndAt, periods: facts.periods },
    });
  });
  it('keeps until when the charger was reserved, and all of it where nobody came', () => {
    const reserved = { startAt: '2019-12-05T18:00:00Z', energyWh: 0, chargingSeconds: 0, parkingSeconds: 0, reservedSeconds: 900 };
    const used = { startAt: '2019-12-05T18:15:00Z', energyWh: 99_000, chargingSeconds: 9_900, parkingSeconds: 0 };
    const corrected = (periods: ChargeFacts['periods'], correction: object, energyWh = 99_000) => {
      const said = { ...facts, energyWh, periods };
      const result = correctFacts(said, correction, signed);
      expect(uncorrectedFacts({ ...result.facts, siteId: 's', accountId: 'a', correction: result.correction })).toEqual(said);
      return result.facts.reservedUntil;
    };
    expect(corrected([reserved, used], { energyWh: 9900 })).toBe(used.startAt);
    expect(corrected([reserved], { endAt: '2019-12-05T18:20:00Z' }, 0)).toBe('2019-12-05T18:20:00Z');
    // It began later, ended before, or was no reservation.
    expect(corrected([reserved, used], { startAt: '2019-12-05T18:15:00Z' })).toBeUndefined();
    expect(corrected([reserved, used], { endAt: '2019-12-05T18:10:00Z' })).toBeUndefined();
    expect(corrected([reserved], { energyWh: 9900 }, 0)).toBeUndefined();
    expect(corrected([used], { energyWh: 9900 })).toBeUndefined();
  });
  it('can be taken out again to the very facts that the source said', () => {
    const instant = fc.integer({ min: 0, max: 86_400 }).map((s) => `${new Date(Date.UTC(2019, 11, 5) + s * 1000).toISOString().slice(0, 19)}Z`);
    fc.assert(
      fc.property(fc.record({ startAt: instant, endAt: instant, energyWh: fc.nat(200_000) }, { requiredKeys: [] }), fc.boolean(), (correction, split) => {
        const said: ChargeFacts = split ? facts : { ...facts, periods: 'unsplit' };
        const result = correctFacts(said, correction, signed);
        expect(uncorrectedFacts({ ...result.facts, siteId: 's', accountId: 'a', correction: result.correction })).toEqual(said);
      }),
    );
  });
});
