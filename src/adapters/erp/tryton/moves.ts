import type { ErpDocument, ErpHolding } from '../../../contracts/erp-document.ts';
import { formatMinor } from '../../../core/money.ts';
import { ErpRefused } from '../port.ts';
import type { Books, Chart, Needed } from './books.ts';
import { day, decimal, isoOf, minorOf, type Rpc } from './rpc.ts';
import { descriptionOf, readDescription, readTag, tagOf } from './words.ts';

/** A move has no reference: its key stands before the rest of its description. */
export function moveDescription(document: ErpDocument): string {
  return `${document.key} ${descriptionOf(document)}`;
}

/** The account whose party a journal names: where a line of it stands on an account that Tryton keeps by party. */
export function partyOfMove(document: ErpDocument, { accounts }: Chart): string | null {
  return document.lines.some((l) => accounts.get(l.glAccount)?.needsParty === true) ? document.accountId : null;
}

/** What `create` takes of a journal: in the company's currency, and of another one beside it what the amount was in that. */
export async function moveValues(document: ErpDocument, books: Books, { parties, periods }: Needed): Promise<unknown> {
  const chart = await books.chartFor(document);
  const isForeign = document.currency !== chart.currency;
  if (isForeign && document.books?.currency !== chart.currency)
    throw new ErpRefused(
      `${document.key} is in ${document.currency}: Tryton keeps journals in the company's ${chart.currency}. Book it there by hand in ${chart.currency}, then skip it with the number that it has there as the reason`,
    );
  const needsParty = document.lines.some((l) => chart.accounts.get(l.glAccount)?.needsParty === true);
  if (needsParty && document.accountId === null) throw new ErpRefused(`${document.key} is for nobody, and stands on an account that Tryton keeps by party: let its key name another account`);
  const party = parties.get(document.accountId ?? '')?.id ?? null;
  const lines = document.lines.map((line) => {
    const account = chart.accounts.get(line.glAccount);
    const amount = BigInt(isForeign ? (line.bookMinor ?? '0') : line.amountMinor);
    const sides = { debit: decimal(formatMinor(amount > 0n ? amount : 0n, chart.currency)), credit: decimal(formatMinor(amount < 0n ? -amount : 0n, chart.currency)) };
    const center = line.costCenter === null ? undefined : chart.costCenters.get(line.costCenter);
    return {
      account: account?.id,
      ...sides,
      ...(isForeign ? { second_currency: chart.currencies.get(document.currency), amount_second_currency: decimal(formatMinor(BigInt(line.amountMinor), document.currency)) } : {}),
      description: tagOf(line),
      ...(account?.needsParty === true ? { party } : {}),
      ...(center === undefined ? {} : { analytic_lines: [['create', [{ account: center, ...sides, date: day(document.postedOn) }]]] }),
    };
  });
  return {
    company: chart.company,
    journal: chart.journals.get('general'),
    period: periods.get(document.postedOn),
    date: day(document.postedOn),
    description: moveDescription(document),
    lines: [['create', lines]],
  };
}

type Row = {
  readonly id: number;
  readonly number: string | null;
  readonly description: string | null;
  readonly date: { readonly year: number; readonly month: number; readonly day: number };
  readonly 'company.': { readonly 'currency.': { readonly code: string } };
  readonly 'lines.': readonly {
    readonly debit: { readonly decimal: string };
    readonly credit: { readonly decimal: string };
    readonly amount_second_currency: { readonly decimal: string } | null;
    readonly 'second_currency.': { readonly code: string } | null;
    readonly description: string | null;
    readonly 'account.': { readonly code: string };
    readonly 'analytic_lines.': readonly { readonly 'account.': { readonly code: string } }[];
  }[];
};
const fields = [
  ...['number', 'description', 'date', 'company.currency.code', 'lines.debit', 'lines.credit', 'lines.amount_second_currency', 'lines.second_currency.code'],
  ...['lines.description', 'lines.account.code', 'lines.analytic_lines.account.code'],
];

/** Posted journals that match a domain, and with `reversed` which of them another one took back. */
export async function postedMoves(rpc: Rpc, books: Books, domain: readonly unknown[], reversed = false): Promise<readonly (ErpHolding & { readonly runId: string | null })[]> {
  const rows = (await rpc('model.account.move.search_read', [[domain, ['state', '=', 'posted'], ['origin', '=', null]], 0, null, [['id', 'ASC']], fields, await books.context()], 'reads')) as Row[];
  const origins = rows.map((row) => `account.move,${row.id}`);
  const cancelling =
    reversed && rows.length > 0
      ? ((await rpc(
          'model.account.move.search_read',
          [
            [
              ['origin', 'in', origins],
              ['state', '=', 'posted'],
            ],
            0,
            null,
            null,
            ['origin'],
            await books.context(),
          ],
          'reads',
        )) as { origin: string }[])
      : [];
  const taken = new Set(cancelling.map((c) => c.origin));
  return rows.flatMap((row) => {
    const [key = '', ...rest] = (row.description ?? '').split(' ');
    const ours = readDescription(rest.join(' '));
    if (ours === undefined) return [];
    const books = row['company.']['currency.'].code;
    const currency = row['lines.'][0]?.['second_currency.']?.code ?? books;
    const lines = row['lines.'].map((line) => {
      const bookMinor = (minorOf(line.debit, books) - minorOf(line.credit, books)).toString();
      const amounts = currency === books ? { amountMinor: bookMinor } : { amountMinor: minorOf(line.amount_second_currency ?? { decimal: '0' }, currency).toString(), bookMinor };
      return { glAccount: line['account.'].code, costCenter: line['analytic_lines.'][0]?.['account.'].code ?? null, vatCode: readTag(line.description).vatCode, ...amounts };
    });
    return [{ ...ours, key, isReversed: taken.has(`account.move,${row.id}`), externalId: row.number ?? String(row.id), currency, postedOn: isoOf(row.date), lines }];
  });
}
