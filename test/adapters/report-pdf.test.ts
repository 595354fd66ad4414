import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderReport } from '../../src/adapters/documents/pdf/render-report.ts';
import { type CloseFacts, closePaper } from '../../src/core/cycle/close-report.ts';
import { inkOfPages, textOfPages } from '../support/read-pdf.ts';

const reason = 'the charger counted twice while its meter was exchanged, as the owner and the installer both confirmed in writing';
const facts: CloseFacts = {
  run: {
    runId: 'run_ent_se_2019-12_live',
    period: '2019-12',
    state: 'closed',
    contentHash: 'ab'.repeat(32),
    closedAt: '2020-01-08T09:30:00.000Z',
    byStrategy: [
      { strategy: 'fleetInvoice', documents: 12, net: '1234567.50', vat: '308641.88', payable: '1543209.38', currency: 'SEK', energyWh: '617283750' },
      { strategy: 'reimbursement', documents: 2, net: '75.55', vat: '0.00', payable: '75.55', currency: 'SEK', energyWh: '70500' },
    ],
  },
  erp: { connectionId: 'erp_books', verified: 14, open: 0, controlTotal: '1543284.93' },
  series: [{ seriesId: 'ent_se/selfBilling/acc_brf_north', first: 'SB-north-2020-000001', last: 'SB-north-2020-000012', count: 12, gaps: [], beyond: 0 }],
  energyBalance: [
    { month: '2019-12', received: '9000', billed: '6000', open: '0', carried: '0', parked: '0', held: '0', free: '0', excluded: '0', rejected: '0', billedElsewhere: '3000', difference: '0' },
  ],
  revenue: [
    { month: '2019-12', glAccount: '3040', costCenter: '107', currency: 'SEK', revenue: '120.00', issued: '120.00', unbilled: '0.00', writtenOff: '0.00', difference: '0.00' },
    { month: '2019-12', glAccount: '3040', costCenter: '107', currency: 'EUR', revenue: '77.00', issued: '77.00', unbilled: '0.00', writtenOff: '0.00', difference: '0.00' },
  ],
  erpTotals: [{ kind: 'invoice', glAccount: '3040', costCenter: '107', vatCode: 'SE25', currency: 'EUR', handedOver: '77.00', inErp: '77.00', difference: '0.00' }],
  heldBack: [],
  manualLeft: [],
  parkedAccounts: [],
  exclusions: [{ scope: 'record', subjectId: '4711', outcome: 'writeOff', reason, author: 'preparer@example.com', energyWh: '12500', net: '25.00' }],
  carried: [],
  smallSessions: { records: 3, energyWh: '120', net: '0.31', currency: 'SEK' },
  adjustments: [],
  approvals: [{ decision: 'approve', group: 'all', actor: 'approver@example.com', at: '2020-01-07T08:00:00.000Z', comment: reason }],
  ledger: Array.from({ length: 60 }, (_, i) => ({ unit: `EUR${i}`, rest: '0' })),
};

it('a close report is printed whole: what somebody gave as a reason is wrapped, never cut', async () => {
  const bytes = await renderReport(closePaper(facts), { author: 'Seller AB', on: '2020-01-08' });
  const folder = process.env['PDF_FOLDER'];
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/close-report.pdf`, bytes);
  }
  const pages = await textOfPages(bytes);
  const text = pages.join(' ').replaceAll(/\s+/g, ' ');
  for (const words of ['Close report 2019-12', facts.run.contentHash ?? '', '1543209.38', 'preparer@example.com', 'excluded record 4711 (writeOff)', `Page 1 of ${pages.length}`])
    expect(text).toContain(words);
  expect(text.match(/both confirmed in writing/g) ?? []).toHaveLength(2);
  expect(pages.length).toBeGreaterThan(1);
  for (const ink of await inkOfPages(bytes)) expect(ink).toBeGreaterThan(0.001);
});

it('says of a series what is wrong with its numbers: that more are missing than are told, and what lies beyond it', () => {
  const series = { seriesId: 'ent_se/2020', first: '2020-000001', last: '2020-000050', count: 30 };
  const told = (gaps: readonly string[], beyond: number) => closePaper({ ...facts, series: [{ ...series, gaps, beyond }] }).tables.find((t) => t.title === 'Number series')?.rows[0]?.[4];
  const ten = Array.from({ length: 10 }, (_, i) => String(i + 2));
  expect([told([], 0), told(['7'], 0), told(ten, 0), told([], 2), told(['7'], 1)]).toEqual([
    'none',
    '7',
    '2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and perhaps more',
    '2 beyond where it stands',
    '7; 1 beyond where it stands',
  ]);
});

it('names the currency of every amount, and every part of the energy that was received', () => {
  const rows = (title: string) => closePaper(facts).tables.find((t) => t.title.startsWith(title))?.rows ?? [];
  expect(rows('Revenue').map((r) => r.slice(3))).toEqual([
    ['120.00', '120.00', '0.00', '0.00', 'SEK', 'agrees'],
    ['77.00', '77.00', '0.00', '0.00', 'EUR', 'agrees'],
  ]);
  expect(rows('What the ERP holds')[0]?.slice(4)).toEqual(['77.00', '77.00', 'EUR', 'agrees']);
  expect(
    rows('Left out')
      .find(([what]) => what?.includes('small sessions'))
      ?.at(-1),
  ).toBe('0.31 SEK');
  expect(rows('Energy')).toEqual([['2019-12', '9.000', '6.000', '0.000', '0.000', '0.000', '0.000', '0.000', '0.000', '0.000', '3.000', 'balances']]);
});
