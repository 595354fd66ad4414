import { expect, it } from 'vitest';
import { ReportProofs } from '../../src/ui/report-proofs.tsx';
import { textOf } from '../support/console.ts';

it('shows revenue and ERP totals of each currency with their currency', async () => {
  const of = (currency: string, amount: string) => ({
    revenue: { month: '2019-12', glAccount: '3040', costCenter: '107', currency, revenue: amount, issued: amount, unbilled: '0.00', writtenOff: '0.00', difference: '0.00' },
    total: { kind: 'invoice', glAccount: '3040', costCenter: '107', vatCode: 'SE25', currency, handedOver: amount, inErp: amount, difference: '0.00' },
  });
  const both = [of('SEK', '1200.00'), of('EUR', '77.00')];
  const text = textOf(String(await ReportProofs({ proofs: { revenue: both.map((b) => b.revenue), erpTotals: both.map((b) => b.total) }, timeZone: 'Europe/Stockholm' })));
  expect(text).toContain('2019-12 3040 107 1,200.00 1,200.00 0.00 0.00 SEK agrees 2019-12 3040 107 77.00 77.00 0.00 0.00 EUR agrees');
  expect(text).toContain('invoice 3040 107 SE25 1,200.00 1,200.00 SEK agrees invoice 3040 107 SE25 77.00 77.00 EUR agrees');
});
