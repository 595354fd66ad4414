import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rebillDocument } from '../../src/activities/rebill.ts';
import { renderPdf } from '../../src/adapters/documents/pdf/render-pdf.ts';
import { documentRulesSchema } from '../../src/contracts/document-rules.ts';
import { tariffSchema } from '../../src/contracts/tariff.ts';
import { addAdjustment, type NewAdjustment } from '../../src/store/commands/adjust-run.ts';
import { creditLines, withdrawCredit } from '../../src/store/commands/credit-lines.ts';
import { orderRebill, type RebillOrder, retryRebill } from '../../src/store/commands/order-rebill.ts';
import { proposeTariff, publishTariff } from '../../src/store/commands/publish-tariff.ts';
import { setDocumentRules } from '../../src/store/commands/set-document-rules.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { unsignedWaiting } from '../../src/store/cycle/run-reads.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { findRebill } from '../../src/store/reads/credits.ts';
import { findDocument } from '../../src/store/reads/documents.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { heldBack } from '../../src/store/reads/held-back.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, finishRun, issueRun, reviewRun } from '../support/bill.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { textOfPages } from '../support/read-pdf.ts';
import { seeded } from '../support/seeded.ts';
import { problemsOf, verifiedAfter } from '../support/tampered.ts';

const by = { actor: 'preparer' };
let original: TestDatabase;

