import { withApi } from '../stack/with-api.ts';
import { command, jsonArg, say, UsageError } from './command.ts';

const buckets = ['received', 'billed', 'open', 'carried', 'parked', 'held', 'free', 'excluded', 'rejected', 'billedElsewhere'] as const;
type Month = { readonly month: string; readonly difference: string } & { readonly [Name in (typeof buckets)[number]]: string };

/** `wattledger energy`: where the energy of each service month is, now or as of an instant. */
export const energyCommand = command(
  'energy',
  'Where the received energy is, by service month, in Wh',
  { 'as-of': { type: 'string', description: 'As it stood at an instant, ISO 8601' }, ...jsonArg },
  async ({ 'as-of': asOf, json }) => {
    if (asOf !== undefined && !/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(asOf)) throw new UsageError('--as-of wants an instant such as 2020-01-31T23:00:00Z');
    return withApi('sample-auditor', async (api) => {
      const { items } = await api<{ items: readonly Month[] }>('GET', '/v1/energy-balance/months', { query: asOf === undefined ? {} : { asOf } });
      if (json) say(JSON.stringify(items, null, 2));
      else
        for (const row of items)
          say(
            `${row.month}  ${buckets
              .filter((b) => row[b] !== '0')
              .map((b) => `${b} ${row[b]}`)
              .join(', ')}${row.difference === '0' ? '' : `, ${row.difference} accounted for nowhere`}`,
          );
      return items.every((row) => row.difference === '0');
    });
  },
);
