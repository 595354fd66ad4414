import { createHmac } from 'node:crypto';
import { type SetUpKind, setUpKinds } from '../../contracts/set-up.ts';
import type { Db } from '../db.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { tokenSecret } from '../token-secret.ts';
import { audit } from './audit.ts';
import type { Plan } from './put-entries.ts';
import { createReferences } from './put-references.ts';
import type { By, InputRow, PlannedRow } from './put-rows.ts';
import { planRows, wordsOf } from './put-set-up.ts';
import { Refused } from './refusal.ts';
import { refuseNaming } from './refuse-naming.ts';

export type LoadBody = Readonly<Partial<Record<SetUpKind, readonly InputRow[]>>>;
export type LoadTotals = Readonly<Partial<Record<SetUpKind, Readonly<Record<PlannedRow['outcome'], number>>>>>;
export type LoadPreview = { readonly loadId: string; readonly expiresAt: Date; readonly totals: LoadTotals; readonly rows: readonly PlannedRow[] };
/** A row that would now do something else than its preview says. */
export type Moved = { readonly kind: SetUpKind; readonly line: number; readonly id: string; readonly was: PlannedRow['outcome']; readonly is: PlannedRow['outcome'] };
export type LoadApplied =
  | { readonly outcome: 'applied'; readonly totals: LoadTotals; readonly kinds: readonly SetUpKind[] }
  | { readonly outcome: 'stale'; readonly moved: readonly Moved[]; readonly count: number };

const lifeMs = 24 * 3_600_000;
const mostMoved = 100;

/** Stores a load and says, row by row, what it would do; nothing of the set-up is changed. The same load again, while it waits, is the same one with a fresh preview. */
export async function previewLoad(db: Db, body: LoadBody, by: By, now: Date): Promise<LoadPreview> {
  await lockSetUp(db);
  await expireLoads(db, now);
  const rows = (await planLoad(db, body)).flatMap(({ plan }) => plan.rows);
  const totals = totalsOf(rows);
  const text = JSON.stringify(body);
  const stem = `ld_${createHmac('sha256', await tokenSecret(db))
    .update(`${by.actor}\n${text}`)
    .digest('hex')
    .slice(0, 20)}`;
  const earlier = (await db.query<{ id: string; state: string }>("SELECT id, state FROM set_up_load WHERE id = $1 OR id LIKE $1 || '-%' ORDER BY made_at DESC, id DESC", [stem])).rows;
  const waiting = earlier[0]?.state === 'previewed' ? earlier[0].id : undefined;
  const loadId = waiting ?? (earlier.length === 0 ? stem : `${stem}-${earlier.length + 1}`);
  const expiresAt = new Date(now.getTime() + lifeMs);
  await db.query(
    `INSERT INTO set_up_load (id, state, body, plan, totals, author, expires_at) VALUES ($1, 'previewed', $2, $3, $4, $5, $6)
     ON CONFLICT (id) DO UPDATE SET plan = EXCLUDED.plan, totals = EXCLUDED.totals, expires_at = EXCLUDED.expires_at`,
    [loadId, text, JSON.stringify(rows), JSON.stringify(totals), by.actor, expiresAt],
  );
  if (waiting === undefined) await audit(db, by, { action: 'setUp.preview', subject: loadId, after: totals });
  return { loadId, expiresAt, totals, rows };
}

/**
 * Carries out exactly what the preview of a load says, all of it in this transaction; where the set-up has moved since, nothing, and says
 * what would differ. Rows that are refused stop it, unless it is to go on without them. VAT statuses need another person than who loaded them.
 */
