import type { ErpDocument } from '../../../contracts/erp-document.ts';
import type { ErpMasterData } from '../../../contracts/erp-mapping.ts';
import { ErpPeriodClosed, ErpRefused, type PartiesOf } from '../port.ts';
import { day, isoOf, type Rpc } from './rpc.ts';

type GlAccount = {
  readonly id: number;
  readonly needsParty: boolean /** May stand on a line of an invoice to a customer, of a bill from a supplier. */;
  readonly onInvoice: boolean;
  readonly onBill: boolean;
};
type Chart = {
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
  /** The party of an account, made if Tryton has none. */
  partyOf(accountId: string): Promise<{ readonly id: number; readonly address: number }>;
  /** Of dates, those that fall into no open period, each with why and what to do. */
  closedOn(dates: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The period of a date; throws ErpPeriodClosed unless it is open. */
  periodOn(date: string): Promise<number>;
};

/** Tryton's master data, kept and read again when something is not in it. */
export function trytonBooks(rpc: Rpc, partiesOf: PartiesOf): Books {
  let known: Promise<Chart> | undefined;
  const parties = new Map<string, Promise<{ id: number; address: number }>>();
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
    partyOf(accountId) {
      const kept = parties.get(accountId);
      if (kept !== undefined) return kept;
      const made = context().then((c) => ensureParty(rpc, c, partiesOf, accountId));
      parties.set(accountId, made);
      made.catch(() => parties.delete(accountId));
      return made;
    },
    async closedOn(dates) {
      const periods = await readPeriods(rpc, await context(), dates);
      const closed = new Map<string, string>();
      for (const date of dates) {
        const period = periodAt(periods, date);
        if ('closed' in period) closed.set(date, period.closed);
      }
      return closed;
    },
    async periodOn(date) {
      const period = periodAt(await readPeriods(rpc, await context(), [date]), date);
      if ('closed' in period) throw new ErpPeriodClosed(`${period.closed}, then retry`);
      return period.id;
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

async function ensureParty(rpc: Rpc, context: unknown, partiesOf: PartiesOf, accountId: string): Promise<{ id: number; address: number }> {
  const find = async () => ((await rpc('model.party.party.search_read', [[['code', '=', accountId]], 0, 1, null, ['addresses'], context], 'reads')) as { id: number; addresses: number[] }[])[0];
  let found = await find();
  if (found === undefined) {
    const [party] = await partiesOf([accountId]);
    if (party === undefined) throw new ErpRefused(`account ${accountId} has no party`);
    const identifiers = party.vatNumber === null ? [] : [['create', [{ type: 'eu_vat', code: party.vatNumber }]]];
    try {
      await rpc('model.party.party.create', [[{ name: party.name, code: accountId, addresses: [['create', [{}]]], identifiers }], context], 'writes');
    } catch (error) {
      // Another writer may have made it at the same time: its code is unique.
      if ((await find()) === undefined) throw error;
    }
    found = await find();
  }
  const address = found?.addresses[0];
  if (found === undefined || address === undefined) throw new ErpRefused(`the party of account ${accountId} has no address in Tryton: add one there`);
  return { id: found.id, address };
}
