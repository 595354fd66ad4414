import type { ErpDocument } from '../../../contracts/erp-document.ts';
import type { ErpMasterData } from '../../../contracts/erp-mapping.ts';
import type { PeriodThere } from '../../../core/hand-over/compare-periods.ts';
import { ErpPeriodClosed, ErpRefused, ErpUnavailable, type PartiesOf } from '../port.ts';
import { day, isoOf, type Rpc } from './rpc.ts';

type GlAccount = {
  readonly id: number;
  readonly needsParty: boolean /** May stand on a line of an invoice to a customer, of a bill from a supplier. */;
  readonly onInvoice: boolean;
  readonly onBill: boolean;
};
export type Chart = {
  readonly company: number;
  readonly currency: string;
  readonly currencies: ReadonlyMap<string, number>;
  readonly accounts: ReadonlyMap<string, GlAccount>;
  readonly costCenterRoot: number;
  readonly costCenters: ReadonlyMap<string, number>;
  readonly journals: ReadonlyMap<string, number>;
};

export type Books = {
  /** What a document needs of the chart; throws ErpRefused naming every account, cost center and currency that Tryton lacks. */
  chartFor(document: ErpDocument): Promise<Chart>;
  /** Parameters of a call end with it. */
  context(): Promise<{ readonly company: number; readonly companies: readonly number[] }>;
  /** Accounts, cost centers and tax codes, by their codes and names. */
  masterData(): Promise<ErpMasterData>;
  /** The parties of accounts, by account; those that Tryton lacks are made. */
  partiesOf(accountIds: readonly string[]): Promise<ReadonlyMap<string, Party>>;
  /** How the periods of dates stand; what falls into none is closed. With why, and what to do. */
  periodsOn(dates: readonly string[]): Promise<ReadonlyMap<string, PeriodThere>>;
  /** The ids of periods by date; throws ErpPeriodClosed unless all are open. */
  openPeriodsOn(dates: readonly string[]): Promise<ReadonlyMap<string, number>>;
};
/** What values of documents need of the books, read once for all of a request. */
export type Needed = { readonly parties: ReadonlyMap<string, Party>; readonly periods: ReadonlyMap<string, number> };
export type Party = { readonly id: number; readonly address: number };

/** Tryton's master data, kept and read again when something is not in it. */
export function trytonBooks(rpc: Rpc, partiesOf: PartiesOf): Books {
  let known: Promise<Chart> | undefined;
  const parties = new Map<string, Party>();
  const chart = (anew: boolean): Promise<Chart> => {
    if (anew || known === undefined) {
      known = readChart(rpc);
      known.catch(() => {
        known = undefined;
      });
    }
    return known;
  };
  const context = async () => {
    const { company } = await chart(false);
    return { company, companies: [company] };
  };
  return {
    context,
    async chartFor(document) {
      const kept = await chart(false);
      if (missingIn(kept, document).length === 0) return kept;
      const fresh = await chart(true);
      const missing = missingIn(fresh, document);
      if (missing.length > 0) throw new ErpRefused(`Tryton has no ${missing.join(', no ')}: add it there, or map it to another`);
      return fresh;
    },
    async masterData() {
      const all = async (model: string, domain: readonly unknown[]) =>
        ((await rpc(`model.${model}.search_read`, [domain, 0, null, null, ['code', 'name'], await context()], 'reads')) as { code: string | null; name: string }[]).flatMap(({ code, name }) =>
          code === null ? [] : [{ code, name }],
        );
      return {
        accounts: await all('account.account', [['closed', '!=', true]]),
        costCenters: await all('analytic_account.account', [['type', '=', 'normal']]),
        vatCodes: await all('account.tax.code', []),
      };
    },
    async partiesOf(accountIds) {
      const unknown = [...new Set(accountIds)].filter((id) => !parties.has(id));
      if (unknown.length > 0) for (const [id, party] of await ensureParties(rpc, await context(), partiesOf, unknown)) parties.set(id, party);
      return parties;
    },
    async periodsOn(dates) {
      const periods = await readPeriods(rpc, await context(), dates);
      return new Map(
        dates.map((date): [string, PeriodThere] => {
          const period = periodAt(periods, date);
          return [date, 'closed' in period ? { state: 'closed', words: period.closed } : { state: 'open' }];
        }),
      );
    },
    async openPeriodsOn(dates) {
      const periods = await readPeriods(rpc, await context(), dates);
      return new Map(
        dates.map((date) => {
          const period = periodAt(periods, date);
          if ('closed' in period) throw new ErpPeriodClosed(`${period.closed}, then retry`);
          return [date, period.id];
        }),
      );
    },
  };
}

type TrytonDate = Parameters<typeof isoOf>[0];
type Period = { readonly id: number; readonly state: string; readonly start_date: TrytonDate; readonly end_date: TrytonDate };

/** Periods from the first of some dates to the last. */
async function readPeriods(rpc: Rpc, context: unknown, dates: readonly string[]): Promise<readonly Period[]> {
  const [first, ...rest] = [...dates].sort();
  if (first === undefined) return [];
  const domain = [
    ['start_date', '<=', day(rest.at(-1) ?? first)],
    ['end_date', '>=', day(first)],
    ['type', '=', 'standard'],
  ];
  return (await rpc('model.account.period.search_read', [domain, 0, null, null, ['state', 'start_date', 'end_date'], context], 'reads')) as Period[];
}

