import { describe, expect, it } from 'vitest';
import { handOverRows } from '../../src/activities/hand-over-rows.ts';
import { controlTotalsOf, type ErpPort } from '../../src/adapters/erp/port.ts';
import type { ErpDocument, ErpKind, ErpLine } from '../../src/contracts/erp-document.ts';
import { heldDifferences } from '../../src/core/hand-over/compare-held.ts';
import { driftOf } from '../../src/core/hand-over/drift.ts';
import { canonicalBytes } from '../../src/core/seal/charge-record.ts';
import type { Answer } from '../../src/store/outbox.ts';

const line = (part: ErpLine['part'], glAccount: string, amountMinor: bigint, rest: Partial<ErpLine> = {}): ErpLine => ({
  part,
  glAccount,
  costCenter: null,
  vatCode: null,
  amountMinor: amountMinor.toString(),
  ...rest,
});

/** A document of each kind, of the smallest amounts that rounding could spoil: 0.50 with 25 % VAT of 0.13, half away from zero. */
export function documentOf(kind: ErpKind, key: string, options: { readonly runId?: string; readonly net?: bigint; readonly on?: string; readonly glAccount?: string } = {}): ErpDocument {
  const { runId = 'run_1', net = 50n, on = '2020-01-06', glAccount } = options;
  const vat = (net * 25n + 50n) / 100n;
  const sale = [
    line('party', '1510', net + 100n + vat),
    line('net', glAccount ?? '3001', -net, { costCenter: 'cc 1', vatCode: 'SE25' }),
    line('net', '3002', -103n, { costCenter: 'cc2', vatCode: 'SE25' }),
    line('tax', '2611', -vat, { vatCode: 'SE25', baseMinor: (-net - 103n).toString() }),
    line('rounding', '3740', 3n),
  ];
  const mirrored = sale.map((l) => ({ ...l, amountMinor: (-BigInt(l.amountMinor)).toString(), ...(l.baseMinor === undefined ? {} : { baseMinor: (-BigInt(l.baseMinor)).toString() }) }));
  const bill = [
    line('net', glAccount ?? '4600', net, { costCenter: 'cc2', vatCode: 'SE25' }),
    line('tax', '2641', vat, { vatCode: 'SE25', baseMinor: net.toString() }),
    line('party', '2440', -net - vat),
  ];
  const journal = [line('net', '1790', net + 1n, { costCenter: 'cc 1' }), line('net', glAccount ?? '3001', -net - 1n, { costCenter: 'cc 1', vatCode: 'SE25' })];
  const lines = { invoice: sale, creditNote: mirrored, vendorBill: bill, journal }[kind];
  const legalNumber = kind === 'journal' ? null : `2020-${key}`;
  return { key, kind, runId, legalNumber, accountId: kind === 'vendorBill' ? 'acc_owner' : 'acc_fleet', currency: 'SEK', postedOn: on, lines };
}

/** The books that these documents need. */
export const contractBooks = {
  company: { name: 'Contract', currency: 'SEK', timeZone: 'Europe/Stockholm' },
  currencies: [{ code: 'EUR', rates: [{ date: '2018-12-31', rate: '0.0970' }] }],
  accounts: [
    { code: '1510', name: 'Receivables', kind: 'receivable' },
    { code: '1790', name: 'Accrued income', kind: 'asset' },
    { code: '2440', name: 'Payables', kind: 'payable' },
    { code: '2611', name: 'Output VAT', kind: 'liability' },
    { code: '2641', name: 'Input VAT', kind: 'asset' },
    { code: '2890', name: 'Collected for others', kind: 'liability' },
    { code: '3001', name: 'Sales to drivers', kind: 'revenue' },
    { code: '3002', name: 'Sales to fleets', kind: 'revenue' },
    { code: '3740', name: 'Rounding', kind: 'expense' },
    { code: '4600', name: 'Revenue share', kind: 'expense' },
  ],
  exchange: '3740',
  costCenters: ['cc 1', 'cc2'],
  vatCodes: ['SE25'],
  years: [2019, 2020],
};