type World = { readonly store: Store; readonly rows: (sql: string, params?: unknown[]) => Promise<Record<string, never>[]>; readonly close: () => Promise<void> };
const open = (database: TestDatabase, store = openStore(database.url)): World => {
  const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
  const close = async () => {
    await store.close();
    await database.drop();
  };
  return { store, rows, close };
};
/** Bills a month of the sample seller, its site owners too, and closes the run. */
async function bill({ store }: World, period: string, issuedOn: string): Promise<string> {
  const runId = await closeSet(store, period);
  await store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(store, runId, issuedOn, true);
  for (const to of ['handingOver', 'reconciled', 'closed'] as const) await store.tx((db) => advanceRun(db, runId, to));
  return runId;
}
const arrive = async ({ store }: World, ...lines: string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
const documentsOf = ({ rows }: World, runId: string, accountId: string) =>
  rows(
    `SELECT d.type, s.legal_number AS number, o.legal_number AS credits, d.net_minor AS net, d.vat_minor AS vat, d.payable_minor AS payable, d.energy_wh AS wh FROM document d JOIN issue_stamp s ON s.document_id = d.id
     LEFT JOIN issue_stamp o ON o.document_id = d.credits_document_id WHERE d.run_id = $1 AND d.account_id = $2 ORDER BY d.type DESC, s.number`,
    [runId, accountId],
  );
/** The first invoice of an account. */
const invoiceOf = async ({ rows }: World, accountId: string) => {
  const [found] = await rows("SELECT d.id FROM document d JOIN issue_stamp s ON s.document_id = d.id WHERE d.account_id = $1 AND d.type = 'invoice' ORDER BY s.number LIMIT 1", [accountId]);
  return found?.['id'] as unknown as string;
};
const rebill = async ({ store }: World, order: Omit<RebillOrder, 'reason'>) => {
  const { orderId } = await store.tx((db) => orderRebill(db, { ...order, reason: 'asked for' }, by));
  return { orderId, ...(await rebillDocument(store, orderId)) };
};
const sound = async ({ store }: World) => {
  const { sections } = await verifyAll(store);
  expect(sections.filter((s) => s.problem !== null)).toEqual([]);
  expect((await energyBalance(store.pool)).filter((b) => b.difference !== 0n)).toEqual([]);
};

beforeAll(async () => {
  const { store, database } = await seeded();
  original = database;
  const world = open(database, store);
  // A fleet (NR1-3) with two sessions, a driver (Bl2-1) with two, an eMSP (Share-2) with one.
  await arrive(world, session(1, { user: 'NR1-3', garage: 'NR1' }), session(2, { user: 'NR1-3', garage: 'NR1', kWh: '20' }), session(3), session(4, { kWh: '20' }), session(5, { user: 'Share-2' }));
  await bill(world, '2019-12', '2020-01-06');
  await world.store.close();
});
afterAll(() => original.drop());

const world = async () => open(await copyOf(original));

describe('the correction of an issued session', () => {
  it('of a fleet is a credit note that names the invoice and its line, and a new line on the next invoice', async () => {
    const w = await world();
    const [first] = await documentsOf(w, 'run_ent_se_2019-12_live', 'acc_fleet_home_care');
    await arrive(w, session(1, { user: 'NR1-3', garage: 'NR1', kWh: '12' }));
    const runId = await bill(w, '2020-01', '2020-02-06');
    const made = await documentsOf(w, runId, 'acc_fleet_home_care');
    expect(made.map((d) => [d['type'], d['number'], d['credits'], d['wh']])).toEqual([
      ['invoice', '2020-000004', null, 12_000n],
      ['creditNote', 'K-2020-000001', first?.['number'], -10_500n],
    ]);
    const credited = await w.rows('SELECT line_no, credited_minor, low_minor, high_minor FROM document_credit ORDER BY line_no');
    for (const c of credited) expect((c['credited_minor'] as unknown as bigint) > 0n && (c['credited_minor'] as unknown as bigint) <= (c['high_minor'] as unknown as bigint)).toBe(true);
    // Its journal is the credit of the ledger table; the ERP is told which document it credits.
    expect(
      await w.rows(
        "SELECT kind, sum(amount) FILTER (WHERE ledger_account = 'receivable')::bigint AS owed FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_key = t.key WHERE kind = 'credited' GROUP BY 1",
      ),
    ).toEqual([{ kind: 'credited', owed: made[1]?.['payable'] }]);
    const [posting] = await w.rows("SELECT kind, convert_from(payload, 'UTF8')::jsonb->'credits' AS credits FROM erp_posting WHERE kind = 'creditNote'");
    expect(posting).toMatchObject({ kind: 'creditNote', credits: { key: await invoiceOf(w, 'acc_fleet_home_care'), legalNumber: first?.['number'] } });
    const shown = await findDocument(w.store.pool, await invoiceOf(w, 'acc_fleet_home_care'));
    expect(shown?.creditedBy.map((c) => c.legalNumber)).toEqual(['K-2020-000001']);
    await sound(w);
    await w.close();
  });

  it('is held to what is kept as credited of each line when verified: with less, or more room, a line could be credited twice', async () => {
    const database = await copyOf(original);
    const w = open(database);
    await arrive(w, session(1, { user: 'NR1-3', garage: 'NR1', kWh: '12' }));
    await bill(w, '2020-01', '2020-02-06');
    await w.store.close();
    // The charge of 10.5 kWh is credited: on its line, and under line 0 of its VAT code.
    for (const change of ['UPDATE document_credit SET credited_minor = 0 WHERE line_no = 0', 'UPDATE document_credit SET high_minor = high_minor + 1 WHERE line_no > 0', 'DELETE FROM document_credit'])
      expect(problemsOf(await verifiedAfter(database, change)), change).toMatchObject({
        documents: expect.stringMatching(/^of line \d of document doc_\w+ \d+ is credited, and kept is (\d+|nothing) of 0 to \d+$/),
      });
    await database.drop();
  });

  it('of a driver stands on the next invoice and names the one before; without one to stand on it is a credit note', async () => {
    const w = await world();
    await arrive(w, session(3, { kWh: '5' }), session(60, { start: '05.01.2020 18:00', end: '05.01.2020 21:00', kWh: '30' }));
    const runId = await bill(w, '2020-01', '2020-02-06');
    const [invoice, ...rest] = await documentsOf(w, runId, 'acc_driver_16');
    expect([invoice?.['type'], invoice?.['wh'], rest]).toEqual(['invoice', 30_000n + 5000n - 10_500n, []]);
    const named = await w.rows(
      "SELECT s.legal_number AS number, l.energy_wh AS wh FROM document_line l JOIN document d ON d.id = l.document_id JOIN issue_stamp s ON s.document_id = l.credits_document_id WHERE d.run_id = $1 AND d.account_id = 'acc_driver_16'",
      [runId],
    );
    const corrected = (await documentsOf(w, 'run_ent_se_2019-12_live', 'acc_driver_16'))[0]?.['number'];
    expect(named).toEqual([{ number: corrected, wh: -10_500n }]);
    // So does what the driver is sent; what takes its place stands on a line of its own.
    const [{ id }] = (await w.rows("SELECT id FROM document WHERE run_id = $1 AND account_id = 'acc_driver_16'", [runId])) as unknown as [{ id: string }];
    const [sent] = await issuedDocuments(w.store.pool, [id]);
    if (sent === undefined) throw new Error('nothing is sent');
    expect(sent.lines.map((l) => [l.energyWh, l.corrects])).toEqual([
      [5000n, null],
      [30_000n, null],
      [-10_500n, { legalNumber: corrected, issuedOn: '2020-01-06' }],
    ]);
    expect((await textOfPages(await renderPdf(sent, 'sv'))).join('\n')).toContain(`Rättar ${corrected}`);
    // All that is left now is less than nothing.
    await arrive(w, session(4, { kWh: '1' }));
    const next = await bill(w, '2020-02', '2020-03-06');
    expect((await documentsOf(w, next, 'acc_driver_16')).map((d) => [d['type'], d['wh']])).toEqual([
      ['invoice', 1000n],
      ['creditNote', -20_000n],
    ]);
    await sound(w);
    await w.close();
  });

  it('of a correction credits the latest live line, in whatever run each comes (D36)', async () => {
    const w = await world();
    await arrive(w, session(1, { user: 'NR1-3', garage: 'NR1', kWh: '12' }));
    const january = await bill(w, '2020-01', '2020-02-06');
    await arrive(w, session(1, { user: 'NR1-3', garage: 'NR1', kWh: '13' }));
    const february = await bill(w, '2020-02', '2020-03-06');
    const [rebilled] = await documentsOf(w, january, 'acc_fleet_home_care');
    expect((await documentsOf(w, february, 'acc_fleet_home_care')).map((d) => [d['type'], d['credits'], d['wh']])).toEqual([
      ['invoice', null, 13_000n],
      ['creditNote', rebilled?.['number'], -12_000n],
    ]);
    const [sum] = await w.rows(
      "SELECT (SELECT sum(net_minor) FROM document WHERE account_id = 'acc_fleet_home_care')::bigint AS documents, (SELECT sum(net_minor) FROM rated_charge WHERE payer_account_id = 'acc_fleet_home_care')::bigint AS charges",
    );
    expect(sum?.['documents']).toBe(sum?.['charges']);
    await sound(w);
    await w.close();
  });

  it('waits with what takes its place while what it corrects is not issued yet', async () => {
    const w = await world();
    await arrive(w, session(70, { user: 'NR1-3', garage: 'NR1', start: '05.01.2020 18:00', end: '05.01.2020 21:00' }));
    const january = await closeSet(w.store, '2020-01');
    // January is still open when the session is corrected, and February closes its set.
    await arrive(w, session(70, { user: 'NR1-3', garage: 'NR1', start: '05.01.2020 18:00', end: '05.01.2020 21:00', kWh: '11' }));
    const february = await bill(w, '2020-02', '2020-03-06');
    expect(await documentsOf(w, february, 'acc_fleet_home_care')).toEqual([]);
    expect(await w.rows("SELECT disposition, hold_reason, count(*)::integer AS n FROM claim WHERE run_id = $1 AND account_id = 'acc_fleet_home_care' GROUP BY 1, 2", [february])).toEqual([
      { disposition: 'carried', hold_reason: 'originalNotIssued', n: 2 },
    ]);
    await issueRun(w.store, january, '2020-03-07', true);
    const march = await bill(w, '2020-03', '2020-04-06');
    expect((await documentsOf(w, march, 'acc_fleet_home_care')).map((d) => [d['type'], d['wh']])).toEqual([
      ['invoice', 11_000n],
      ['creditNote', -10_500n],
    ]);
    await sound(w);
    await w.close();
  });
});

describe('the database', () => {
  it('refuses a negative invoice, and credits of a line beyond it, whoever comes second', async () => {
    const w = await world();
    const id = await invoiceOf(w, 'acc_fleet_home_care');
    await expect(
      w.store.pool.query('INSERT INTO document SELECT (jsonb_populate_record(d, \'{"id":"doc_x","state":"draft","payable_minor":-1}\')).* FROM document d WHERE id = $1', [id]),
    ).rejects.toMatchObject({ constraint: 'document_sign' });
    const [line] = await w.rows('SELECT net_minor AS net FROM document_line WHERE document_id = $1 AND line_no = 1', [id]);
    const net = line?.['net'] as unknown as bigint;
    const credit = async (name: string, minor: bigint) => {
      await w.store.pool.query(
        `INSERT INTO document SELECT (jsonb_populate_record(d, jsonb_build_object('id', $2::text, 'state', 'draft', 'type', 'creditNote', 'payable_minor', -1, 'credits_document_id', d.id))).* FROM document d WHERE id = $1`,
        [id, name],
      );
      await w.store.pool.query(
        `INSERT INTO document_line SELECT (jsonb_populate_record(l, jsonb_build_object('document_id', $2::text, 'net_minor', -$3::bigint, 'credits_document_id', l.document_id, 'credits_line_no', l.line_no))).* FROM document_line l WHERE document_id = $1 AND line_no = 1`,
        [id, name, minor],
      );
    };
    await credit('doc_c1', net - 1n);
    await credit('doc_c2', 2n);
    const issue = (name: string) => w.store.tx((db) => db.query("UPDATE document SET state = 'issued' WHERE id = $1", [name]));
    const answers = await Promise.allSettled([issue('doc_c1'), issue('doc_c2')]);
    expect(answers.map((a) => a.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(answers.flatMap((a) => (a.status === 'rejected' ? [(a.reason as { constraint?: string }).constraint] : []))).toEqual(['document_credit_limit']);
    await expect(w.store.pool.query('UPDATE document_credit SET credited_minor = 0')).rejects.toMatchObject({ code: '42501' });
    await w.close();
  });
});

describe('what an entity sets', () => {
  it('holds small differences back until they are large enough, and bills large ones apart', async () => {
    const w = await world();
    const set = (late: object) => w.store.tx((db) => setDocumentRules(db, { entityId: 'ent_se', rules: documentRulesSchema.parse({ late }), reason: 'agreed' }, { actor: 'controller' }));
    await set({ fleet: { policy: 'holdBelow', thresholdMinor: 5000 }, driver: { policy: 'separateInvoice' } });
    const january = { start: '05.01.2020 18:00', end: '05.01.2020 21:00' };
    await arrive(w, session(80, { user: 'NR1-3', garage: 'NR1', kWh: '3' }), session(81, { user: 'NR1-3', garage: 'NR1', ...january }), session(82), session(83, january));
    const first = await bill(w, '2020-01', '2020-02-06');
    expect((await documentsOf(w, first, 'acc_fleet_home_care')).map((d) => d['wh'])).toEqual([10_500n]);
    expect((await documentsOf(w, first, 'acc_driver_16')).map((d) => [d['type'], d['wh']])).toEqual([
      ['invoice', 10_500n],
      ['invoice', 10_500n],
    ]);
    expect(await w.rows('SELECT disposition, hold_reason, held_since FROM claim WHERE hold_reason IS NOT NULL')).toEqual([{ disposition: 'carried', hold_reason: 'late', held_since: '2020-01' }]);
    expect((await energyBalance(w.store.pool)).find((b) => b.month === '2019-12')).toMatchObject({ carried: 3000n, difference: 0n });
    // A rule of the entity holds it: it is reported, and asks for no signature. 3 kWh at 2.234.
    expect(await heldBack(w.store.pool, first)).toEqual([{ reason: 'late', currency: 'SEK', accounts: 1, charges: 1, energyWh: '3000', net: '6.70', fees: '0.00', signed: null }]);
    expect((await unsignedWaiting(w.store.pool, first)).filter((sentence) => sentence.startsWith('account'))).toEqual([]);
    // With another 30 kWh it is enough.
    await arrive(w, session(84, { user: 'NR1-3', garage: 'NR1', kWh: '30' }));
    const next = await bill(w, '2020-02', '2020-03-06');
    expect((await documentsOf(w, next, 'acc_fleet_home_care')).map((d) => d['wh'])).toEqual([33_000n]);
    await sound(w);
    await w.close();
  });
});

describe('a credit of lines', () => {
  it('becomes a credit note that names its invoice, never more than is left of a line, and can be taken back in time', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_fleet_home_care');
    const [line] = await w.rows('SELECT net_minor AS net FROM document_line WHERE document_id = $1 AND line_no = 1', [documentId]);
    const net = line?.['net'] as unknown as bigint;
    const credit = (amountMinor?: bigint) => w.store.tx((db) => creditLines(db, { documentId, lines: [{ lineNo: 1, amountMinor }], reason: 'cable broken' }, by));
    await expect(credit(net + 1n)).rejects.toThrow(/is left/);
    await expect(credit(-1n)).rejects.toThrow(/is left/);
    await credit(500n);
    await expect(credit(net - 499n)).rejects.toThrow(/is left/);
    const runId = await bill(w, '2020-01', '2020-02-06');
    const [made] = await documentsOf(w, runId, 'acc_fleet_home_care');
    expect([made?.['type'], made?.['net'], made?.['vat'], made?.['wh']]).toEqual(['creditNote', -500n, -125n, 0n]);
    await sound(w);
    // The session is corrected: with the goodwill more would be credited than was billed, so the account waits for people.
    await arrive(w, session(1, { user: 'NR1-3', garage: 'NR1', kWh: '9' }), session(2, { user: 'NR1-3', garage: 'NR1', kWh: '9' }));
    const next = await closeSet(w.store, '2020-02');
    await issueRun(w.store, next, '2020-03-06', true);
    expect(await w.rows("SELECT state, reason FROM run_account WHERE run_id = $1 AND account_id = 'acc_fleet_home_care'", [next])).toEqual([
      { state: 'parked', reason: expect.stringMatching(/more would be credited of line 1 of 2020-\d+ than is left/) },
    ]);
    for (const to of ['handingOver', 'reconciled', 'closed'] as const) await w.store.tx((db) => advanceRun(db, next, to));
    await credit(-500n);
    const last = await bill(w, '2020-03', '2020-04-06');
    const [sum] = await w.rows(
      "SELECT (SELECT sum(net_minor) FROM document WHERE account_id = 'acc_fleet_home_care' AND state = 'issued')::bigint AS documents, (SELECT sum(net_minor) FROM rated_charge WHERE payer_account_id = 'acc_fleet_home_care')::bigint AS charges",
    );
    expect(sum?.['documents']).toBe(sum?.['charges']);
    expect((await documentsOf(w, last, 'acc_fleet_home_care')).map((d) => d['type'])).toContain('creditNote');
    await sound(w);
    await w.close();
  });
});

describe('a credit of lines whose answer was lost', () => {
  it('is the same order when it is asked for again under its key', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_fleet_home_care');
    const credit = (key: string) => w.store.tx((db) => creditLines(db, { documentId, lines: [{ lineNo: 1 }], reason: 'cable broken' }, by, key));
    const first = await credit('k-1');
    expect(await credit('k-1')).toEqual(first);
    await expect(credit('k-2')).rejects.toThrow(/0\.00 of .* is left/);
    // Without a word of ours it stands on the note in no language but the line's.
    const named = 'SELECT c.description, l.description AS line, s.legal_number AS number FROM credit_order c JOIN document_line l USING (document_id, line_no) JOIN issue_stamp s USING (document_id)';
    const [order, ...others] = await w.rows(named);
    expect([order?.['description'], others]).toEqual([`${order?.['line']} (${order?.['number']}: 1)`, []]);
    await w.close();
  });
});

describe('a credit of nearly all of a line', () => {
  it('takes back no more net than the line has, however its sessions were rounded', async () => {
    const w = await world();
    // 10.8 kWh at 2.65 and VAT are 35.78, and of that 28.62 net (28.624): four come to 143.12, of that 114.48 net. Of 143.11 alone the net would be 114.49.
    await arrive(w, ...[1, 2, 3, 4].map((day) => session(90 + day, { start: `0${day}.01.2020 18:00`, end: `0${day}.01.2020 21:00`, kWh: '10,8' })));
    const january = await bill(w, '2020-01', '2020-02-06');
    const [invoice] = await w.rows("SELECT id, net_minor AS net FROM document WHERE run_id = $1 AND account_id = 'acc_driver_16'", [january]);
    expect(invoice?.['net']).toBe(11_448n);
    const documentId = invoice?.['id'] as unknown as string;
    await w.store.tx((db) => creditLines(db, { documentId, lines: [{ lineNo: 1, amountMinor: 14_311n }], reason: 'agreed on one öre' }, by));
    const february = await bill(w, '2020-02', '2020-03-06');
    expect((await documentsOf(w, february, 'acc_driver_16')).map((d) => [d['type'], d['net'], d['payable']])).toEqual([['creditNote', -11_448n, -14_300n]]);
    // What is left is the last öre, and it has no net.
    await w.store.tx((db) => creditLines(db, { documentId, lines: [{ lineNo: 1 }], reason: 'nor that one' }, by));
    expect((await w.rows('SELECT amount_minor AS amount, net_minor AS net FROM credit_order ORDER BY ordered_at DESC LIMIT 1'))[0]).toEqual({ amount: -1n, net: 0n });
    await sound(w);
    await w.close();
  });
});

describe('a credit of a part of an invoice that was paid by transfer', () => {
  it('is in whole kronor, though its account pays by card by now (D04)', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_driver_16');
    await w.rows("UPDATE account SET strategy = 'cardInvoice' WHERE id = 'acc_driver_16'");
    await w.store.tx((db) => creditLines(db, { documentId, lines: [{ lineNo: 1, amountMinor: 5040n }], reason: 'agreed on' }, by));
    const january = await bill(w, '2020-01', '2020-02-06');
    expect((await documentsOf(w, january, 'acc_driver_16')).map((d) => [d['type'], d['payable']])).toEqual([['creditNote', -5000n]]);
    await sound(w);
    await w.close();
  });
});

