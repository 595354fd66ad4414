import { describe, expect, it } from 'vitest';
import { csvResidentialCsms } from '../../src/adapters/sources/csv-residential-csms.ts';
import type { SourceParser } from '../../src/adapters/sources/port.ts';
import { renormalise } from '../../src/adapters/sources/renormalise.ts';
import { sealableFacts } from '../../src/core/normalise/token-ref.ts';
import { session } from '../support/intake.ts';

const bytes = Buffer.from(session(1));
const context = { sourceId: 'csms', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
const read = csvResidentialCsms.parse(bytes, context);
if (!read.ok) throw new Error('the sample line is readable');
const tokenSecret = Buffer.alloc(32, 7);
const facts = sealableFacts(read.facts, tokenSecret);
/** The parser after a change of how it reads. */
const changed = (change: object): SourceParser => ({ ...csvResidentialCsms, parse: () => ({ ok: true, facts: { ...read.facts, ...change }, issues: [] }) });

describe('reading a sealed message again', () => {
  it('finds no difference while the parser reads as it did', () => {
    expect(renormalise(csvResidentialCsms, { bytes, context, facts, tokenSecret })).toEqual({ status: 'same', differences: [], issues: read.issues });
  });

  it('names each field that a newer parser reads otherwise, at any depth', () => {
    const periods = [{ startAt: facts.startAt, energyWh: 1, chargingSeconds: 2, parkingSeconds: 3 }];
    const parser = changed({ energyWh: facts.energyWh + 1, evseId: 'SE*1', externalIds: { cdr: '1', session: 's' }, periods: [{ ...periods[0], energyWh: 5 }] });
    expect(renormalise(parser, { bytes, context, facts: { ...facts, periods }, tokenSecret })).toMatchObject({
      status: 'different',
      differences: [
        { field: 'externalIds.session', sealed: null, present: 's' },
        { field: 'energyWh', sealed: facts.energyWh, present: facts.energyWh + 1 },
        { field: 'periods[0].energyWh', sealed: 1, present: 5 },
        { field: 'evseId', sealed: null, present: 'SE*1' },
      ],
    });
    expect(renormalise(changed({ periods }), { bytes, context, facts, tokenSecret }).differences).toEqual([{ field: 'periods', sealed: 'unsplit', present: periods }]);
  });

  it('says when the message can no longer be read, or is no longer there', () => {
    expect(renormalise(csvResidentialCsms, { bytes: Buffer.from('nothing'), context, facts, tokenSecret })).toMatchObject({ status: 'unreadable', differences: [], issues: [{ severity: 'blocks' }] });
    expect(renormalise(csvResidentialCsms, { bytes: null, context, facts, tokenSecret })).toEqual({ status: 'expunged', differences: [], issues: [] });
  });
});
