import type { Context, Hono, MiddlewareHandler } from 'hono';
import type { DocumentRules } from '../../contracts/document-rules.ts';
import type { PreviewRules } from '../../contracts/preview-rules.ts';
import type { Db, Store } from '../../store/db.ts';
import { type EntityView, listEntities } from '../../store/reads/entities.ts';
import { allRuleVersions, type RuleVersion } from '../../store/reads/rule-versions.ts';
import { documentRuleBook } from '../../ui/document-rule-book.ts';
import { link } from '../../ui/format.ts';
import type { Field, Values } from '../../ui/order-page.tsx';
import { previewRuleBook } from '../../ui/preview-rule-book.ts';
import { changesBetween, named, nowText, type Rule, type RuleBook, type SaidVersion, type Sayings, type Setting, saidText, typedText } from '../../ui/rule-book.ts';
import { RuleBookPage } from '../../ui/rule-book-page.tsx';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { stillHolds } from './form-values.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { sayingsOf } from './setting-values.ts';
import { holds, viewerOf } from './viewer.ts';

type Kind<R> = {
  readonly path: '/rules/previews' | '/rules/documents';
  readonly name: string;
  readonly explain: string;
  readonly api: 'preview-rules' | 'document-rules';
  readonly book: RuleBook<R>;
  readonly versionsOf: (db: Db, entityId: string) => Promise<RuleVersion<R>[]>;
};
type Found = { readonly entity: EntityView; readonly entities: readonly EntityView[]; readonly versions: readonly SaidVersion[] };

const previews: Kind<PreviewRules> = {
  path: '/rules/previews',
  name: 'Preview rules',
  explain:
    'What makes a preview look wrong, though each record in it passed by itself. What blocks is mended or signed before a run is approved; what warns or informs is shown. Changes hold from the next build of a preview on, and whoever set the present version does not approve runs that are judged by it. Amounts are in the currency of the entity’s books; what is in another is held against them at the last rate.',
  api: 'preview-rules',
  book: previewRuleBook,
  versionsOf: (db, entityId) => allRuleVersions(db, 'previewRules', entityId),
};
const documents: Kind<DocumentRules> = {
  path: '/rules/documents',
  name: 'Document rules',
  explain:
    'What becomes of what comes late, which invoices and payments are too small, and who numbers, delivers, collects, reminds and pays. Changes hold from the next build of a preview on, and whoever set the present version does not approve the entity’s runs. Amounts are in the currency of the entity’s books; what is billed or owed in another is held by none of them.',
  api: 'document-rules',
  book: documentRuleBook,
  versionsOf: (db, entityId) => allRuleVersions(db, 'documentRules', entityId),
};

/** How an entity's previews are judged and its documents made. */
export function ruleBookPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, deps: { readonly store: Store; readonly send: Send }): void {
  serveBook(app, guard, deps, previews);
  serveBook(app, guard, deps, documents);
}

function serveBook<R>(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }, kind: Kind<R>): void {
  const { path, explain, book, versionsOf } = kind;
  const find = async (asked: string | undefined): Promise<Found> => {
    const entities = await listEntities(store.pool);
    const entity = asked === undefined ? entities[0] : entities.find((e) => e.id === asked);
    if (entity === undefined) throw new Problem(404, 'notFound', asked === undefined ? 'There is no entity yet: seed one, or load it.' : `There is no entity "${asked}".`);
    const versions = await versionsOf(store.pool, entity.id);
    return { entity, entities, versions: versions.map(({ rules, ...version }) => ({ ...version, said: book.said(rules) })) };
  };
  app.get(path, guard, async (c) => c.html(RuleBookPage({ viewer: viewerOf(c), path, explain, rules: book.rules, ...(await find(c.req.query('entity'))), mayChange: holds(c, may.setRules) })));
  serveOrder(app, `${path}/:entityId/change`, guard, send, async (c) => changeOrder(kind, await find(c.req.param('entityId')), await chosen(c, book.rules)));
  serveOrder(app, `${path}/:entityId/reset`, guard, send, async (c) => resetOrder(kind, await find(c.req.param('entityId'))));
}

/** The rule that a form is about, or all. */
async function chosen(c: Context<ApiEnv>, rules: readonly Rule[]): Promise<readonly Rule[]> {
  const asked = c.req.method === 'POST' ? String((await c.req.parseBody())['rule'] ?? '') : (c.req.query('rule') ?? '');
  const found = asked === '' ? rules : rules.filter((rule) => rule.key === asked);
  if (found.length === 0) throw new Problem(404, 'notFound', `There is no rule "${asked}".`);
  return found;
}

