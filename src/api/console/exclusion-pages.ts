import type { Hono, MiddlewareHandler } from 'hono';
import type { ExclusionReach, ExclusionReachOf, ExclusionRuleView, ReachedAccounts } from '../../contracts/exclusion-overview.ts';
import { type ExclusionRule, exclusionPredicateSchema } from '../../contracts/exclusion-rule.ts';
import { storedPredicate } from '../../store/commands/exclusion-rules.ts';
import type { Store } from '../../store/db.ts';
import { type EntityView, listEntities } from '../../store/reads/entities.ts';
import { exclusionReach, exclusionReachOf, exclusionRuleOf, listExclusionRules } from '../../store/reads/exclusion-rules.ts';
import { hitsOfRule } from '../../store/reads/shadow-balance.ts';
import { ExclusionRulePage, ExclusionRulesPage, exclusionStates, narrowedTo, outcomeText } from '../../ui/exclusion-pages.tsx';
import { count, exclusionPath, grouped, kWh, link, monthName } from '../../ui/format.ts';
import type { Values } from '../../ui/order-page.tsx';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { whOf, wholeOf } from './form-values.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { turns } from './run-pages.ts';
import { holds, viewerOf } from './viewer.ts';

const pageSize = 50;

/** Standing rules on what is left out of billing. */
export function exclusionPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  const db = store.pool;
  const ruleOf = async (id: string | undefined) => {
    const found = await exclusionRuleOf(db, id ?? '');
    if (found === undefined) throw new Problem(404, 'notFound', `There is no exclusion rule "${id}".`);
    return found;
  };

  app.get('/rules', guard, async (c) => {
    const cursor = c.req.query('cursor');
    const state = exclusionStates.find((s) => s === c.req.query('state'));
    const page = await listExclusionRules(db, { state }, { cursor, limit: pageSize });
    return c.html(ExclusionRulesPage({ viewer: viewerOf(c), rules: page.items, state, mayPropose: holds(c, may.shape), ...turns('/rules', { state }, cursor, page.nextCursor) }));
  });
  serveOrder(app, '/rules/exclusions/propose', guard, send, async () => proposeOrder(await listEntities(db)));

  app.get('/rules/exclusions/:ruleId', guard, async (c) => {
    const { rule, earlier } = await ruleOf(c.req.param('ruleId'));
    const asked = { entityId: rule.entityId, scope: rule.scope as ExclusionRule['scope'], subjectId: rule.subjectId, predicate: storedPredicate(exclusionPredicateSchema.parse(rule.predicate)) };
    const [reach, reached, hits] = await Promise.all([exclusionReach(db, asked), exclusionReachOf(db, asked), hitsOfRule(db, rule.id)]);
    const live = rule.endedAt === null;
    const path = exclusionPath(rule.id);
    const actions = [
      ...(rule.state === 'proposed' && holds(c, may.approve) && viewerActor(c) !== rule.author ? [{ text: 'Sign', href: `${path}/sign` }] : []),
      ...(live && holds(c, may.endExclusions) ? [{ text: rule.signedAt === null ? 'Take back' : 'End', href: `${path}/end` }] : []),
      ...(live && holds(c, may.shape) ? [{ text: 'Propose another version', href: link('/rules/exclusions/propose', formOf(rule)) }] : []),
    ];
    return c.html(ExclusionRulePage({ viewer: viewerOf(c), rule, earlier, reach, ...reached, hits, actions }));
  });
  serveOrder(app, '/rules/exclusions/:ruleId/sign', guard, send, async (c) => signOrder((await ruleOf(c.req.param('ruleId'))).rule));
  serveOrder(app, '/rules/exclusions/:ruleId/end', guard, send, async (c) => endOrder((await ruleOf(c.req.param('ruleId'))).rule));
}

const viewerActor = (c: Parameters<typeof viewerOf>[0]) => c.get('caller').actor;
const trail = [
  ['/', 'Runs'],
  ['/rules', 'Rules'],
] as const;

