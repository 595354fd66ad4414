import type { Context, Hono, MiddlewareHandler } from 'hono';
import type { ReleaseRules } from '../../contracts/release-rules.ts';
import { strategies } from '../../contracts/set-up.ts';
import type { Store } from '../../store/db.ts';
import { type EntityView, listEntities } from '../../store/reads/entities.ts';
import { releaseRulesOf } from '../../store/reads/release-rules.ts';
import { words } from '../../ui/format.ts';
import type { Field, Values } from '../../ui/order-page.tsx';
import { goesOn, limitText, ReleaseRulesPage, type SecondApprover, whoseDocuments } from '../../ui/release-pages.tsx';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { minorOf } from '../minor-of.ts';
import { Problem } from '../problem.ts';
import { stillHolds, wholeOf } from './form-values.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { holds, viewerOf } from './viewer.ts';

type Change = Pick<ConsoleOrder, 'title' | 'explain' | 'fields' | 'verb'> & {
  readonly about?: ConsoleOrder['about'];
  readonly changed: (rules: ReleaseRules, values: Values) => ReleaseRules;
};
type Now = { readonly entity: EntityView; readonly version: number; readonly rules: ReleaseRules };

/** The version that was looked at. */
const version: Field = { name: 'version', label: 'Of version', kind: 'shown' };
const reason: Field = { name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why; kept for good.' };
const allOr = (values: readonly string[]): NonNullable<Field['choices']> => [['', 'all'], ...values.map((v) => [v, words(v)] as const)];
const releases = (['auto', 'wait'] as const).map((r) => [r, goesOn(r)] as const);

/** How entities release their groups. */
export function releasePages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  const db = store.pool;
  app.get('/rules/release', guard, async (c) => {
    const entities = await listEntities(db);
    const shown = await Promise.all(entities.map(async (e) => ({ entityId: e.id, name: e.name, currency: e.currency, ...(await releaseRulesOf(db, e.id)) })));
    return c.html(ReleaseRulesPage({ viewer: viewerOf(c), entities: shown, mayChange: holds(c, may.setRules) }));
  });
  const now = async (c: Context<ApiEnv>): Promise<Now> => {
    const id = c.req.param('entityId') ?? '';
    const entity = (await listEntities(db)).find((e) => e.id === id);
    if (entity === undefined) throw new Problem(404, 'notFound', `There is no entity "${id}".`);
    return { entity, ...(await releaseRulesOf(db, id)) };
  };
  const changes: Readonly<Record<string, (found: Now) => Change>> = {
    'second-approver': addApprover,
    'drop-approver': dropApprover,
    canary: changeCanary,
    'canary-of-strategy': canaryOfStrategy,
    reminders: changeReminders,
  };
  for (const [name, changeOf] of Object.entries(changes)) {
    serveOrder(app, `/rules/release/:entityId/${name}`, guard, send, async (c) => {
      const found = await now(c);
      const { changed, ...form } = changeOf(found);
      return {
        about: [['Entity', found.entity.name]],
        ...form,
        fields: [version, ...form.fields],
        initial: { version: String(found.version) },
        trail: [
          ['/', 'Runs'],
          ['/rules/release', 'Release rules'],
        ],
        roles: may.setRules,
        request: (v) => {
          stillHolds(v['version'], found.version);
          return {
            method: 'PUT',
            path: `/v1/entities/${encodeURIComponent(found.entity.id)}/release-rules`,
            json: { rules: changed(found.rules, v), reason: v['reason'], after: found.version },
          };
        },
        done: ({ version }) => `Set, as version ${version}.`,
        next: () => '/rules/release',
      };
    });
  }
}

function addApprover({ entity }: Now): Change {
  const above = (v: Values, name: string, label: string) => (v[name]?.trim() ? { [name]: Number(minorOf(label, v[name].trim(), v['currency'] || entity.currency)) } : {});
  return {
    title: 'Ask for a second approver',
    explain: 'A group with such documents is approved by two. Say from which sum of the group, from which sum of one document, or both.',
    fields: [
      { name: 'strategy', label: 'Strategy', kind: 'choice', choices: allOr(strategies) },
      { name: 'category', label: 'Category', kind: 'choice', choices: allOr(['driver', 'fleet', 'eMSP', 'siteOwner', 'partner']) },
      { name: 'currency', label: 'Currency', kind: 'choice', required: true, choices: [...new Set([entity.currency, 'EUR', 'SEK', 'NOK', 'DKK'])].map((code) => [code, code] as const) },
      { name: 'groupAbove', label: 'Group above', kind: 'text', hint: 'The payable of all such documents of a group, with a point, such as 250000.00.' },
      { name: 'documentAbove', label: 'One document above', kind: 'text' },
      reason,
    ],
    verb: 'Set',
    changed: (rules, v) => {
      const made = {
        ...(v['strategy'] ? { strategy: v['strategy'] } : {}),
        ...(v['category'] ? { category: v['category'] } : {}),
        currency: v['currency'] || entity.currency,
        ...above(v, 'groupAbove', 'Group above'),
        ...above(v, 'documentAbove', 'One document above'),
      } as SecondApprover;
      if (made.groupAbove === undefined && made.documentAbove === undefined) throw new Problem(422, 'invalid', 'Say at least one of: Group above, One document above.');
      return { ...rules, secondApprover: [...rules.secondApprover, made] };
    },
  };
}