export type Settled = { readonly states: readonly Answer['state'][]; readonly failures: readonly string[] /** Of the last answer. */; readonly words: string | undefined };

/** Hands documents over as the outbox does: again and again until each is settled, at most nine times. */
async function settleAll(erp: ErpPort, documents: readonly ErpDocument[]): Promise<Map<string, Settled>> {
  const rows = documents.map((d) => ({
    key: d.key,
    payload: canonicalBytes(d),
    states: [] as Answer['state'][],
    failures: [] as string[],
    words: undefined as string | undefined,
    externalId: null as string | null,
  }));
  const isOpen = (row: (typeof rows)[number]) => !['verified', 'refused', 'held'].includes(row.states.at(-1) ?? '');
  for (let attempt = 1; attempt <= 9 && rows.some(isOpen); attempt++) {
    const open = rows.filter(isOpen);
    try {
      const taken = open.map(({ key, payload, externalId, states }) => ({
        key,
        payload,
        mappingVersion: null,
        attempt,
        externalId,
        isUnknown: states.at(-1) === 'unknown' || states.at(-1) === 'drafted',
      }));
      await handOverRows(erp, taken, async (answers) => {
        for (const answer of answers) {
          const row = rows.find((r) => r.key === answer.key);
          row?.states.push(answer.state);
          if (row !== undefined) Object.assign(row, { externalId: answer.externalId ?? row.externalId, words: answer.words });
        }
      });
    } catch (error) {
      for (const row of open) row.failures.push((error as Error & { type: string }).type);
    }
  }
  // Which ERPs keep drafts is theirs.
  return new Map(rows.map(({ key, states, failures, words }) => [key, { states: states.filter((s) => s !== 'drafted'), failures, words }]));
}

/** The same of one document. */
export async function settle(erp: ErpPort, document: ErpDocument): Promise<Settled> {
  return (await settleAll(erp, [document])).get(document.key) ?? { states: [], failures: [], words: undefined };
}

