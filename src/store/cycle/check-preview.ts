import type { QueryResultRow } from 'pg';
import type { PreviewRules } from '../../contracts/preview-rules.ts';
import { type PreviewRuleCode, previewJudgement, previewRules } from '../../core/cycle/preview-rules.ts';
import { groupBy } from '../../core/group-by.ts';
import type { Issue, IssueCode } from '../../core/issues.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { allOf, inLanes, type Lanes, within } from '../lanes.ts';
import { previewRulesOf } from '../reads/preview-rules.ts';
import { previewBasis, previewRuleQueries, type RuleScope } from './preview-rule-queries.ts';
import { chargesOfRun, planAs, planForAccounts, planForDocuments, planOfWholeRun, type WholeRunPlan } from './whole-run.ts';

/** Findings of one rule and run beyond this many say nothing new: one more says how many they are. */
const mostPerRule = 1000;
const cut = 'findingsCut';

/** Rules on sessions, which look at what is claimed, and on what was built of it. */
export type AccountScope = Exclude<RuleScope, (typeof ofWholeRun)[number]>;
const ofAccounts: readonly AccountScope[] = ['session', 'account'];
const ofWholeRun = ['price', 'run'] as const;

const fewAccounts = 500;
const onAccounts = (Object.keys(previewRules) as PreviewRuleCode[]).filter((code) => ofAccounts.some((scope) => scope === previewRuleQueries[code].scope));

/** Something that a rule found in a run. */
export type RunFound = {
  readonly code: IssueCode;
  readonly version: number;
  readonly severity: string;
  readonly profileVersion: number;
  readonly subject: string;
  readonly accountId: string | null;
  readonly documentId: string | null;
  readonly recordId: bigint | null;
  readonly params: Issue['params'];
};

/** The same before it is asked which document it stands on. */
export type Found = Omit<RunFound, 'documentId'>;

/** Rules of a run's entity, and what they are asked of it. */
async function rulesFor(db: Db, runId: string) {
  const { rows } = await db.query<{ entity_id: string; off_cycle: boolean }>('SELECT entity_id, selection IS NOT NULL AS off_cycle FROM billing_run WHERE id = $1', [runId]);
  return { rules: await previewRulesOf(db, rows[0]?.entity_id ?? ''), offCycle: rows[0]?.off_cycle ?? false };
}

/** What rules on charges, of these scopes, find of accounts, as it stands. `plan`: of statements over the run's charges, where it is known. */
export function judgeAccounts(side: Lanes, runId: string, accounts: readonly string[], scopes = ofAccounts, plan?: Promise<WholeRunPlan>): Promise<Found[]> {
  return side.tx((db) => judgeCharges(db, runId, accounts, scopes, plan));
}

async function judgeCharges(db: Db, runId: string, accounts: readonly string[], scopes = ofAccounts, plan?: Promise<WholeRunPlan>): Promise<Found[]> {
  const { rules, offCycle } = await rulesFor(db, runId);
  const found: Found[] = [];
  for (const scope of scopes) {
    // Many are read at once, few by index.
    if (accounts.length > fewAccounts) await (scope === 'session' ? planAs(db, await (plan ?? planOfWholeRun(db, chargesOfRun, [runId]))) : planForDocuments(db));
    found.push(...(await findAll(db, [scope], rules, [runId, accounts], offCycle)));
    await planForAccounts(db);
  }
  return found;
}