describe('a manual line', () => {
  const manual = async (w: World, amountMinor: bigint, more: Partial<NewAdjustment> = {}) => {
    const runId = await reviewRun(w.store, '2020-01');
    const row = { accountId: 'acc_fleet_home_care', amountMinor, vatCode: 'SE25', glKey: 'revenue.fleetSale', costCenter: '109', description: 'Set-up', reason: 'as agreed', ...more };
    await w.store.tx((db) => addAdjustment(db, runId, row, by));
    await finishRun(w.store, runId, '2020-02-06');
    return runId;
  };

  it('that is all of an invoice is credited with it, once', async () => {
    const w = await world();
    const [made] = await w.rows("SELECT id FROM document WHERE run_id = $1 AND account_id = 'acc_fleet_home_care'", [await manual(w, 50_000n)]);
    const documentId = made?.['id'] as unknown as string;
    expect(await rebill(w, { documentId, kind: 'credit', outcome: 'bill' })).toMatchObject({ rebilled: 0, problem: null });
    await expect(rebill(w, { documentId, kind: 'credit', outcome: 'bill' })).rejects.toThrow(/credited already/);
    // 500.00 and 25 % VAT.
    expect((await documentsOf(w, await bill(w, '2020-02', '2020-03-06'), 'acc_fleet_home_care')).map((d) => [d['type'], d['net'], d['payable']])).toEqual([['creditNote', -50_000n, -62_500n]]);
    await sound(w);
    await w.close();
  });

  it('about an issued line counts against what a credit note may take back of it, and a credit note against the manual line', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_fleet_home_care');
    const [line] = await w.rows('SELECT net_minor AS net FROM document_line WHERE document_id = $1 AND line_no = 1', [documentId]);
    const net = line?.['net'] as unknown as bigint;
    const credit = (amountMinor?: bigint) => w.store.tx((db) => creditLines(db, { documentId, lines: [{ lineNo: 1, amountMinor }], reason: 'cable broken' }, by));
    await credit(1000n);
    // A manual amount takes off all but 20.00, of which the credit note has 10.00.
    await expect(manual(w, 1n - net, { line: { documentId, lineNo: 1 } })).rejects.toThrow(/lower the amount/);
    const runId = await reviewRun(w.store, '2020-02');
    const row = {
      accountId: 'acc_fleet_home_care',
      amountMinor: 2000n - net,
      vatCode: 'SE25',
      glKey: 'revenue.fleetSale',
      costCenter: '109',
      description: 'Goodwill',
      reason: 'as agreed',
      line: { documentId, lineNo: 1 },
    };
    await w.store.tx((db) => addAdjustment(db, runId, row, by));
    await expect(credit(1001n)).rejects.toThrow(/is left/);
    await credit();
    expect(await w.rows('SELECT amount_minor AS amount FROM credit_order ORDER BY ordered_at')).toEqual([{ amount: -1000n }, { amount: -1000n }]);
    await expect(credit(1n)).rejects.toThrow(/is left/);
    await w.close();
  });
});

