import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChargeFacts, sessionRoles } from '../../src/contracts/charge-record.ts';
import type { Charge } from '../../src/core/allocate/charges.ts';
import { factsHash } from '../../src/core/normalise/facts-hash.ts';
import { chargeHash, sealRecord } from '../../src/core/seal/charge-record.ts';

// The reference implementation of RFC 8785, as a second opinion on the writer for the known shape.
const canonicalize = createRequire(import.meta.url)('canonicalize') as (value: unknown) => string;
const hashOf = (value: unknown) => createHash('sha256').update(canonicalize(value)).digest('hex');

const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }));
const instant = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }).map((d) => d.toISOString());
const whole = fc.bigInt(-(10n ** 15n), 10n ** 15n);
const facts: fc.Arbitrary<ChargeFacts> = fc.record(
  {
    sourceId: text,
    ownerCountry: text,
    ownerParty: text,
    cdrId: text,
    externalIds: fc.record({ cdr: text, session: text, authorization: text }, { requiredKeys: ['cdr'] }),
    siteKey: text,
    evseId: text,
    connectorId: text,
    tokenRef: text,
    startAt: instant,
    endAt: instant,
    chargingEndAt: instant,
    reservedUntil: instant,
    energyWh: fc.integer(),
    statedDurationS: fc.double({ noNaN: true, noDefaultInfinity: true }),
    periods: fc.oneof(
      fc.constant('unsplit' as const),
      fc.array(
        fc.record(
          {
            startAt: instant,
            energyWh: fc.integer(),
            chargingSeconds: fc.integer(),
            parkingSeconds: fc.integer(),
            reservedSeconds: fc.integer(),
            readings: fc.record({ maxPower: fc.double({ noNaN: true, noDefaultInfinity: true }), minCurrent: fc.integer() }, { requiredKeys: [] }),
          },
          { requiredKeys: ['startAt', 'energyWh', 'chargingSeconds', 'parkingSeconds'] },
        ),
      ),
    ),
    partnerPrice: fc.record({ currency: text, exclVat: text, origin: fc.constantFrom('partner', 'hub', 'notSignificant') }),
  },
  { requiredKeys: ['sourceId', 'ownerCountry', 'ownerParty', 'cdrId', 'externalIds', 'siteKey', 'tokenRef', 'startAt', 'endAt', 'energyWh', 'periods'] },
);
const charge: fc.Arbitrary<Charge> = fc.record({
  role: fc.constantFrom(...sessionRoles),
  component: text,
  splitNo: fc.nat(),
  contractId: text,
  contractVersion: fc.nat(),
  clause: text,
  payerAccountId: fc.option(text),
  payeeAccountId: fc.option(text),
  tariffVersionId: fc.option(text),
  currency: text,
  netMinor: whole,
  grossMinor: whole,
  bookNetMinor: whole,
  fxRate: fc.option(text),
  vatCode: text,
  vatRule: text,
  roundingMode: fc.constantFrom('grossFirst', 'netFirst'),
  exactNet: text,
  unitPrice: text,
  energyWh: whole,
  quantity: whole,
  quantityUnit: text,
  glAccount: text,
  costCenter: text,
  customerCostCenter: fc.option(text),
  unitId: fc.option(text),
  siteId: text,
  serviceOn: text,
  serviceMonth: text,
  mappingVersion: fc.integer(),
});
const jsonOf = (c: Charge) => Object.fromEntries(Object.entries(c).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value]));

describe('a sealed record', () => {
  it('is byte for byte what RFC 8785 makes of it, whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.record({ recordId: fc.bigInt(1n, 2n ** 62n), revision: fc.nat(), sessionKey: text, facts, siteId: text, accountId: text, charges: fc.array(charge, { maxLength: 3 }) }),
        fc.record({ tariffVersionId: text, total: text, explanation: fc.array(text) }),
        (sections, rating) => {
          const sealed = sealRecord({ ...sections, rating });
          const parts = { facts: { ...sections.facts, siteId: sections.siteId, accountId: sections.accountId }, rating, allocation: sections.charges.map(jsonOf) };
          const hashes = { facts: hashOf(parts.facts), rating: hashOf(parts.rating), allocation: hashOf(parts.allocation) };
          const { recordId, revision, sessionKey } = sections;
          const expected = canonicalize({ schema: '/schemas/charge-record/1.json', recordId: recordId.toString(), revision, sessionKey, ...parts, hashes });
          expect(sealed.canonical).toBe(expected);
          expect([sealed.factsHash, sealed.ratingHash, sealed.allocationHash]).toEqual([hashes.facts, hashes.rating, hashes.allocation]);
          expect(sealed.recordHash).toBe(createHash('sha256').update(Buffer.from(sealed.canonical)).digest('hex'));
        },
      ),
    );
  });

  it('has charges and facts whose own hashes are those of their RFC 8785 bytes', () => {
    fc.assert(
      fc.property(charge, text, fc.nat(), fc.boolean(), facts, (c, recordKey, revision, isReversal, f) => {
        expect(chargeHash(recordKey, revision, c, isReversal)).toEqual(hashOf({ recordKey, revision, isReversal, ...jsonOf(c) }));
        // What a CDR says of power and current tells no repeat: those that were sealed before it was kept have none.
        const told = { ...f, periods: f.periods === 'unsplit' ? f.periods : f.periods.map(({ readings: _, ...period }) => period) };
        expect(factsHash(f).toString('hex')).toBe(hashOf({ ...told, externalIds: { ...f.externalIds, cdr: f.cdrId } }));
        // A credit is no repeat of what it takes back, whatever it says; sent again it is one of itself.
        expect(factsHash(f, true).equals(factsHash(f))).toBe(false);
        expect(factsHash({ ...f, externalIds: { ...f.externalIds, cdr: recordKey } }, true)).toEqual(factsHash(f, true));
      }),
    );
  });
});
