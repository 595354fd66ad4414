import type { CalendarView, EntityView } from '../../store/reads/entities.ts';
import { runPath } from '../../ui/format.ts';
import type { Field, Values } from '../../ui/order-page.tsx';
import { may } from '../auth.ts';
import { listed } from './form-values.ts';
import type { ConsoleOrder } from './order.ts';

type Known = { readonly entities: readonly EntityView[]; readonly calendars: readonly CalendarView[] };

/** Plans the run of a period. */
export function planOrder(known: Known): ConsoleOrder {
  return {
    ...base,
    title: 'Plan a run',
    explain:
      'Bills a month, week or quarter of an entity: the accounts that are on that calendar. It waits for late CDRs until five days after the period (two after a week); its cut-off can be moved.',
    fields: [
      ...period(known),
      { name: 'accountIds', label: 'Only these accounts', kind: 'text', hint: 'Ids parted by commas, for an off-cycle run such as a final invoice, which closes its set at once; all without.' },
    ],
    request: (v) => ({ method: 'POST', path: '/v1/runs', json: { ...ofPeriod(v), kind: 'live' } }),
  };
}

/** Plans a run of which nothing leaves. */
export function planDryOrder(known: Known): ConsoleOrder {
  return {
    ...base,
    title: 'Plan a dry run',
    explain:
      'Shows at once what would be billed of any period, past or open, and under what you suppose. It takes no number, claims nothing, and nothing of it leaves. Compare it with the live run, or with another dry run.',
    fields: [
      ...period(known),
      { name: 'accountIds', label: 'Only these accounts', kind: 'text', hint: 'Ids parted by commas; all without.' },
      {
        name: 'rateAgain',
        label: 'Prices',
        kind: 'choice',
        hint: 'What every session costs.',
        choices: [
          ['', 'as they were rated'],
          ['yes', 'rated again, by the set-up as it is now'],
        ],
      },
      { name: 'tariffVersionIds', label: 'Tariffs to suppose', kind: 'text', hint: 'Versions or proposals, parted by commas; each in the place of all others of its tariff.' },
    ],
    request: (v) => ({ method: 'POST', path: '/v1/runs', json: { ...ofPeriod(v), kind: 'dry', ...supposed(v) } }),
  };
}

const base: Pick<ConsoleOrder, 'about' | 'verb' | 'trail' | 'roles' | 'done' | 'next'> = {
  about: [],
  verb: 'Plan',
  trail: [['/', 'Runs']],
  roles: may.plan,
  done: () => 'Planned.',
  next: (answer) => runPath(String(answer['runId'])),
};

const period = ({ entities, calendars }: Known): readonly Field[] => [
  { name: 'entityId', label: 'Entity', kind: 'choice', required: true, choices: entities.map((e) => [e.id, `${e.name} (${e.timeZone})`]) },
  { name: 'period', label: 'Period', kind: 'text', required: true, hint: 'A month 2019-12, an ISO week 2019-W50 or a quarter 2019-Q4.' },
  {
    name: 'calendarId',
    label: 'Calendar',
    kind: 'choice',
    hint: 'Who is on it is billed.',
    choices: [['', 'the entity’s own for such a period'], ...calendars.map((c): readonly [string, string] => [c.id, `${c.cadence}: ${c.id}${entities.length > 1 ? ` of ${c.entityId}` : ''}`])],
  },
];

function ofPeriod(v: Values): object {
  const accountIds = listed(v['accountIds']);
  return {
    entityId: v['entityId'],
    period: v['period']?.trim(),
    ...(v['calendarId'] ? { calendarId: v['calendarId'] } : {}),
    ...(accountIds.length > 0 ? { selection: { accountIds } } : {}),
  };
}

/** What a dry run is to suppose; nothing where nothing is named. */
function supposed(v: Values): object {
  const tariffVersionIds = listed(v['tariffVersionIds']);
  const rateAgain = v['rateAgain'] === 'yes';
  return rateAgain || tariffVersionIds.length > 0 ? { whatIf: { rateAgain, tariffVersionIds } } : {};
}