describe('an ordered credit that is taken back', () => {
  const fleet = 'acc_fleet_home_care';
  const order = async (w: World) => {
    const documentId = await invoiceOf(w, fleet);
    const { ids } = await w.store.tx((db) => creditLines(db, { documentId, lines: [{ lineNo: 1, amountMinor: 500n }], reason: 'cable broken' }, by));
    return ids[0] ?? '';
  };
  const hashes = (w: World, runId: string) => w.rows('SELECT r.content_hash AS run, g.content_hash AS grp FROM billing_run r JOIN release_group g ON g.run_id = r.id WHERE r.id = $1', [runId]);

  it('is on no preview that can still be approved, by its group neither', async () => {
    const w = await world();
    const creditId = await order(w);
    const runId = await reviewRun(w.store, '2020-01');
    const [group] = await w.rows("SELECT name, encode(content_hash, 'hex') AS hash FROM release_group WHERE run_id = $1", [runId]);
    await w.store.tx((db) => withdrawCredit(db, creditId, by));
    const approval = { runId, group: group?.['name'] ?? '', contentHash: group?.['hash'] ?? '', approvalId: 'apr_1', decision: 'approve', actor: 'approver', comment: 'looked at it' } as const;
    expect(await w.store.tx((db) => decideRun(db, approval))).toMatchObject({ ok: false, reason: 'staleHash' });
    await w.store.tx((db) => buildDocuments(db, runId));
    expect(await w.rows('SELECT id FROM document WHERE run_id = $1 AND account_id = $2', [runId, fleet])).toEqual([]);
    await w.close();
  });

  it('leaves a run that was cancelled with it as that ended', async () => {
    const w = await world();
    const creditId = await order(w);
    const runId = await reviewRun(w.store, '2020-01');
    await w.store.tx((db) => cancelRun(db, { runId, reason: 'too early', by }));
    const before = await hashes(w, runId);
    await w.store.tx((db) => withdrawCredit(db, creditId, by));
    expect(before[0]?.['run']).not.toBeNull();
    expect(await hashes(w, runId)).toEqual(before);
    await w.close();
  });
});