/** What every adapter keeps. `fresh` is the run id of the documents of one test, so that they share an ERP. */
export function erpContract(name: string, open: () => ErpPort): void {
  describe(`${name} as an ERP`, () => {
    it('holds each kind of document to the minor unit, with account, cost center and VAT code, and finds it by its key', async () => {
      const erp = open();
      for (const kind of ['invoice', 'creditNote', 'vendorBill', 'journal'] as const) {
        const document = documentOf(kind, `kinds_${kind}`, { runId: 'run_kinds' });
        expect(await erp.find(document)).toBeUndefined();
        const { externalId } = await erp.post(document);
        const held = await erp.find(document);
        expect(held?.externalId).toBe(externalId);
        expect(held === undefined ? ['nothing'] : heldDifferences(document, held)).toEqual([]);
      }
    });
    it('answers a second post of a key as the first, also when two writers post it at once, and holds it once', async () => {
      const erp = open();
      const document = documentOf('invoice', 'raced', { runId: 'run_raced' });
      const both = await Promise.all([settle(erp, document), settle(open(), document)]);
      expect(both.map((s) => s.states.at(-1))).toEqual(['verified', 'verified']);
      const { externalId } = await erp.post(document);
      expect(await erp.find(document)).toMatchObject({ externalId });
      expect(await erp.controlTotals('run_raced')).toEqual(controlTotalsOf([document]));
    });
    it('keeps keys and runs apart that differ only in signs that a search could take for a wildcard', async () => {
      const erp = open();
      const documents = ['a_1', 'ab1', 'a%1'].map((key) => documentOf('journal', key, { runId: `run_${key}` }));
      for (const document of documents) await erp.post(document);
      for (const document of documents) expect(await erp.controlTotals(document.runId ?? '')).toEqual(controlTotalsOf([document]));
    });
    it('keeps VAT codes of several words, as an ERP may call them, apart from the cost centers beside them', async () => {
      const erp = open();
      const named = (document: ErpDocument): ErpDocument => ({ ...document, lines: document.lines.map((l) => ({ ...l, vatCode: l.vatCode === null ? null : 'Moms 25 %20' })) });
      const documents = (['invoice', 'creditNote', 'vendorBill', 'journal'] as const).map((kind) => named(documentOf(kind, `words_${kind}`, { runId: 'run_words' })));
      for (const document of documents) expect((await settle(erp, document)).states).toEqual(['posted', 'verified']);
      expect(await erp.controlTotals('run_words')).toEqual(controlTotalsOf(documents));
    });
    it('finds a bill again whose number is the partner’s own, of whatever words, and posts it once', async () => {
      const erp = open();
      const documents = ['INV 2020 / 17', 'Faktura 202001170042', '- 100% %20'].map((legalNumber, i) => ({ ...documentOf('vendorBill', `partner_${i}`), legalNumber, runId: null }));
      for (const document of documents) expect(await settle(erp, document)).toMatchObject({ states: ['posted', 'verified'], failures: [] });
      const held = (await erp.holdings(null, documents)).filter((h) => h.key.startsWith('partner_'));
      expect(held.map((h) => h.legalNumber).sort()).toEqual(documents.map((d) => d.legalNumber).sort());
      expect(driftOf(documents, new Set(documents.map((d) => d.key)), held)).toEqual([]);
    });
    it('refuses what does not sum to zero, for good, and holds nothing of it', async () => {
      const erp = open();
      const whole = documentOf('journal', 'uneven', { runId: 'run_uneven' });
      const document = { ...whole, lines: whole.lines.slice(1) };
      expect((await settle(erp, document)).states).toEqual(['refused']);
      expect(await erp.find(document)).toBeUndefined();
      expect((await erp.controlTotals('run_uneven')).count).toBe(0);
    });
    it('finds the one bad document of a batch, takes its neighbours, and holds each once', async () => {
      const erp = open();
      const whole = documentOf('invoice', 'batch_4', { runId: 'run_batch' });
      const documents = [1, 2, 3, 4, 5, 6, 7].map((n) => (n === 4 ? { ...whole, lines: whole.lines.slice(1) } : documentOf('invoice', `batch_${n}`, { runId: 'run_batch', net: 50n * BigInt(n) })));
      const settled = await settleAll(erp, documents);
      expect([...settled.values()].map((s) => s.states.at(-1))).toEqual(['verified', 'verified', 'verified', 'refused', 'verified', 'verified', 'verified']);
      expect(await erp.controlTotals('run_batch')).toEqual(controlTotalsOf(documents.filter((d) => d.key !== 'batch_4')));
    });
    it('tells what it holds of a run, so that nothing has drifted', async () => {
      const erp = open();
      const documents = (['invoice', 'creditNote', 'vendorBill', 'journal'] as const).map((kind) => documentOf(kind, `held_${kind}`, { runId: 'run_held' }));
      for (const document of documents) await erp.post(document);
      const held = await erp.holdings('run_held', documents);
      expect(held.map((h) => h.key).sort()).toEqual(documents.map((d) => d.key).sort());
      expect(driftOf(documents, new Set(documents.map((d) => d.key)), held)).toEqual([]);
      const ofNone = { ...documentOf('journal', 'held_of_none'), runId: null };
      await erp.post(ofNone);
      expect((await erp.holdings(null, [ofNone])).map((h) => h.key)).toContain(ofNone.key);
    });
    it('sums what it holds of a run as we do', async () => {
      const erp = open();
      const documents = [1n, 2n, 3n].flatMap((n) =>
        (['invoice', 'creditNote', 'vendorBill', 'journal'] as const).map((kind) => documentOf(kind, `sum_${kind}_${n}`, { runId: 'run_sums', net: 50n * n })),
      );
      for (const document of documents) expect((await settle(erp, document)).states).toEqual(['posted', 'verified']);
      expect(await erp.controlTotals('run_sums')).toEqual(controlTotalsOf(documents));
    });
  });
}

