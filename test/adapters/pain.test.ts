import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { renderPain } from '../../src/adapters/documents/pain/render-pain.ts';
import type { PaymentFile } from '../../src/core/payment/payment-file.ts';

/** Where `npm run check:documents` wants the files. */
const folder = process.env['WATTLEDGER_DOCUMENTS'];
const payee = (name: string, own: Partial<PaymentFile['items'][number]['creditor']['account']> = {}) => ({
  name,
  country: 'SE',
  account: { scheme: 'iban' as const, number: 'SE4550000000058398257466', bic: null, ...own },
});
const payment = (format: PaymentFile['format'], debtor: PaymentFile['debtor']['account']): PaymentFile => ({
  format,
  messageId: 'pay_0123456789abcdef0123',
  createdAt: '2020-03-01T09:00:00',
  executeOn: '2020-03-02',
  currency: 'SEK',
  count: 3,
  totalMinor: 150_123n,
  debtor: { name: 'Seller AB', orgNumber: '556000-0001', country: 'SE', account: debtor },
  items: [
    { endToEndId: 'pay_0123456789abcdef0123-1', amountMinor: 150_000n, creditor: payee('Föreningen "Norr" & <Söder>'), remittance: 'SB-north-2020-000001' },
    { endToEndId: 'pay_0123456789abcdef0123-2', amountMinor: 122n, creditor: payee('A', { scheme: 'bankgiro', number: '9912346' }), remittance: 'SB-a-2020-000001' },
    // 200 letters, an emoji across the cut, a control character, a mark that turns text around.
    { endToEndId: 'pay_0123456789abcdef0123-3', amountMinor: 1n, creditor: payee(`${'x'.repeat(69)}🚗\u0007\u202e${'y'.repeat(130)}`, { bic: 'ESSESESS' }), remittance: 'SB-x-2020-000001' },
  ],
});

it.each(['pain.001.001.03', 'pain.001.001.09'] as const)('%s states its sum, its accounts and names that fit, from an IBAN as from a Bankgiro', (format) => {
  const iban = renderPain(payment(format, { scheme: 'iban', number: 'SE4550000000058398257466', bic: 'ESSESESS' }));
  const bankgiro = renderPain(payment(format, { scheme: 'bankgiro', number: '9912346', bic: null }));
  const bare = renderPain(payment(format, { scheme: 'iban', number: 'SE4550000000058398257466', bic: null }));
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    for (const [name, bytes] of Object.entries({ iban, bankgiro, bare })) writeFileSync(path.join(folder, `${format}-${name}.pain.xml`), bytes);
  }
  const text = iban.toString('utf8');
  expect(text.match(/<CtrlSum>1501\.23<\/CtrlSum>/g)).toHaveLength(2);
  for (const words of [
    `xsd:${format}"`,
    '<Nm>Föreningen &quot;Norr&quot; &amp; &lt;Söder&gt;</Nm>',
    '<Id>9912346</Id><SchmeNm><Prtry>BGNR</Prtry>',
    format.endsWith('09') ? '<ReqdExctnDt><Dt>2020-03-02</Dt></ReqdExctnDt>' : '<ReqdExctnDt>2020-03-02</ReqdExctnDt>',
  ])
    expect(text).toContain(words);
  expect(text).toContain(`<Nm>${'x'.repeat(69)}</Nm>`);
  expect(bankgiro.toString('utf8')).toContain('<DbtrAgt><FinInstnId><ClrSysMmbId><ClrSysId><Cd>SESBA</Cd></ClrSysId><MmbId>9900</MmbId>');
  expect(bare.toString('utf8')).toContain('NOTPROVIDED');
});
