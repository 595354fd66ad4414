import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accrueMonth } from '../../src/store/commands/accrue-month.ts';
import { loadFxRates } from '../../src/store/commands/load-fx-rates.ts';
import { matchPartnerInvoice } from '../../src/store/commands/match-partner-invoice.ts';
import type { Store } from '../../src/store/db.ts';
import { erpProof } from '../../src/store/reads/accounting-periods.ts';
import { erpVoucher } from '../../src/store/reads/erp-voucher.ts';
import { balancesBy, trialBalance } from '../../src/store/reads/ledger.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const everything = { limit: 200 };
const account = 'acc_op_nordlys';
const match = (number: string, lines: { cdrId: string; netMinor: bigint }[]) =>
  store.tx((db) => matchPartnerInvoice(db, { accountId: account, number, issuedOn: '2020-01-08', postedOn: '2020-01-08', currency: 'NOK', vatMinor: 0n, lines }, { actor: 'preparer' }));
const trial = async () => {
  const { items } = await trialBalance(store.pool, {}, everything);
  return Object.fromEntries(items.flatMap((b) => (b.unit === 'NOK' ? [[b.ledgerAccount, `${b.amount} = ${b.book}`]] : [])));
};

beforeAll(async () => {
  // The operator has a second charger, on a cost center of its own.
  const second = { key: 'SR15', country: 'NO', timeZone: 'Europe/Oslo', operator: 'op_nordlys', costCenter: '115', connectorPowerW: 22_000 };
  ({ store, drop } = await seeded('every-category', (seed) => ({ ...seed, sites: [...seed.sites, second] })));
  // Three sessions at another operator's charger, at 2.10 NOK a kWh: 16.80, 21.00 and 4.20 NOK. By the rate of 29 November a NOK is 1.04 SEK.
  await storeLines(store, [
    session(1, { user: 'SR14-1', garage: 'SR14', kWh: '8' }),
    session(2, { user: 'SR14-1', garage: 'SR14', kWh: '10' }),
    session(3, { user: 'SR14-1', garage: 'SR14', kWh: '2' }),
  ]);
  await processAll(store);
  await store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month: '2019-12' }, { actor: 'preparer' }));
}, 60_000);
afterAll(() => drop());

