import { describe, expect, it } from 'vitest';
import { releaseRulesSchema } from '../../src/contracts/release-rules.ts';
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
