import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accrueMonth } from '../../src/store/commands/accrue-month.ts';
import { matchPartnerInvoice } from '../../src/store/commands/match-partner-invoice.ts';
import type { Store } from '../../src/store/db.ts';
import { erpProof } from '../../src/store/reads/accounting-periods.ts';
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
  ({ store, drop } = await seeded('every-category'));
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

  it('goes to the ERP as a vendor bill, and the ERP holds what the ledger does', async () => {
    const { rows } = await store.pool.query("SELECT convert_from(payload, 'UTF8')::jsonb AS body FROM erp_posting WHERE kind = 'vendorBill'");
    expect(rows[0].body).toMatchObject({ kind: 'vendorBill', legalNumber: 'F-17', accountId: account, currency: 'NOK', postedOn: '2020-01-08' });
    await store.tx((db) => accrueMonth(db, { entityId: 'ent_se', month: '2020-01' }, { actor: 'preparer' }));
    const proof = await erpProof(store.pool, 'ent_se', '2020-01');
    expect(proof.rows.filter((r) => r.differenceMinor !== 0n)).toEqual([]);
    expect(proof).toMatchObject({ fromMonth: '2019-12', holds: true });
    expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});