function dropApprover({ entity, rules }: Now): Change {
  return {
    title: 'Take a rule on second approvers out',
    explain: 'Such documents are then approved by one person, unless another rule says otherwise.',
    about: [
      ['Entity', entity.name],
      ...rules.secondApprover.map((rule, i): [string, string] => [
        `Rule ${i}`,
        `${whoseDocuments(rule)}: ${[
          rule.groupAbove === undefined ? '' : `group above ${limitText(rule.groupAbove, rule.currency, entity.currency)}`,
          rule.documentAbove === undefined ? '' : `one document above ${limitText(rule.documentAbove, rule.currency, entity.currency)}`,
        ]
          .filter((part) => part !== '')
          .join(', ')}`,
      ]),
    ],
    fields: [{ name: 'index', label: 'Rule', kind: 'shown' }, reason],
    verb: 'Take out',
    changed: (present, v) => {
      const index = wholeOf('Rule', v['index'] ?? '');
      if (present.secondApprover[index] === undefined) throw new Problem(404, 'notFound', `There is no rule ${index}.`);
      return { ...present, secondApprover: present.secondApprover.filter((_, i) => i !== index) };
    },
  };
}

function changeCanary(): Change {
  return {
    title: 'Change the canary',
    explain: 'So many of the largest and smallest documents of each strategy and currency are issued and handed over first, and looked at, before the rest of their group.',
    fields: [
      { name: 'documents', label: 'Documents of each', kind: 'text', required: true, hint: '0: none goes first.' },
      { name: 'smallestGroup', label: 'Smallest group that has one', kind: 'text', required: true, hint: 'In documents.' },
      { name: 'release', label: 'Once the canary holds, the group', kind: 'choice', required: true, choices: releases },
      reason,
    ],
    verb: 'Set',
    changed: (rules, v) => ({
      ...rules,
      canary: {
        ...rules.canary,
        documents: wholeOf('Documents of each', v['documents'] ?? ''),
        smallestGroup: wholeOf('Smallest group that has one', v['smallestGroup'] ?? ''),
        release: v['release'] as 'auto' | 'wait',
      },
    }),
  };
}

function canaryOfStrategy(): Change {
  return {
    title: 'Canary of one strategy',
    explain: 'Where documents of one strategy are to be tried otherwise than the others. Both empty: as the others again.',
    fields: [
      { name: 'strategy', label: 'Strategy', kind: 'choice', required: true, choices: strategies.map((s) => [s, words(s)] as const) },
      { name: 'documents', label: 'Documents', kind: 'text', hint: 'As of all others when empty.' },
      { name: 'release', label: 'Once they hold, the group', kind: 'choice', choices: [['', 'as with all others'], ...releases] },
      reason,
    ],
    verb: 'Set',
    changed: (rules, v) => {
      const { [v['strategy'] ?? '']: _, ...others } = rules.canary.strategies;
      const own = {
        ...(v['documents']?.trim() ? { documents: wholeOf('Documents', v['documents']) } : {}),
        ...(v['release'] ? { release: v['release'] as 'auto' | 'wait' } : {}),
      };
      return { ...rules, canary: { ...rules.canary, strategies: { ...others, ...(Object.keys(own).length === 0 ? {} : { [v['strategy'] ?? '']: own }) } } };
    },
  };
}

function changeReminders(): Change {
  const hoursOf = (label: string, text: string) => {
    if (!/^\d{1,4}(\.\d{1,3})?$/.test(text.trim())) throw new Problem(422, 'invalid', `${label}: "${text}" is no number of hours; write 72.`);
    return Number(text);
  };
  return {
    title: 'Change the reminders',
    explain: 'When a run that waits for approval says so.',
    fields: [{ name: 'afterHours', label: 'After how many hours', kind: 'text', required: true }, { name: 'everyHours', label: 'Again every so many hours', kind: 'text', required: true }, reason],
    verb: 'Set',
    changed: (rules, v) => ({ ...rules, reminders: { afterHours: hoursOf('After how many hours', v['afterHours'] ?? ''), everyHours: hoursOf('Again every so many hours', v['everyHours'] ?? '') } }),
  };
}