export async function applyLoad(
  db: Db,
  order: { readonly loadId: string; readonly reason: string; readonly withoutRefused: boolean; readonly mayPublish: boolean },
  by: By,
  now: Date,
): Promise<LoadApplied> {
  await lockSetUp(db);
  const load = (
    await db.query<{ state: string; author: string; expires_at: Date; body: LoadBody; plan: PlannedRow[] }>('SELECT state, author, expires_at, body, plan FROM set_up_load WHERE id = $1 FOR UPDATE', [
      order.loadId,
    ])
  ).rows[0];
  if (load === undefined) throw new Refused('notFound', `there is no load ${order.loadId}`);
  if (load.state !== 'previewed' || load.expires_at <= now) throw new Refused('wrongState', `load ${order.loadId} is ${load.state === 'previewed' ? 'expired' : load.state}: load it anew`);
  const plans = await planLoad(db, load.body);
  const rows = plans.flatMap(({ plan }) => plan.rows);
  const moved = movedRows(load.plan, rows);
  if (moved.length > 0) return { outcome: 'stale', moved: moved.slice(0, mostMoved), count: moved.length };
  const refused = rows.filter((row) => row.outcome === 'refused').length;
  if (refused > 0 && !order.withoutRefused) throw new Refused('wrongState', `${refused} rows are refused: correct them and load anew, or apply it withoutRefused`);
  const doing = rows.filter((row) => row.outcome === 'created' || row.outcome === 'changed');
  if (doing.some((row) => row.kind === 'vatStatuses')) {
    if (load.author === by.actor) throw new Refused('forbidden', `load ${order.loadId} is your own and changes VAT statuses: a second person applies it`);
    if (!order.mayPublish) throw new Refused('forbidden', `load ${order.loadId} changes VAT statuses: a finance-approver applies it`);
  }
  refuseNaming(order.reason, await wordsOf(db, rows));
  for (const { kind, plan } of plans) await plan.write(order.reason, kind === 'vatStatuses' ? { ...by, actor: load.author, secondPerson: by.actor } : by);
  const totals = totalsOf(rows);
  await db.query("UPDATE set_up_load SET state = 'applied', body = NULL, plan = NULL, totals = $2, applied_by = $3, applied_at = now(), reason = $4 WHERE id = $1", [
    order.loadId,
    JSON.stringify(totals),
    by.actor,
    order.reason,
  ]);
  await audit(db, by, { action: 'setUp.apply', subject: order.loadId, reason: order.reason, after: totals });
  return { outcome: 'applied', totals, kinds: [...new Set(doing.map((row) => row.kind))] };
}

/** Takes the contents of loads that nobody applied in time. */
export async function expireLoads(db: Db, now: Date): Promise<void> {
  await db.query("UPDATE set_up_load SET state = 'expired', body = NULL, plan = NULL WHERE body IS NOT NULL AND expires_at <= $1", [now]);
}

/** Kind by kind, so that what a row refers to may come in the same load. */
async function planLoad(db: Db, body: LoadBody): Promise<{ readonly kind: SetUpKind; readonly plan: Plan }[]> {
  const references = createReferences(db);
  const plans: { kind: SetUpKind; plan: Plan }[] = [];
  for (const kind of setUpKinds) {
    const input = body[kind];
    if (input !== undefined && input.length > 0) plans.push({ kind, plan: await planRows(db, kind, input, references) });
  }
  return plans;
}

function totalsOf(rows: readonly PlannedRow[]): LoadTotals {
  const totals: Partial<Record<SetUpKind, Record<PlannedRow['outcome'], number>>> = {};
  for (const { kind, outcome } of rows) {
    const of = totals[kind] ?? { created: 0, changed: 0, unchanged: 0, refused: 0 };
    of[outcome] += 1;
    totals[kind] = of;
  }
  return totals;
}

/** By all they say: the version that is there, what was and what is to be, and what is wrong. */
function movedRows(before: readonly PlannedRow[], now: readonly PlannedRow[]): Moved[] {
  const saying = (row: PlannedRow) => JSON.stringify(inOrder(row));
  return now.flatMap((row, i) => {
    const was = before[i];
    return was !== undefined && saying(was) === saying(row) ? [] : [{ kind: row.kind, line: row.line, id: row.id, was: was?.outcome ?? 'refused', is: row.outcome }];
  });
}

/** The database keeps keys in an order of its own. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  return Object.keys(value)
    .sort()
    .map((key) => [key, inOrder((value as Record<string, unknown>)[key])]);
}