/** In the order in which one statement over all accounts would have it. */
function inOrder(found: readonly Found[]): Found[] {
  return [...found].sort((a, b) => (a.code === b.code ? compare(a.subject, b.subject) || compare(a.accountId ?? '', b.accountId ?? '') : compare(a.code, b.code)));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Judges the preview anew after `accounts` were built, with what was found of their charges: rules on sums look at the whole run. A finding
 * that comes out as before stays the same row, and what was signed of it holds; one that changed is a new one.
 */
export async function checkPreview(db: Db, runId: string, accounts: readonly string[], found: readonly Found[] | Promise<readonly Found[]>, foundOfSums?: Promise<readonly Found[]>): Promise<void> {
  const [ofBuilt, ofSums] = await allOf([found, foundOfSums ?? (accounts.length === 0 ? [] : judgeSums(runId, within(db)))]);
  if (accounts.length === 0) return;
  // What was not listed may be of accounts that are not built now, and have a place by now.
  const all = await accountsOfCut(db, runId);
  const listed = atMost([...inOrder(all === undefined ? ofBuilt : await judgeCharges(db, runId, all)), ...ofSums]);
  await replace(db, runId, all ?? accounts, await onDocuments(db, runId, listed));
}

/** What was found, each with the first document that its account has in the run. */
async function onDocuments(db: Db, runId: string, found: readonly Found[]): Promise<RunFound[]> {
  const { rows } = await db.query<{ account_id: string; id: string }>("SELECT account_id, min(id) AS id FROM document WHERE run_id = $1 AND account_id = ANY($2) AND state <> 'discarded' GROUP BY 1", [
    runId,
    [...new Set(found.flatMap((f) => f.accountId ?? []))],
  ]);
  const documents = new Map(rows.map((r) => [r.account_id, r.id]));
  return found.map((f) => ({ ...f, documentId: (f.accountId === null ? undefined : documents.get(f.accountId)) ?? null }));
}

/** All accounts of a run of which a rule on charges has findings that are not listed. */
async function accountsOfCut(db: Db, runId: string): Promise<readonly string[] | undefined> {
  const { rows } = await db.query<{ accounts: readonly string[] }>(
    `SELECT ARRAY(SELECT account_id FROM run_account WHERE run_id = $1) AS accounts
     WHERE EXISTS (SELECT FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = '${cut}' AND f.subject = ANY($2))`,
    [runId, onAccounts],
  );
  return rows[0]?.accounts;
}

/** What rules on sums find of a whole run, as it stands: those on prices beside the others where there are lanes, else in one statement. */
export async function judgeSums(runId: string, side: Lanes): Promise<Found[]> {
  const parts: (readonly RuleScope[])[] = side.width === 1 ? [ofWholeRun] : ofWholeRun.map((scope) => [scope]);
  const found = await inLanes(side, parts, async (db, scopes) => {
    const { rules, offCycle } = await rulesFor(db, runId);
    await planForDocuments(db);
    const own = await findAll(db, scopes, rules, [runId], offCycle);
    await planForAccounts(db);
    return own;
  });
  return inOrder(found.flat());
}

/** Rules on what is not there, which a run of a few accounts cannot have. */
const ofAbsence: ReadonlySet<PreviewRuleCode> = new Set(['siteEarnsNothing', 'customerMissing', 'ownerShareMissing', 'twinWaits']);

/** All rules of scopes that look at the same in one statement, so that what they share is computed once. */
async function findAll(
  db: Db,
  scopes: readonly RuleScope[],
  { version: profileVersion, own }: { readonly version: number; readonly own: PreviewRules },
  params: readonly [runId: string, accounts?: readonly string[]],
  offCycle: boolean,
): Promise<Found[]> {
  const judged = (Object.keys(previewRules) as PreviewRuleCode[])
    .filter((code) => scopes.includes(previewRuleQueries[code].scope))
    .map((code) => ({ code, ...previewJudgement(own, code) }))
    // What a selection of accounts lacks says nothing.
    .filter((j) => j.severity !== 'off' && !(offCycle && ofAbsence.has(j.code)));
  const [scope] = scopes;
  if (scope === undefined || judged.length === 0) return [];
  const judgements = new Map<string, (typeof judged)[number]>(judged.map((j) => [j.code, j]));
  const { rows } = await db.query(
    `${previewBasis[scope]} SELECT f.* FROM (${judged.map(({ code, limits }) => ruleSql(code, limits)).join('\nUNION ALL ')}) f ORDER BY f.code, f.subject, f.account_id, f.params::text`,
    [...params],
  );
  const found = rows.flatMap((r): Found[] => {
    const judgement = judgements.get(r.code);
    if (judgement === undefined) return [];
    const { code, severity, version } = judgement;
    const inMajor = (previewRuleQueries[code].money ?? []).filter((name) => name in r.params).map((name) => [name, formatMinor(BigInt(r.params[name]), r.currency)]);
    return [
      {
        code,
        version,
        severity,
        profileVersion,
        subject: r.subject,
        accountId: r.account_id,
        recordId: r.record_id,
        params: { ...r.params, ...(r.currency === null ? {} : { currency: r.currency }), ...Object.fromEntries(inMajor) },
      },
    ];
  });
  const allFound = new Map<string, number>(rows.map((r) => [r.code, r.all_found]));
  return [...groupBy(found, (f) => f.code)].flatMap(([code, own]) => withCut(own, allFound.get(code) ?? 0));
}

/** The first of each rule. Where there are more, a finding of the run as a whole says how many: what is not listed keeps no group from approval by itself. */
function atMost(found: readonly Found[]): Found[] {
  const before = groupBy(
    found.filter((f) => f.code === cut),
    (f) => f.subject,
  );
  return [
    ...groupBy(
      found.filter((f) => f.code !== cut),
      (f) => f.code,
    ),
  ].flatMap(([code, own]) => withCut(own, own.length + (before.get(code) ?? []).reduce((sum, { params }) => sum + Number(params['more']), 0)));
}

/** Findings of one rule, and how many of `all` are not listed. */
function withCut(own: readonly Found[], all: number): Found[] {
  const [first] = own;
  const listed = own.slice(0, mostPerRule);
  if (first === undefined || all <= listed.length) return listed;
  return [...listed, { ...first, code: cut, subject: first.code, accountId: null, recordId: null, params: { rule: first.code, more: all - listed.length } }];
}

function ruleSql(code: PreviewRuleCode, limits: Readonly<Record<string, number>>): string {
  const { parts, sql } = previewRuleQueries[code];
  return `(${parts === undefined ? '' : `WITH ${parts(limits)} `}SELECT '${code}' AS code, f.subject, f.account_id, f.record_id, f.currency::text AS currency, f.params, (count(*) OVER ())::integer AS all_found FROM (${sql(limits)}) f
     ORDER BY f.subject, f.account_id, f.params::text LIMIT ${mostPerRule})`;
}

async function replace(db: Db, runId: string, accounts: readonly string[], found: readonly RunFound[]): Promise<void> {
  const codes = [...Object.keys(previewRules), cut];
  // Those of accounts that were not built again stay.
  const standing = await db.query(
    `SELECT f.*, l.account_id FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = ANY($4) AND NOT (f.code = ANY($2) AND NOT coalesce(l.account_id = ANY($3), false))`,
    [runId, onAccounts, accounts, codes],
  );
  await keepFindings(db, runId, standing.rows, found);
}

/** Puts what was found in the place of `standing`, rows of `finding` with their account: what came out as before keeps its row, and what was signed of it. */
export async function keepFindings(db: Db, runId: string, standing: readonly QueryResultRow[], found: readonly RunFound[]): Promise<void> {
  const before = new Map(
    standing.map((r): [string, bigint] => [
      keyOf({
        code: r['code'],
        version: r['rule_version'],
        severity: r['severity'],
        profileVersion: r['profile_version'],
        subject: r['subject'],
        accountId: r['account_id'],
        documentId: r['document_id'],
        recordId: r['record_id'],
        params: r['params'],
      }),
      r['id'],
    ]),
  );
  const now = new Map(found.map((f) => [keyOf(f), f]));
  const gone = [...before].filter(([key]) => !now.has(key)).map(([, id]) => id);
  if (gone.length > 0) await db.query('DELETE FROM run_finding WHERE finding_id = ANY($1::bigint[])', [gone]);
  const made = [...now].filter(([key]) => !before.has(key)).map(([, f]) => f);
  if (made.length === 0) return;
  const rows = made.map((f) => ({
    code: f.code,
    version: f.version,
    severity: f.severity,
    profile: f.profileVersion,
    subject: f.subject,
    account: f.accountId,
    document: f.documentId,
    record: f.recordId?.toString() ?? null,
    params: f.params,
    computed: f.params['computed']?.toString() ?? null,
    allowed: f.params['limit']?.toString() ?? null,
  }));
  await db.query(
    `WITH f AS (
       SELECT nextval(pg_get_serial_sequence('finding', 'id')) AS id, t.* FROM jsonb_to_recordset($2::jsonb)
         AS t(code text, version integer, severity text, profile integer, subject text, account text, document text, record bigint, params jsonb, computed text, allowed text)
     ), made AS (
       INSERT INTO finding (id, run_id, document_id, record_id, code, rule_version, severity, subject, params, computed, allowed, profile_version) OVERRIDING SYSTEM VALUE
       SELECT id, $1, document, record, code, version, severity, subject, params, computed, allowed, profile FROM f RETURNING id
     )
     INSERT INTO run_finding (finding_id, run_id, account_id) SELECT f.id, $1, f.account FROM f JOIN made ON made.id = f.id`,
    [runId, JSON.stringify(rows)],
  );
}

function keyOf({ params, recordId, ...rest }: RunFound): string {
  return JSON.stringify([Object.entries(rest).sort(), recordId?.toString() ?? null, Object.entries(params).sort()]);
}