const nobody = () => Promise.reject(new Error('nothing is to be sent'));

/** How a test breaks an ERP. Where drafting and posting are one step, both names mean it. */
export type BreakableErp = {
  readonly open: () => ErpPort;
  /** Has the answer to the next such request thrown away, after it was carried out. */
  readonly loseAnswerOf: (step: 'create' | 'post') => void;
  /** Has the server killed once something is drafted and before it is posted; `revive` starts it on what it had committed. */
  readonly killBetween: () => void;
  readonly revive: () => Promise<void>;
  readonly closeMonth: (month: string) => Promise<void> | void;
  readonly openMonth: (month: string) => Promise<void> | void;
};

/** The faults that every adapter survives: afterwards exactly one posting each, and control totals equal. */
export function erpFaults(name: string, of: () => BreakableErp): void {
  describe(`${name} that fails`, () => {
    for (const step of ['create', 'post'] as const) {
      it(`holds documents once whose answer to ${step} was lost after it had been committed`, async () => {
        const broken = of();
        const documents = [1n, 2n, 3n].map((n) => documentOf('invoice', `lost_${step}_${n}`, { runId: `run_lost_${step}`, net: 50n * n }));
        broken.loseAnswerOf(step);
        const settled = await settleAll(broken.open(), documents);
        expect([...settled.values()].map((s) => s.states.at(-1))).toEqual(['verified', 'verified', 'verified']);
        expect([...settled.values()].flatMap((s) => s.failures)).toContain('ErpOutcomeUnknown');
        expect(await broken.open().controlTotals(`run_lost_${step}`)).toEqual(controlTotalsOf(documents));
      });
    }
    it('goes on with what a server left that was killed between create and post, and holds it once', async () => {
      const broken = of();
      const document = documentOf('journal', 'killed', { runId: 'run_killed' });
      broken.killBetween();
      await expect(broken.open().post(document)).rejects.toMatchObject({ name: 'ErpOutcomeUnknown' });
      await broken.revive();
      const erp = broken.open();
      expect(await erp.find(document)).toBeUndefined();
      expect((await settle(erp, document)).states).toEqual(['posted', 'verified']);
      expect(await erp.controlTotals('run_killed')).toEqual(controlTotalsOf([document]));
    });
    it('holds what falls into a closed period, and takes it when the period is open again; neighbours do not wait', async () => {
      const broken = of();
      const erp = broken.open();
      const [late, neighbour] = [documentOf('invoice', 'closed', { runId: 'run_closed', on: '2019-03-05' }), documentOf('invoice', 'open', { runId: 'run_closed' })];
      await broken.closeMonth('2019-03');
      expect([...(await erp.periodsOn([late.postedOn, neighbour.postedOn]))].map(([on, period]) => [on, period.state])).toEqual([
        [late.postedOn, 'closed'],
        [neighbour.postedOn, 'open'],
      ]);
      // Before anything is sent: neither look-up nor post.
      const asked = await settle({ ...erp, find: nobody, post: nobody, together: undefined }, late);
      expect(asked.states).toEqual(['held']);
      expect(asked.words).toContain('the ERP takes nothing of 2019-03-05, and 2019-03 is open here');
      // Closed since it was asked: the post itself is refused so.
      expect((await settle({ ...erp, periodsOn: async () => new Map() }, late)).states).toEqual(['held']);
      const settled = await settleAll(erp, [late, neighbour]);
      expect([...settled.values()].map((s) => s.states.at(-1))).toEqual(['held', 'verified']);
      await broken.openMonth('2019-03');
      expect((await settle(erp, late)).states.at(-1)).toBe('verified');
      expect(await erp.controlTotals('run_closed')).toEqual(controlTotalsOf([late, neighbour]));
    });
  });
}