/** Some settings otherwise; those of rules that the form does not show stay. */
function changeOrder<R>(kind: Kind<R>, found: Found, shown: readonly Rule[]): ConsoleOrder {
  const { currency } = found.entity;
  const present = found.versions.at(-1)?.said ?? {};
  const paths = new Set(shown.flatMap((rule) => rule.settings.map((setting) => setting.path)));
  const others = Object.fromEntries(Object.entries(present).filter(([path]) => !paths.has(path)));
  const [only] = shown;
  return {
    ...orderOf(kind, found, (v) => ({ ...others, ...sayingsOf(shown, v, currency) })),
    title: shown.length === 1 && only !== undefined ? `Change “${only.name}”` : `Change ${kind.name.toLowerCase()}`,
    explain: 'A field left empty is as by default. Nothing is saved before you have seen what would change.',
    fields: [version, { name: 'rule', label: 'Rule', kind: 'hidden' }, ...shown.flatMap((rule) => fieldsOf(rule, currency)), reason],
    initial: {
      version: versionOf(found),
      ...Object.fromEntries(shown.flatMap((rule) => rule.settings).map((setting) => [setting.path, typedText(setting, present[setting.path], currency)])),
    },
    verb: 'Set',
  };
}

function resetOrder<R>(kind: Kind<R>, found: Found): ConsoleOrder {
  return {
    ...orderOf(kind, found, () => ({})),
    title: `Back to the defaults of ${kind.name.toLowerCase()}`,
    explain: 'Everything is as by default again. The versions stay.',
    fields: [version, reason],
    initial: { version: versionOf(found) },
    verb: 'Set back',
  };
}

const version: Field = { name: 'version', label: 'Version', kind: 'hidden' };
const reason: Field = { name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why; kept for good.' };
const versionOf = ({ versions }: Found) => String(versions.at(-1)?.version ?? 0);

function fieldsOf(rule: Rule, currency: string): Field[] {
  const group = { name: named(rule.name), about: rule.about };
  return rule.settings.map((setting): Field => {
    const { unit, path, label } = setting;
    const byDefault = saidText(setting, setting.byDefault, currency);
    if (typeof unit === 'object' && 'choices' in unit) {
      return { name: path, label, kind: 'choice', half: true, group, choices: [['', `as by default: ${byDefault}`], ...unit.choices] };
    }
    return { name: path, label: `${label}${unitText(unit, currency)}`, kind: 'text', half: true, group, hint: `By default ${byDefault}.` };
  });
}

function unitText(unit: Setting['unit'], currency: string): string {
  if (typeof unit === 'object') return '';
  return { money: `, ${currency}`, energy: ', kWh', percent: ', %', duration: ', h:mm:ss', letters: '' }[unit];
}

/** What both forms share: `saidBy` answers all that the entity would say. */
function orderOf<R>({ path, name, api, book }: Kind<R>, { entity, versions }: Found, saidBy: (values: Values) => Sayings): Omit<ConsoleOrder, 'title' | 'explain' | 'fields' | 'verb'> {
  const present = versions.at(-1);
  const back = link(path, { entity: entity.id });
  const made = (values: Values): R => {
    stillHolds(values['version'], present?.version ?? 0);
    const answer = book.made(saidBy(values));
    if ('wrong' in answer) throw new Problem(422, 'invalid', answer.wrong.map(({ message }) => message).join('; '), { errors: answer.wrong });
    return answer.rules;
  };
  return {
    about: [
      ['Entity', entity.name],
      ['Holds now', present === undefined ? 'the defaults' : `version ${present.version}, set by ${present.author}: ${present.reason}`],
    ],
    trail: [
      ['/', 'Runs'],
      [back, name],
    ],
    roles: may.setRules,
    changes: (v) => {
      const changes = changesBetween(book.rules, present?.said ?? {}, book.said(made(v)));
      if (changes.length === 0) throw new Problem(422, 'invalid', 'Nothing would change: all is already as this says. Change a field, or leave the form.');
      return [
        ...changes.map(({ rule, setting, from, to }): [string, string] => [
          `${named(rule.name)}, ${setting.label}`,
          `${nowText(setting, from, entity.currency)} → ${nowText(setting, to, entity.currency)}`,
        ]),
        ['Reason', v['reason'] ?? ''],
      ];
    },
    request: (v) => ({
      method: 'PUT',
      path: `/v1/entities/${encodeURIComponent(entity.id)}/${api}`,
      json: { rules: made(v), reason: v['reason'], after: Number(v['version']) },
    }),
    done: (answer) => `Set, as version ${answer['version']}.`,
    next: () => back,
  };
}
