import { describe, expect, it } from 'vitest';
import { isWorking, waitsOf } from '../../src/ui/waits.ts';

const run = { kind: 'live', state: 'inReview', paused: false, problem: null, contentHash: 'ab', accounts: { pending: 0 }, waiting: [] };
const held = { state: 'quarantined', code: 'unknownToken', records: 3, energyWh: '10500', signed: 0 };
const who = (standing: Parameters<typeof waitsOf>[0]) => waitsOf(standing).map((w) => w.who);

describe('what a run waits for', () => {
  it('is the approver once its preview is built, and nobody while it is being built', () => {
    expect(waitsOf(run)).toEqual([{ who: 'finance-approver', what: 'Review the preview; approve or reject it.' }]);
    expect(who({ ...run, contentHash: null })).toEqual(['nobody']);
  });
  it('is the preparer after a rejection, and still the approver', () => {
    expect(who({ ...run, problem: 'rejected by approver: looked at it' })).toEqual(['finance-preparer', 'finance-approver']);
  });
  it('is ops where documents cannot be built, or another of its groups stumbles: no change, and no approval, mends that', () => {
    const stumbles = 'not enough memory';
    expect(waitsOf({ ...run, contentHash: null, problem: stumbles })).toEqual([{ who: 'ops', what: `${stumbles}. Mend the cause, then retry.` }]);
    expect(waitsOf({ ...run, problem: 'fleets: the customer is blocked' })).toEqual([
      { who: 'ops', what: 'fleets: the customer is blocked. Mend the cause, then retry.' },
      { who: 'finance-approver', what: 'Review the preview; approve or reject it.' },
    ]);
    // It is built again: the reader's answer.
    for (const answered of ['rejected by approver: looked at it', 'fleets: rejected by approver: looked at it', 'has waited 3 days for approval: all'])
      expect(who({ ...run, contentHash: null, problem: answered })).toEqual(['finance-preparer', 'nobody']);
  });
  it('is nobody in a dry run, whatever waits beside it, and ops where it stumbles', () => {
    expect(who({ ...run, kind: 'dry', waiting: [held] })).toEqual(['nobody']);
    expect(who({ ...run, kind: 'dry', paused: true })).toEqual(['ops']);
    expect(who({ ...run, kind: 'dry', problem: 'a tariff is missing' })).toEqual(['ops']);
  });
  it('is ops while it is paused or stumbles over the ERP', () => {
    expect(who({ ...run, state: 'collecting', paused: true })).toEqual(['ops']);
    expect(waitsOf({ ...run, state: 'handingOver', problem: 'the customer is blocked' })).toEqual([{ who: 'ops', what: 'the customer is blocked. Mend the cause, then retry.' }]);
  });
  it('is nobody while an ERP that is away is asked again, and ops where one of several groups stumbles over something else', () => {
    const away = 'fleets: doc_1 is tried again by itself: the ERP is not available';
    for (const state of ['handingOver', 'canary', 'issuing']) {
      expect([waitsOf({ ...run, state, problem: away }), isWorking({ ...run, state, problem: away })]).toEqual([[{ who: 'nobody', what: `${away}.` }], true]);
      expect(who({ ...run, state, problem: `${away}; drivers: doc_2 is refused: the customer is blocked` })).toEqual(['ops']);
    }
  });
  it('is a signature once it is reconciled and records wait; before, they are told beside the rest', () => {
    expect(who({ ...run, state: 'reconciled', waiting: [held] })).toEqual(['finance-approver']);
    expect(waitsOf({ ...run, waiting: [{ ...held, signed: 1 }] })[1]?.what).toBe(
      '2 records quarantined (unknown token), 10.500 kWh: not billed until decided; to be decided or signed before the close.',
    );
    expect(who({ ...run, waiting: [{ ...held, signed: 3 }] })).toEqual(['finance-approver']);
  });
  it('is nobody once the last one is signed, though the run has not looked again', () => {
    const signed = { ...run, state: 'reconciled', problem: 'waits for a signed carry decision: record 1', waiting: [{ ...held, signed: 3 }] };
    expect([who(signed), isWorking(signed), isWorking({ ...signed, waiting: [held] })]).toEqual([['nobody'], true, false]);
  });
  it('is a signature too where no record waits: a CDR that is missing, a parked account, a finding that blocks', () => {
    const missing = 'session S1 of source csms, opened 2019-12-03T10:00:00.000Z, has no CDR';
    const open = { ...run, state: 'reconciled', problem: `waits for a signed carry decision: ${missing}`, toSign: [missing] };
    expect(waitsOf(open)).toEqual([{ who: 'finance-approver', what: `Mend what is open, or sign that it is carried: then it closes. ${missing}.` }]);
    expect(isWorking(open)).toBe(false);
    expect([who({ ...open, toSign: [] }), isWorking({ ...open, toSign: [] })]).toEqual([['nobody'], true]);
  });
  it('is nothing when it is over', () => {
    expect([...who({ ...run, state: 'closed', waiting: [held] }), ...who({ ...run, state: 'cancelled' })]).toEqual([]);
  });
});

describe('a run’s page', () => {
  it('loads itself again only while the run works and nobody has to act', () => {
    const stuck = [...['planned', 'previewing', 'approved', 'canary', 'issuing'].map((state) => ({ state, problem: 'not enough memory' })), { contentHash: null, problem: 'not enough memory' }];
    // An ERP that is away is asked again; what was rejected is built again.
    expect(
      [
        { state: 'handingOver', problem: 'the ERP does not answer' },
        { contentHash: null, problem: 'rejected by approver: a line is missing' },
      ].every((more) => isWorking({ ...run, ...more })),
    ).toBe(true);
    expect([{ state: 'issuing' }, { state: 'handingOver' }, { contentHash: null }, { state: 'previewing' }].every((more) => isWorking({ ...run, ...more }))).toBe(true);
    expect(
      [{}, { state: 'collecting' }, { state: 'closed' }, { state: 'issuing', paused: true }, { state: 'reconciled', problem: 'waits' }, ...stuck].some((more) => isWorking({ ...run, ...more })),
    ).toBe(false);
  });
});