function proposeOrder(entities: readonly EntityView[]): ConsoleOrder {
  const [entity] = entities;
  return {
    title: 'Propose an exclusion rule',
    explain: 'It holds for every run whose period ends in its time, once a second person has signed it. The narrowest rule that meets a charge decides: record, account, customer, site, tariff.',
    about: [],
    fields: [
      { name: 'entityId', label: 'Entity', kind: 'choice', required: true, choices: entities.map((e) => [e.id, e.name]) },
      {
        name: 'scope',
        label: 'What is left out',
        kind: 'choice',
        half: true,
        required: true,
        choices: [
          ['account', 'an account'],
          ['customer', 'a customer: all accounts of a party'],
          ['site', 'a site'],
          ['tariff', 'what is priced by a tariff'],
          ['record', 'a record'],
        ],
      },
      { name: 'subjectId', label: 'Its id', kind: 'text', half: true, required: true, hint: 'Such as acc_driver_17, site_bl2, or a record’s number.' },
      {
        name: 'outcome',
        label: 'What becomes of it',
        kind: 'choice',
        required: true,
        choices: [
          ['carry', 'carried: a later run bills it'],
          ['writeOff', 'written off: never billed'],
          ['bill', 'billed after all, out of a wider rule'],
        ],
      },
      { name: 'maxAgeMonths', label: 'Carried for at most, in months', kind: 'text', half: true, hint: 'Then it is billed, with a finding; 3 when empty. Only for what is carried.' },
      {
        name: 'atOurCost',
        label: 'Owner’s share of what is written off',
        kind: 'choice',
        half: true,
        choices: [
          ['', 'is not earned'],
          ['yes', 'is earned all the same, at our cost'],
        ],
      },
      { name: 'energyBelowKwh', label: 'Only sessions below, in kWh', kind: 'text', half: true },
      { name: 'energyFromKwh', label: 'Only sessions from, in kWh', kind: 'text', half: true },
      { name: 'amountAbove', label: 'Only sessions that cost more than', kind: 'text', half: true, hint: 'Without VAT, with a point, such as 20.00.' },
      { name: 'amountUpTo', label: 'Only sessions that cost up to', kind: 'text', half: true },
      { name: 'currency', label: 'Currency of these amounts', kind: 'text', half: true, hint: `${entity?.currency ?? 'The entity’s'} when empty.` },
      {
        name: 'segment',
        label: 'Only of',
        kind: 'choice',
        half: true,
        choices: [
          ['', 'all customers'],
          ['driver', 'drivers'],
          ['fleet', 'fleets'],
          ['eMSP', 'eMSPs'],
        ],
      },
      { name: 'serviceFrom', label: 'Only sessions that ended from', kind: 'date', half: true },
      { name: 'serviceTo', label: 'Only sessions that ended before', kind: 'date', half: true },
      { name: 'validFrom', label: 'Holds from', kind: 'date', half: true, required: true, hint: 'For runs whose period’s last day is in its time.' },
      { name: 'validTo', label: 'Until before', kind: 'date', half: true, hint: 'The first day without it; until it is ended when empty.' },
      { name: 'reviewOn', label: 'To be looked at on', kind: 'date', half: true, required: true, hint: 'From then on every run it meets says so.' },
      { name: 'replaces', label: 'Takes the place of rule', kind: 'text', half: true, hint: 'The rule’s id; it ends when this one is signed.' },
      { name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why; kept for good.' },
    ],
    verb: 'Propose',
    trail,
    roles: may.shape,
    preview: {
      request: (v) => {
        const { entityId, scope, subjectId, predicate } = ruleFrom(v, entities);
        return { path: '/v1/exclusion-rules/preview', json: { entityId, scope, subjectId, predicate } };
      },
      shown: (answer) => reachPairs(answer as ReachedAccounts & { readonly reach: readonly ExclusionReach[] }),
    },
    request: (v) => ({
      method: 'POST',
      path: '/v1/exclusion-rules',
      json: { rule: ruleFrom(v, entities), ...(v['replaces']?.trim() ? { replaces: v['replaces'].trim() } : {}), reason: v['reason'] },
    }),
    done: () => 'Proposed: it holds once somebody else has signed it.',
    next: ({ id }) => exclusionPath(String(id)),
  };
}

/** What a form says, as a rule; what its kind does not have is refused by the API. */
function ruleFrom(v: Values, entities: readonly EntityView[]) {
  const given = (name: string) => v[name]?.trim() || undefined;
  const text = (name: string) => (given(name) === undefined ? {} : { [name]: given(name) });
  const energy = (name: string, as: string, label: string) => (given(name) === undefined ? {} : { [as]: whOf(label, given(name) ?? '') });
  const hasAmount = given('amountAbove') !== undefined || given('amountUpTo') !== undefined;
  const maxAge = given('maxAgeMonths');
  return {
    entityId: v['entityId'],
    scope: v['scope'],
    subjectId: v['subjectId']?.trim(),
    outcome: v['outcome'],
    predicate: {
      ...energy('energyBelowKwh', 'energyBelowWh', 'Only sessions below'),
      ...energy('energyFromKwh', 'energyFromWh', 'Only sessions from'),
      ...text('amountAbove'),
      ...text('amountUpTo'),
      ...(hasAmount ? { currency: given('currency')?.toUpperCase() ?? entities.find((e) => e.id === v['entityId'])?.currency } : text('currency')),
      ...text('serviceFrom'),
      ...text('serviceTo'),
      ...text('segment'),
    },
    ...(maxAge === undefined ? {} : { maxAgeMonths: wholeOf('Carried for at most, in months', maxAge) }),
    ...(v['atOurCost'] === 'yes' ? { atOurCost: true } : {}),
    ...text('validFrom'),
    ...text('validTo'),
    ...text('reviewOn'),
  };
}

/** A rule as its form would say it, for another version. */
function formOf(rule: ExclusionRuleView): Readonly<Record<string, string | undefined>> {
  const p = rule.predicate as Readonly<Record<string, string | number | undefined>>;
  const text = (name: string) => (p[name] === undefined ? undefined : String(p[name]));
  const inKwh = (name: string) => (p[name] === undefined ? undefined : kWh(String(p[name])).replaceAll(',', ''));
  return {
    entityId: rule.entityId,
    scope: rule.scope,
    subjectId: rule.subjectId,
    outcome: rule.outcome,
    maxAgeMonths: rule.maxAgeMonths === null ? undefined : String(rule.maxAgeMonths),
    atOurCost: rule.atOurCost ? 'yes' : undefined,
    energyBelowKwh: inKwh('energyBelowWh'),
    energyFromKwh: inKwh('energyFromWh'),
    ...Object.fromEntries(['amountAbove', 'amountUpTo', 'currency', 'serviceFrom', 'serviceTo', 'segment'].map((name) => [name, text(name)])),
    validFrom: rule.validFrom,
    validTo: rule.validTo ?? undefined,
    reviewOn: rule.reviewOn,
    replaces: rule.id,
  };
}

function reachPairs({ reach, accounts, moreAccounts }: ReachedAccounts & { readonly reach: readonly ExclusionReach[] }): readonly (readonly [string, string])[] {
  if (reach.length === 0) return [['What it would meet now', 'nothing: either nothing is open of it, or the id is of nothing']];
  const of = (m: ExclusionReach | ExclusionReachOf) => `${count(m.sessions, 'session')}, ${kWh(m.energyWh)} kWh, net ${grouped(m.net)} ${m.currency}`;
  return [
    ['What it would meet now', reach.map((r) => `${monthName(r.serviceMonth)}: ${count(r.accounts, 'account')}, ${of(r)}`).join('\n')],
    ['Whom', [...accounts.map((a) => `${a.accountName} (${a.accountId}): ${of(a)}`), ...(moreAccounts === 0 ? [] : [`and ${count(moreAccounts, 'account')} more`])].join('\n')],
  ];
}

const aboutRule = (rule: ExclusionRuleView): readonly (readonly [string, string])[] => [
  ['Left out', `${rule.scope} ${rule.subjectId}`],
  ['Narrowed to', narrowedTo(rule.predicate) || 'all of it'],
  ['What becomes of it', outcomeText(rule)],
  ['Reason', `${rule.reason} (${rule.author})`],
];

function signOrder(rule: ExclusionRuleView): ConsoleOrder {
  return {
    title: 'Sign an exclusion rule',
    explain: 'Puts it in force: runs of its time that are open are built again with it. Neither you nor its author approve a run in which it takes effect.',
    about: aboutRule(rule),
    fields: [{ name: 'comment', label: 'Comment', kind: 'long', required: true, hint: 'What you looked at; kept for good.' }],
    verb: 'Sign',
    trail: [...trail, [exclusionPath(rule.id), `${rule.scope} ${rule.subjectId}`]],
    roles: may.approve,
    request: ({ comment }) => ({ method: 'POST', path: `/v1/exclusion-rules/${encodeURIComponent(rule.id)}/signature`, json: { comment } }),
    done: ({ runs }) => `In force; ${count(Number(runs), 'open run')} built again.`,
    next: () => exclusionPath(rule.id),
  };
}

function endOrder(rule: ExclusionRuleView): ConsoleOrder {
  const proposed = rule.signedAt === null;
  return {
    title: proposed ? 'Take a proposal back' : 'End an exclusion rule',
    explain: proposed ? 'It never holds.' : 'No run that is built from now on is shaped by it; what it carried is billed by the next, with a finding.',
    about: aboutRule(rule),
    fields: [{ name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why; kept for good.' }],
    verb: proposed ? 'Take back' : 'End',
    trail: [...trail, [exclusionPath(rule.id), `${rule.scope} ${rule.subjectId}`]],
    roles: may.endExclusions,
    request: ({ reason }) => ({ method: 'POST', path: `/v1/exclusion-rules/${encodeURIComponent(rule.id)}/end`, json: { reason } }),
    done: ({ runs }) => (proposed ? 'Taken back.' : `Ended; ${count(Number(runs), 'open run')} built again.`),
    next: () => exclusionPath(rule.id),
  };
}
