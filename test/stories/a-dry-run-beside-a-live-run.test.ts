import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
const inMonth = (id: number, month: string, kWh: string, user = 'Bl2-1') => session(id, { user, kWh, start: `1${id % 10}.${month}.2019 10:00`, end: `1${id % 10}.${month}.2019 12:00` });
/** Documents with their content, not under which id and run they stand. */
const contentOf = (runId: string) =>
  story.rows(
    "SELECT account_id, type, net_minor, vat_minor, payable_minor, energy_wh, encode(content_hash, 'hex') AS hash FROM document WHERE run_id = $1 AND state <> 'discarded' ORDER BY account_id, type, 7",
    [runId],
  );
const claims = () => story.rows('SELECT run_id, disposition, count(*)::int AS n, sum(charge_id)::text AS ids FROM claim GROUP BY 1, 2 ORDER BY 1, 2');
const effects = async () =>
  (
    await story.rows(
      'SELECT (SELECT count(*)::int FROM issue_stamp) AS numbers, (SELECT sum(next)::int FROM number_series) AS series, (SELECT count(*)::int FROM erp_posting) AS postings, (SELECT count(*)::int FROM rated_charge) AS charges, (SELECT count(*)::int FROM ledger_entry) AS entries, (SELECT count(*)::int FROM payout) AS payouts',
    )
  )[0];