describe('credit and rebill', () => {
  it('bills anew only what comes out otherwise, with the share of the site owner', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_driver_16');
    expect(await rebill(w, { documentId, kind: 'rebill', outcome: 'bill' })).toMatchObject({ rebilled: 0, problem: null });
    expect(await w.rows('SELECT state, records FROM rebill_order')).toEqual([{ state: 'done', records: 0 }]);
    // The price of December is published after it was billed: 1.85 instead of 2.65 a kWh, net 14.80 instead of 21.20 for each 10 kWh.
    const body = tariffSchema.parse({ id: 'driver-day-night', currency: 'SEK', elements: [{ price_components: [{ type: 'ENERGY', price: '1.85', vat: '25', step_size: 1 }] }] });
    const { proposalId } = await w.store.tx((db) => proposeTariff(db, { body, validFrom: new Date('2019-11-30T23:00:00Z'), reason: 'price of December' }, by));
    await w.store.tx((db) => publishTariff(db, proposalId, 'looked at it', { actor: 'pricer' }));
    const [sold] = await w.rows('SELECT c.record_id::text AS id FROM rated_charge c JOIN claim k USING (charge_id) WHERE k.document_id = $1 AND c.energy_wh = 20000', [documentId]);
    const order = await rebill(w, { documentId, kind: 'rebill', outcome: 'bill', recordIds: [sold?.['id'] as unknown as string] });
    expect(order).toMatchObject({ rebilled: 1, problem: null });
    expect(await findRebill(w.store.pool, order.orderId)).toMatchObject({ state: 'done', records: 1, rebilled: 1, accountIds: ['acc_driver_16'] });
    // The share is of the net: each live one refers to the revision that stands, and the one before is mirrored.
    const shares = await w.rows(
      "SELECT c.revision, c.reversal_of IS NOT NULL AS is_mirror, c.net_minor AS net FROM rated_charge c WHERE c.record_id = $1::bigint AND c.role = 'siteShareEstimate' AND c.clause <> 'parking' ORDER BY c.charge_id",
      [sold?.['id']],
    );
    expect(shares.map((s) => [s['revision'], s['is_mirror']])).toEqual([
      [1, false],
      [1, true],
      [2, false],
    ]);
    const runId = await bill(w, '2020-01', '2020-02-06');
    // Alone it would be an invoice of less than nothing, so it is a credit note and a new invoice: 20 kWh at 1.85 are 37.00 net.
    expect((await documentsOf(w, runId, 'acc_driver_16')).map((d) => [d['type'], d['net'], d['wh']])).toEqual([
      ['invoice', 3700n, 20_000n],
      ['creditNote', -5300n, -20_000n],
    ]);
    await sound(w);
    await w.close();
  });

  it('bills by evidence for VAT that came later, from its own date (D24): 25 % is credited, reverse charge is billed', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_emsp_aurora');
    const [before] = await documentsOf(w, 'run_ent_se_2019-12_live', 'acc_emsp_aurora');
    await w.rows("INSERT INTO gl_mapping (entity_id, version, key, gl_account) SELECT DISTINCT entity_id, version, 'outputVat.SE-AE', '2614' FROM gl_mapping");
    await w.rows(
      "INSERT INTO vat_status (account_id, valid_from, status, established_in, vat_number, evidence, author) VALUES ('acc_emsp_aurora', '2019-12-01', 'reseller', 'DK', 'DK12345678', 'declaration of December', 'controller')",
    );
    expect(await rebill(w, { documentId, kind: 'rebill', outcome: 'bill' })).toMatchObject({ rebilled: 1, problem: null });
    const runId = await bill(w, '2020-01', '2020-02-06');
    const net = before?.['net'] as unknown as bigint;
    expect((await documentsOf(w, runId, 'acc_emsp_aurora')).map((d) => [d['type'], d['net'], d['vat']])).toEqual([
      ['invoice', net, 0n],
      ['creditNote', -net, -(before?.['vat'] as unknown as bigint)],
    ]);
    await sound(w);
    await w.close();
  });

  it('credits an invoice wholly, to the öre, and opens its charges again; the owner is paid the same', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_driver_16');
    const [before] = await documentsOf(w, 'run_ent_se_2019-12_live', 'acc_driver_16');
    const shares = "SELECT coalesce(sum(net_minor), 0)::bigint AS net FROM rated_charge WHERE payee_account_id IS NOT NULL AND role = 'siteShareEstimate'";
    const paid = await w.rows(shares);
    expect(await rebill(w, { documentId, kind: 'credit', outcome: 'bill' })).toMatchObject({ rebilled: 2, problem: null });
    await expect(rebill(w, { documentId, kind: 'credit', outcome: 'bill' })).rejects.toThrow(/credited already/);
    expect(await w.rows(shares)).toEqual(paid);
    const runId = await bill(w, '2020-01', '2020-02-06');
    const made = await documentsOf(w, runId, 'acc_driver_16');
    expect(made.map((d) => [d['type'], d['payable'], d['wh']])).toEqual([
      ['invoice', before?.['payable'], 30_500n],
      ['creditNote', -(before?.['payable'] as unknown as bigint), -30_500n],
    ]);
    await sound(w);
    await w.close();
  });

  it('writes off what takes the place of a credited invoice, when that is the order', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_fleet_home_care');
    const [before] = await documentsOf(w, 'run_ent_se_2019-12_live', 'acc_fleet_home_care');
    await rebill(w, { documentId, kind: 'credit', outcome: 'writeOff' });
    const runId = await bill(w, '2020-01', '2020-02-06');
    const [note, ...rest] = await documentsOf(w, runId, 'acc_fleet_home_care');
    expect([note?.['type'], note?.['credits'], note?.['payable'], rest]).toEqual(['creditNote', before?.['number'], -(before?.['payable'] as unknown as bigint), []]);
    expect((await energyBalance(w.store.pool)).find((b) => b.month === '2019-12')).toMatchObject({ excluded: 30_500n, difference: 0n });
    await sound(w);
    await w.close();
  });

  it('does nothing at all when one of its sessions cannot be billed anew, says why, and goes on once that is mended', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_fleet_home_care');
    await w.store.pool.query("UPDATE mapping SET external_key = 'gone-' || external_key WHERE kind = 'site' AND external_key = 'NR1'");
    const failed = await rebill(w, { documentId, kind: 'rebill', outcome: 'bill' });
    expect(failed).toMatchObject({ rebilled: 0, problem: expect.stringMatching(/2 records cannot be billed anew/) });
    expect(await w.rows('SELECT state, problem IS NOT NULL AS told FROM rebill_order')).toEqual([{ state: 'failed', told: true }]);
    expect(await w.rows('SELECT count(*)::integer AS n FROM record_head WHERE waiting_raw_id IS NOT NULL')).toEqual([{ n: 0 }]);
    await w.close();
  });
});

