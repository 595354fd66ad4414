import { expect, it } from 'vitest';
import { reconciliationRecords } from '../../src/core/document/reconciliation.ts';
import { documentOf, lineOf } from '../support/issued-document.ts';

const row = (sessionKey: string | null) => ({
  sessionKey,
  startAt: null,
  endAt: null,
  serviceOn: '2019-12-01',
  siteName: null,
  costCenter: null,
  unit: null,
  energyWh: 1n,
  netMinor: 1n,
  grossMinor: 1n,
});
const settlement = {
  ...documentOf({ lines: [lineOf()] }),
  documentId: 'doc_0123456789abcdef0123',
  strategy: 'emspSettlement',
  annex: [row('csms/se*wlt*b-2'), row('csms/se*wlt*a-1'), row('csms/se*wlt*a-1'), row('hub/no*oth*9'), row(null)],
};

it('a settlement tells which CDRs it is for, a record for each owner of them, each CDR once', () => {
  expect(reconciliationRecords(settlement, '2020-01-07T08:00:00.000Z')).toEqual({
    records: [
      { country_code: 'NO', party_id: 'OTH', id: 'doc_0123456789abcdef0123', invoice_id: '2020-000001', cdrs: ['9'], last_updated: '2020-01-07T08:00:00.000Z' },
      { country_code: 'SE', party_id: 'WLT', id: 'doc_0123456789abcdef0123-2', invoice_id: '2020-000001', cdrs: ['a-1', 'b-2'], last_updated: '2020-01-07T08:00:00.000Z' },
    ],
  });
});

it('what settles nothing, or names a CDR by what OCPI cannot, says so', () => {
  const codes = (document: typeof settlement) => {
    const made = reconciliationRecords(document, '');
    return 'issues' in made ? made.issues.map((i) => i.code) : [];
  };
  expect(codes({ ...settlement, strategy: 'fleetInvoice' })).toEqual(['noSettlement']);
  expect(codes({ ...settlement, annex: [row(null)] })).toEqual(['noSettlement']);
  expect(codes({ ...settlement, annex: [row(`csms/se*wlt*${'x'.repeat(37)}`)] })).toEqual(['cdrIdTooLong']);
});