describe('a partner’s invoice', () => {
  it('is matched against what was accrued; a difference beyond the tolerance and an unknown CDR are disputed', async () => {
    // They claim 16.80, 25.00 (4.00 more than ours: 19 %) and 7.00 for a CDR that never came.
    const made = await match('F-17', [
      { cdrId: '1', netMinor: 1680n },
      { cdrId: '2', netMinor: 2500n },
      { cdrId: 'never-came', netMinor: 700n },
    ]);
    expect(made.lines.map((l) => [l.cdrId, l.outcome, l.accruedMinor])).toEqual([
      ['1', 'equal', 1680n],
      ['2', 'disputed', 2100n],
      ['never-came', 'unknown', 0n],
    ]);
    // Reverse charge: 25 % of 48.80 NOK are 12.20 NOK, owed and deducted.
    expect(made).toMatchObject({ netMinor: 4880n, acceptedMinor: 0n, disputedMinor: 1100n, selfAssessedMinor: 1220n });
    const held = await trial();
    // Of the third session 4.20 NOK (4.37 SEK) stay accrued; the others left at 17.47 and 21.84 SEK.
    expect(held['accruedPartnerCost']).toBe('-4.20 = -4.37');
    expect(held['dispute']?.split(' ')[0]).toBe('11.00');
    expect(held['partnerPayable']?.split(' ')[0]).toBe('-48.80');
    expect([held['inputVat']?.split(' ')[0], held['selfAssessedVat']?.split(' ')[0]]).toEqual(['12.20', '-12.20']);
    const { items } = await balancesBy(store.pool, 'glAccount', { ledgerAccount: 'dispute' }, everything);
    expect(items.map((b) => b.value)).toEqual(['1689']);
  });

  it('is known once by its number, and its sessions are on no other invoice', async () => {
    await expect(match('F-17', [{ cdrId: '3', netMinor: 420n }])).rejects.toThrow(/is matched already/);
    await expect(match('F-18', [{ cdrId: '1', netMinor: 1680n }])).rejects.toThrow(/names no session that is accrued/);
  });

  it('names a CDR once, whether with its owner or without', async () => {
    const lines = (...ids: string[]) => ids.map((cdrId) => ({ cdrId, netMinor: 420n }));
    await expect(match('F-19', lines('3', 'SE*WLT*3'))).rejects.toThrow(/stands twice/);
  });

  it('goes to the ERP as a vendor bill, and the ERP holds what the ledger does', async () => {
    const { rows } = await store.pool.query("SELECT convert_from(payload, 'UTF8')::jsonb AS body FROM erp_posting WHERE kind = 'vendorBill'");
    expect(rows[0].body).toMatchObject({ kind: 'vendorBill', legalNumber: 'F-17', accountId: account, currency: 'NOK', postedOn: '2020-01-08' });
    await store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month: '2020-01' }, { actor: 'preparer' }));
    const proof = await erpProof(store.pool, 'ent_se', '2020-01');
    expect(proof.rows.filter((r) => r.differenceMinor !== 0n)).toEqual([]);
    expect(proof).toMatchObject({ fromMonth: '2019-12', holds: true });
    expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });

  it('is borne where the sessions stand now, also of one whose charger was corrected', async () => {
    const at = async (garage: string, kWh: string) => {
      await storeLines(store, [session(4, { user: 'SR14-1', garage, kWh })]);
      await processAll(store);
    };
    const netLines = async (number: string) =>
      (
        await store.pool.query("SELECT convert_from(payload, 'UTF8')::jsonb -> 'lines' AS lines FROM erp_posting p WHERE convert_from(payload, 'UTF8')::jsonb ->> 'legalNumber' = $1", [number])
      ).rows[0].lines.flatMap((l: { part: string; costCenter: string; amountMinor: string }) => (l.part === 'net' ? [[l.costCenter, l.amountMinor]] : []));
    const accruedAt = async () => {
      const { items } = await balancesBy(store.pool, 'costCenter', { ledgerAccount: 'accruedPartnerCost' }, everything);
      return items.flatMap((b) => (b.amount === '0.00' ? [] : [[b.value, b.amount]]));
    };
    // 5 kWh are 10.50 NOK, at the charger on 116 as was said first, and at that on 115 in truth.
    await at('SR14', '5');
    await at('SR15', '5');
    await match('F-19', [{ cdrId: '4', netMinor: 1050n }]);
    expect(await netLines('F-19')).toEqual([['115', '1050']]);
    // Of the third session 4.20 NOK stay accrued.
    expect(await accruedAt()).toEqual([['116', '-4.20']]);
    // It was 6 kWh at the first after all: the operator bills the 2.10 NOK that 12.60 are more than 10.50.
    await at('SR14', '6');
    await match('F-20', [{ cdrId: '4', netMinor: 210n }]);
    expect(await netLines('F-20')).toEqual([
      ['116', '1260'],
      ['115', '-1050'],
    ]);
    expect(await accruedAt()).toEqual([['116', '-4.20']]);
    for (const month of ['2019-12', '2020-01']) await store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month }, { actor: 'preparer' }));
    expect(await erpProof(store.pool, 'ent_se', '2020-01')).toMatchObject({ fromMonth: '2019-12', holds: true });
    expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });

  it('is told to an ERP of files by the rate it was booked by, though another version of it came since', async () => {
    const [bill] = (
      await store.pool.query(
        `SELECT p.key, p.connection_id, convert_from(p.payload, 'UTF8')::jsonb AS document, -e.book_minor AS owed, split_part(t.fx_rate, ' ', 2) AS rate_on
         FROM erp_posting p JOIN ledger_transaction t ON t.key = p.key JOIN ledger_entry e ON e.transaction_key = t.key AND e.ledger_account = 'partnerPayable' WHERE convert_from(p.payload, 'UTF8')::jsonb ->> 'legalNumber' = 'F-17'`,
      )
    ).rows;
    const owed = async () => (await erpVoucher(store.pool, bill.connection_id, bill.document)).vouchers[0]?.lines.find((l) => l.part === 'party')?.amountMinor;
    expect(await owed()).toBe(-bill.owed);
    await store.tx((db) => loadFxRates(db, [{ line: 1, source: 'sample', on: bill.rate_on, currency: 'NOK', into: 'SEK', rate: '1.2' }], { actor: 'treasury' }));
    expect(await owed()).toBe(-bill.owed);
  });
});