describe('an order that failed', () => {
  it('is not tried again once another took back what it is about: what that billed anew stays billed', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_fleet_home_care');
    const site = (from: string, to: string) => w.store.pool.query("UPDATE mapping SET external_key = $2 WHERE kind = 'site' AND external_key = $1", [from, to]);
    await site('NR1', 'gone');
    const failed = await rebill(w, { documentId, kind: 'credit', outcome: 'writeOff' });
    expect(failed.problem).toMatch(/2 records cannot be billed anew/);
    await site('gone', 'NR1');
    expect(await rebill(w, { documentId, kind: 'credit', outcome: 'bill' })).toMatchObject({ rebilled: 2, problem: null });
    const january = await bill(w, '2020-01', '2020-02-06');
    const [anew] = await documentsOf(w, january, 'acc_fleet_home_care');
    await expect(w.store.tx((db) => retryRebill(db, failed.orderId, by))).rejects.toThrow(/was taken back since .* failed: order anew what stands/);
    expect(await rebillDocument(w.store, failed.orderId)).toMatchObject({ rebilled: 0 });
    const february = await bill(w, '2020-02', '2020-03-06');
    expect([anew?.['type'], anew?.['wh'], await documentsOf(w, february, 'acc_fleet_home_care')]).toEqual(['invoice', 30_500n, []]);
    await sound(w);
    await w.close();
  });

  it('is not tried again beside another that is under way on its document', async () => {
    const w = await world();
    const documentId = await invoiceOf(w, 'acc_fleet_home_care');
    await w.store.pool.query("UPDATE mapping SET external_key = 'gone' WHERE kind = 'site' AND external_key = 'NR1'");
    const failed = await rebill(w, { documentId, kind: 'rebill', outcome: 'bill' });
    const { orderId } = await w.store.tx((db) => orderRebill(db, { documentId, kind: 'credit', outcome: 'bill', reason: 'asked for' }, by));
    await expect(w.store.tx((db) => retryRebill(db, failed.orderId, by))).rejects.toThrow(`order ${orderId} on document ${documentId} is under way`);
    await w.close();
  });
});