function periodAt(periods: readonly Period[], date: string): { readonly id: number } | { readonly closed: string } {
  const period = periods.find((p) => isoOf(p.start_date) <= date && date <= isoOf(p.end_date));
  if (period === undefined) return { closed: `Tryton has no fiscal year for ${date}: make one there` };
  return period.state === 'open' ? { id: period.id } : { closed: `Tryton's period of ${date} is ${period.state}: reopen it there` };
}

function missingIn(chart: Chart, document: ErpDocument): string[] {
  const lacks = (what: string, has: ReadonlyMap<string, unknown>, wanted: readonly (string | null)[]) =>
    [...new Set(wanted)].filter((code) => code !== null && !has.has(code)).map((code) => `${what} ${code}`);
  return [
    ...lacks(
      'account',
      chart.accounts,
      document.lines.map((l) => l.glAccount),
    ),
    ...lacks(
      'cost center',
      chart.costCenters,
      document.lines.map((l) => l.costCenter),
    ),
    ...lacks('currency', chart.currencies, [document.currency]),
  ];
}

async function readChart(rpc: Rpc): Promise<Chart> {
  const { company } = (await rpc('model.res.user.get_preferences', [true, {}], 'reads')) as { company: number | null };
  if (company === null) throw new ErpRefused('the Tryton user belongs to no company: give it one there');
  const context = { company, companies: [company] };
  const all = async <T>(model: string, fields: readonly string[], domain: readonly unknown[] = []) =>
    (await rpc(`model.${model}.search_read`, [domain, 0, null, null, fields, context], 'reads')) as T[];
  const [own] = await all<{ 'currency.': { code: string } }>('company.company', ['currency.code'], [['id', '=', company]]);
  const currencies = await all<{ id: number; code: string }>('currency.currency', ['code']);
  const accounts = await all<{ id: number; code: string; party_required: boolean; 'type.': { revenue: boolean; expense: boolean; debt: boolean } | null }>(
    'account.account',
    ['code', 'party_required', 'type.revenue', 'type.expense', 'type.debt'],
    [['closed', '!=', true]],
  );
  const analytic = await all<{ id: number; code: string; type: string }>('analytic_account.account', ['code', 'type']);
  const journals = await all<{ id: number; type: string }>('account.journal', ['type']);
  const root = analytic.find((a) => a.type === 'root');
  if (root === undefined) throw new ErpRefused('Tryton has no root of cost centers: add an analytic account of type root');
  return {
    company,
    currency: own?.['currency.'].code ?? '',
    currencies: new Map(currencies.map((c) => [c.code, c.id])),
    accounts: new Map(
      accounts.map((a) => [a.code, { id: a.id, needsParty: a.party_required, onInvoice: a['type.']?.revenue ?? false, onBill: (a['type.']?.expense ?? false) || (a['type.']?.debt ?? false) }]),
    ),
    costCenterRoot: root.id,
    costCenters: new Map(analytic.filter((a) => a.type === 'normal').map((a) => [a.code, a.id])),
    journals: new Map(journals.map((j) => [j.type, j.id])),
  };
}

/** How VAT numbers of the European Union, and of Northern Ireland, begin: Tryton refuses any other of that type. */
const euVat = /^(AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)/;

/** Two requests for those that are there, four where some have to be made. */
async function ensureParties(rpc: Rpc, context: unknown, partiesOf: PartiesOf, accountIds: readonly string[]): Promise<ReadonlyMap<string, Party>> {
  const find = async () => {
    const rows = (await rpc('model.party.party.search_read', [[['code', 'in', accountIds]], 0, null, null, ['code', 'addresses'], context], 'reads')) as {
      id: number;
      code: string;
      addresses: number[];
    }[];
    return new Map(rows.map((r) => [r.code, r]));
  };
  let found = await find();
  const absent = accountIds.filter((id) => !found.has(id));
  if (absent.length > 0) {
    const parties = await partiesOf(absent);
    const nobody = absent.find((id) => !parties.some((p) => p.accountId === id));
    if (nobody !== undefined) throw new ErpRefused(`account ${nobody} has no party`);
    const made = parties.map(({ accountId, name, vatNumber }) => ({
      name,
      code: accountId,
      addresses: [['create', [{}]]],
      identifiers: vatNumber === null ? [] : [['create', [{ type: euVat.test(vatNumber) ? 'eu_vat' : null, code: vatNumber }]]],
    }));
    try {
      await rpc('model.party.party.create', [made, context], 'writes');
    } catch (error) {
      // Another writer may have made one at the same time, since its code is unique: the rest is made with the next attempt.
      found = await find();
      if (absent.every((id) => !found.has(id))) throw error;
      if (absent.some((id) => !found.has(id))) throw new ErpUnavailable(`another writer makes parties in Tryton: ${(error as Error).message}`);
    }
    found = await find();
  }
  return new Map(
    accountIds.map((id) => {
      const party = found.get(id);
      const address = party?.addresses[0];
      if (party === undefined || address === undefined) throw new ErpRefused(`the party of account ${id} has no address in Tryton: add one there`);
      return [id, { id: party.id, address }];
    }),
  );
}
