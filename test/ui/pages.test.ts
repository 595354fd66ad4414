import { describe, expect, it } from 'vitest';
import type { DocumentDetail } from '../../src/contracts/document-view.ts';
import { releaseRulesSchema } from '../../src/contracts/release-rules.ts';
import { DocumentPage } from '../../src/ui/document-page.tsx';
import { PaymentPage } from '../../src/ui/payment-pages.tsx';
import { ReleaseRulesPage } from '../../src/ui/release-pages.tsx';
import { textOf } from '../support/console.ts';

const viewer = { actor: 'approver', roles: ['finance-approver'], csrf: 'csrf' };

describe('release rules', () => {
  it('show a limit in the currency that it names, and one that names none as of each', async () => {
    const rules = releaseRulesSchema.parse({
      secondApprover: [
        { currency: 'EUR', groupAbove: 100_000 },
        { category: 'fleet', documentAbove: 50_000 },
      ],
    });
    const entities = ['SEK', 'NOK'].map((currency) => ({ entityId: `ent_${currency}`, name: `Seller in ${currency}`, currency, version: 1, rules }));
    const text = textOf(String(await ReleaseRulesPage({ viewer, entities, mayChange: false })));
    // The same figure in the currency of each document, whichever entity is listed first.
    expect(text.match(/all strategies, EUR 1,000\.00 EUR - all strategies, fleet - 500\.00 in each currency/g)).toHaveLength(2);
  });
});

describe('a line of a document', () => {
  it('says what its quantity is: a share is a percentage of money', async () => {
    const line = {
      lineNo: 1,
      kind: 'charges',
      description: 'netShare 2020-01',
      quantity: '20055',
      quantityUnit: 'minorUnits',
      unitPrice: '8',
      net: '16.04',
      vatCode: 'SE-O',
      glAccount: '4600',
      costCenter: '102',
      customerCostCenter: null,
      siteId: null,
      serviceMonth: '2020-01',
      energyWh: '0',
      charges: 2,
      credits: null,
    };
    const document = {
      documentId: 'doc_1',
      runId: 'run_1',
      accountId: 'acc_1',
      accountName: 'Owner',
      strategy: 'selfBilling',
      type: 'settlementStatement',
      state: 'draft',
      legalNumber: null,
      currency: 'SEK',
      net: '16.04',
      vat: '0.00',
      rounding: '0.00',
      payable: '16.04',
      energyWh: '0',
      issuedOn: null,
      dueOn: null,
      ocr: null,
      serviceFrom: null,
      serviceTo: null,
      credits: null,
      creditedBy: [],
      paidBy: [],
      payment: null,
      erp: null,
      contentHash: 'ab',
      vatByCode: [],
      lines: [line],
    } as unknown as DocumentDetail;
    const text = textOf(String(await DocumentPage({ viewer, document, isEInvoice: false, delivery: undefined, charges: [], firstPage: null, nextPage: null, actions: [] })));
    expect(text).toContain('200.55 SEK 8 % 0.000 16.04');
  });
});

describe('a proposed payment', () => {
  it('is offered for a decision to whoever may take it, and not to its author', async () => {
    const payment = {
      paymentId: 'pay_1',
      entityId: 'ent_se',
      state: 'proposed',
      format: 'pain.001.001.03',
      currency: 'SEK',
      amount: '10.00',
      executeOn: '2020-03-02',
      dueUntil: '2020-02-29',
      contentHash: 'ab'.repeat(32),
      reason: 'due in February',
      author: 'both',
      proposedAt: '2020-02-28T09:00:00.000Z',
      decidedBy: null,
      comment: null,
      items: [],
    } as const;
    const linksFor = async (actor: string) =>
      [...String(await PaymentPage({ viewer: { ...viewer, actor }, payment, mayDecide: true, mayDownload: true, mayState: true })).matchAll(/href="\/payments\/pay_1\/(\w+)/g)].map(
        ([, order]) => order,
      );
    expect(await linksFor('approver')).toEqual(['approve', 'reject']);
    expect(await linksFor('both')).toEqual([]);
  });
});