describe('under plans and agreements of every kind', () => {
  let every: TestDatabase;
  beforeAll(async () => {
    const { store, database } = await seeded('every-category');
    every = database;
    const w = open(database, store);
    // A driver with a fee of 39.20 (AdO1-2), and one at a site whose owner is billed by us (Bl2-7).
    await arrive(w, session(1, { user: 'AdO1-2', garage: 'AdO1' }), session(2, { user: 'Bl2-7', kWh: '100', start: '04.12.2019 18:00' }));
    await bill(w, '2019-12', '2020-01-06');
    await w.store.close();
  });
  afterAll(() => every.drop());

  it('a whole credit takes the fee back too, and the month owes it anew', async () => {
    const w = open(await copyOf(every));
    const fees = "SELECT sum(net_minor)::bigint AS net, count(*)::integer AS n FROM rated_charge WHERE role = 'subscriptionFee' AND payer_account_id = 'acc_driver_01' AND service_month = '2019-12'";
    expect(await w.rows(fees)).toEqual([{ net: 3920n, n: 1 }]);
    await rebill(w, { documentId: await invoiceOf(w, 'acc_driver_01'), kind: 'credit', outcome: 'bill' });
    expect(await w.rows(fees)).toEqual([{ net: 0n, n: 2 }]);
    const runId = await bill(w, '2020-01', '2020-02-06');
    expect(await w.rows(fees)).toEqual([{ net: 3920n, n: 3 }]);
    // Fee of January, and of December once more: 2 × 39.20; its session is credited and billed again.
    const [sum] = await w.rows("SELECT sum(net_minor)::bigint AS net, sum(energy_wh)::bigint AS wh FROM document WHERE run_id = $1 AND account_id = 'acc_driver_01'", [runId]);
    expect(sum).toEqual({ net: 3920n, wh: 0n });
    await sound(w);
    await w.close();
  });

  it('a whole credit of a month long past has its fee owed anew too', async () => {
    const w = open(await copyOf(every));
    for (const [period, on] of [
      ['2020-01', '2020-02-06'],
      ['2020-02', '2020-03-06'],
      ['2020-03', '2020-04-06'],
    ] as const)
      await bill(w, period, on);
    const [fee] = await w.rows(
      `SELECT d.id FROM document d JOIN document_line l ON l.document_id = d.id JOIN account a ON a.id = d.account_id
       WHERE d.run_id = 'run_ent_se_2019-12_live' AND d.account_id <> 'acc_driver_01' AND a.category = 'driver' AND d.net_minor = 3920 ORDER BY d.account_id LIMIT 1`,
    );
    await rebill(w, { documentId: fee?.['id'] as unknown as string, kind: 'credit', outcome: 'bill' });
    const runId = await bill(w, '2020-04', '2020-05-06');
    const [account] = await w.rows('SELECT account_id FROM document WHERE id = $1', [fee?.['id']]);
    // Fees of April and of December, and December's that is credited.
    expect((await documentsOf(w, runId, account?.['account_id'] as unknown as string)).map((d) => [d['type'], d['net']])).toEqual([
      ['invoice', 7840n],
      ['creditNote', -3920n],
    ]);
    // Owed once.
    const next = await bill(w, '2020-05', '2020-06-06');
    expect((await documentsOf(w, next, account?.['account_id'] as unknown as string)).map((d) => [d['type'], d['net']])).toEqual([['invoice', 3920n]]);
    await sound(w);
    await w.close();
  });

  it('a write-off leaves the fee credited', async () => {
    const w = open(await copyOf(every));
    const [before] = await documentsOf(w, 'run_ent_se_2019-12_live', 'acc_driver_01');
    await rebill(w, { documentId: await invoiceOf(w, 'acc_driver_01'), kind: 'credit', outcome: 'writeOff' });
    const runId = await bill(w, '2020-01', '2020-02-06');
    const made = await documentsOf(w, runId, 'acc_driver_01');
    // The fee of January is billed; of December nothing is left.
    expect(made.map((d) => [d['type'], d['net']])).toEqual([
      ['invoice', 3920n],
      ['creditNote', -(before?.['net'] as unknown as bigint)],
    ]);
    expect(made[1]?.['payable']).toBe(-(before?.['payable'] as unknown as bigint));
    await expect(rebill(w, { documentId: await invoiceOf(w, 'acc_driver_01'), kind: 'credit', outcome: 'bill' })).rejects.toThrow(/credited already/);
    await sound(w);
    await w.close();
  });

  it('the correction of a share is a self-billing credit note that names the invoice before, in the series of the owner (D19)', async () => {
    const w = open(await copyOf(every));
    const [before] = await documentsOf(w, 'run_ent_se_2019-12_live', 'acc_brf_north');
    expect(before?.['type']).toBe('selfBilling');
    await arrive(w, session(2, { user: 'Bl2-7', kWh: '60', start: '04.12.2019 18:00' }));
    const runId = await bill(w, '2020-01', '2020-02-06');
    const made = await documentsOf(w, runId, 'acc_brf_north');
    expect(made.map((d) => [d['type'], d['number'], d['credits']])).toEqual([
      ['selfBillingCredit', expect.stringMatching(/^SB-brf_north-2020-00000[23]$/), before?.['number']],
      ['selfBilling', expect.stringMatching(/^SB-brf_north-2020-00000[23]$/), null],
    ]);
    // The guarantee of December takes up what the share lost: it came to 2500.00 then, and does still.
    const [month] = await w.rows("SELECT sum(net_minor)::bigint AS net FROM rated_charge WHERE payee_account_id = 'acc_brf_north' AND service_month = '2019-12'");
    expect(month).toEqual({ net: 250_000n });
    const [posting] = await w.rows(
      "SELECT p.kind, convert_from(p.payload, 'UTF8')::jsonb->'credits'->>'legalNumber' AS credits FROM erp_posting p JOIN document d ON d.id = p.document_id WHERE d.type = 'selfBillingCredit'",
    );
    expect(posting).toEqual({ kind: 'vendorBill', credits: before?.['number'] });
    await sound(w);
    await w.close();
  });
});