const dry = async (period: string, whatIf?: object): Promise<string> => {
  const { runId } = await story.does('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period, kind: 'dry', ...(whatIf === undefined ? {} : { whatIf }) });
  await story.reached(runId, 'closed');
  return runId;
};
type Total = { side: string; difference: { payable: string; net: string; energyWh: string }; causes: { cause: string; payable: string; energyWh: string }[] };
const diff = async (runId: string, against: string): Promise<Total[]> => (await story.does('auditor', 'GET', `/v1/runs/${runId}/diff?against=${against}`)).totals;
let november: string;

beforeAll(async () => {
  // A fee and an allowance, a guarantee for the owner of the garage: all that a month decides.
  story = await tell({
    setUp: (seed) => {
      seed.plans['basic'] = {
        kind: 'supply',
        status: 'active',
        clauses: [
          { kind: 'fee', id: 'fee', amount: '39.20', billed: 'arrears', refund: 'prorata' },
          { kind: 'included', id: 'energy', kWhPerMonth: '5', rolloverMonths: 0 },
        ],
      };
      seed.drivers['16'] = { token: 'Bl2-1', plan: 'basic' };
    },
  });
  await story.arrive(inMonth(1, '11', '10'), inMonth(2, '11', '20', 'NR1-3'), inMonth(3, '11', '30', 'AdA6-1'), inMonth(4, '12', '8'), inMonth(5, '12', '9', 'NR1-3'));
  const review = await story.review('2019-11');
  november = review.runId;
  const record = (await story.rows("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '3'"))[0]['id'];
  await story.does('preparer', 'POST', `/v1/runs/${november}/exclusions`, { scope: 'record', subjectId: record, outcome: 'carry', reason: 'disputed' });
  await story.does('preparer', 'POST', `/v1/runs/${november}/adjustments`, {
    accountId: 'acc_driver_16',
    amount: '25.00',
    vatCode: 'SE25',
    glKey: 'rounding',
    costCenter: '900',
    description: 'Card lost',
    reason: 'as agreed',
    twinPeriod: '2020-01',
  });
  await story.approve(november, await story.built(november, review.hash));
  await story.closed(november);
}, 240_000);
afterAll(() => story.end());

describe('a dry run', () => {
  it('over a closed month comes to the very documents that were issued, whatever came since', async () => {
    // Late, and corrected since: beside the closed set.
    await story.arrive(inMonth(6, '11', '7'), inMonth(1, '11', '15'));
    const before = [await claims(), await effects()];
    const shown = await dry('2019-11');
    expect(shown).toBe('run_ent_se_2019-11_dry');
    expect(await contentOf(shown)).toEqual(await contentOf(november));
    expect((await contentOf(shown)).length).toBeGreaterThan(1);
    expect(await story.run(shown)).toMatchObject({ kind: 'dry', baseRunId: november, whatIf: null });
    for (const total of await diff(shown, november)) expect(total).toMatchObject({ difference: { payable: '0.00', energyWh: '0' }, causes: [] });
    expect([await claims(), await effects()]).toEqual(before);
  });

  it('beside a live run leaves its hash, its claims and all numbers alone, and shows what it would bill', async () => {
    const december = await story.review('2019-12');
    const before = [await claims(), await effects(), (await story.run(december.runId)).contentHash];
    const shown = await dry('2019-12');
    expect(await contentOf(shown)).toEqual(await contentOf(december.runId));
    expect([await claims(), await effects(), (await story.run(december.runId)).contentHash]).toEqual(before);
    // The live run goes on as if nobody had looked.
    await story.approve(december.runId, december.hash);
    await story.closed(december.runId);
    expect(await contentOf(shown)).toEqual(await contentOf(december.runId));
  });

  it('under a tariff that is only proposed shows the difference, and that it is the price', async () => {
    const [{ body }] = (await story.rows("SELECT body FROM tariff_version WHERE tariff_id = 'driver-day-night' ORDER BY version DESC LIMIT 1")) as [
      { body: { elements: { price_components: { price: string }[] }[] } },
    ];
    for (const element of body.elements) for (const component of element.price_components) component.price = '3.65';
    const { proposalId } = await story.does('preparer', 'POST', '/v1/tariff-proposals', { tariff: body, validFrom: '2020-02-01T00:00:00Z', reason: 'dearer' });
    const before = [await claims(), await effects()];
    const shown = await dry('2019-12', { tariffVersionIds: [proposalId] });
    const [billed] = (await diff(shown, 'run_ent_se_2019-12_live')).filter((t) => t.side === 'billed');
    expect(billed?.difference.energyWh).toBe('0');
    expect(Number(billed?.difference.net)).toBeGreaterThan(0);
    expect(billed?.causes.map((c) => c.cause).filter((cause) => !['price', 'correction', 'late', 'period', 'vatAndRounding'].includes(cause))).toEqual([]);
    expect(billed?.causes.some((c) => c.cause === 'price' && Number(c.payable) > 0)).toBe(true);
    // Two dry runs beside each other, too.
    const plain = await dry('2019-12');
    expect((await diff(shown, plain)).find((t) => t.side === 'billed')?.difference).toEqual(billed?.difference);
    expect([await claims(), await effects()]).toEqual(before);
  });

  it('of a month that no run has had yet lists what one would claim now, and of one that is unknown nothing is planned', async () => {
    await story.arrive(session(20, { user: 'Bl2-1', kWh: '4', start: '10.01.2020 10:00', end: '10.01.2020 12:00' }));
    const shown = await dry('2020-01');
    expect((await contentOf(shown)).map((d) => d['account_id'])).toContain('acc_driver_16');
    // What November's adjustment is taken back by is due: 25.00 with VAT are 20.00 without.
    const twins = (runId: string) =>
      story.rows('SELECT l.net_minor::int AS net, l.gross_minor::int AS gross FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.run_id = $1 AND l.adjustment_id IS NOT NULL', [
        runId,
      ]);
    expect(await twins(shown)).toEqual([{ net: -2000, gross: -2500 }]);
    // Shown, not taken: it still waits for the live run, which a cancelled one gives back.
    expect(await story.rows('SELECT run_id FROM adjustment WHERE reversal_of IS NOT NULL')).toEqual([{ run_id: null }]);
    const given = await story.review('2020-01');
    expect(await twins(given.runId)).toEqual([{ net: -2000, gross: -2500 }]);
    await story.does('ops', 'POST', `/v1/runs/${given.runId}/cancel`, { reason: 'planned too early' });
    await story.reached(given.runId, 'cancelled');
    const again = await dry('2020-01');
    expect(await contentOf(again)).toEqual(await contentOf(shown));
    const january = await story.review('2020-01');
    expect(await contentOf(january.runId)).toEqual(await contentOf(shown));
    const refused = await story.ask('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2020-01', kind: 'dry', whatIf: { tariffVersionIds: ['none'] } });
    expect(refused).toMatchObject({ status: 404, body: { detail: expect.stringContaining('"none"') } });
  });

  it('is approved, shaped and issued by nobody, and its documents are never more than drafts', async () => {
    const shown = 'run_ent_se_2020-01_dry';
    const { contentHash } = await story.run(shown);
    expect((await story.decide('approver', shown, contentHash ?? '')).status).toBe(409);
    expect((await story.ask('preparer', 'POST', `/v1/runs/${shown}/exclusions`, { scope: 'account', subjectId: 'acc_driver_16', outcome: 'carry', reason: 'disputed' })).status).toBe(409);
    const [{ id }] = (await story.rows('SELECT id FROM document WHERE run_id = $1 LIMIT 1', [shown])) as [{ id: string }];
    for (const statement of [
      `UPDATE document SET state = 'approved' WHERE id = '${id}'`,
      `INSERT INTO claim (charge_id, run_id, account_id, disposition) VALUES (999999, '${shown}', 'acc_driver_16', 'document')`,
      `INSERT INTO issue_stamp (document_id, series_id, number, legal_number, issued_on, due_on) SELECT '${id}', id, 999, 'x', current_date, current_date FROM number_series LIMIT 1`,
      `UPDATE billing_run SET state = 'issuing' WHERE id = '${shown}'`,
    ])
      await expect(story.rows(statement)).rejects.toThrow(/no live run|billing_run_without_effect/);
    await story.holds();
  });
});
