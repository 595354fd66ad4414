import { proposeExclusion, signExclusion } from '../../src/store/commands/exclusion-rules.ts';
import { addExclusion } from '../../src/store/commands/shape-run.ts';
import { signCarry } from '../../src/store/commands/steer-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { reviewRun } from './bill.ts';
import { seeded } from './seeded.ts';

/** A set-up of its own in which one account has the clauses of the month that a test gives it, and is left out or parked month by month. */
export async function stageOf(account: string) {
  const { store, drop } = await seeded();
  const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
  const build = (runId: string) => store.tx((db) => buildDocuments(db, runId));
  let version = 100;
  return {
    store,
    drop,
    rows,
    build,
    /** Of one account alone, off-cycle. */
    reviewAlone: (period: string) => reviewRun(store, period, { selection: { accountIds: [account] } }),
    review: (period: string) => reviewRun(store, period),
    /** The run of a month, in which the account is left out by an exclusion of its own. */
    async leaveOut(period: string, outcome: 'carry' | 'writeOff') {
      const runId = await reviewRun(store, period);
      const { id } = await store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: account, outcome, reason: 'disputed' }, { actor: 'preparer' }));
      await build(runId);
      return { runId, ruleId: id };
    },
    /** What the account's contract says from an instant on, until another one. */
    async subscribe(clauses: readonly object[], from: string, until = 'infinity') {
      version += 1;
      await rows(
        "INSERT INTO contract_version (contract_id, version, valid_from, clauses, author, second_person, valid_to) SELECT id, $2, $3, $4, 'sales', 'head', $5 FROM contract WHERE account_id = $1 AND kind = 'supply'",
        [account, version, from, JSON.stringify({ kind: 'supply', status: 'active', clauses }), until],
      );
    },
    /** A standing rule on the account alone, in force. */
    async inForce(outcome: 'carry' | 'writeOff', maxAgeMonths?: number) {
      const rule = {
        entityId: 'ent_se',
        scope: 'account',
        subjectId: account,
        predicate: {},
        outcome,
        atOurCost: false,
        validFrom: '2019-01-01',
        reviewOn: '2030-01-01',
        ...(maxAgeMonths === undefined ? {} : { maxAgeMonths }),
      } as const;
      const { id } = await store.tx((db) => proposeExclusion(db, rule, { reason: 'disputed' }, { actor: 'author' }));
      await store.tx((db) => signExclusion(db, id, 'seen the dispute', { actor: 'signer' }));
      return id;
    },
    /** Without the seller's cost center what no session bears cannot be computed: its account is parked. */
    park: (isParked: boolean) => rows('UPDATE legal_entity SET cost_center = $1', [isParked ? null : '900']),
    signParked: (runId: string) => store.tx((db) => signCarry(db, { runId, reason: 'the cost center is being agreed on', by: { actor: 'approver' } })),
    /** What a run made of each fee or minimum that was left out: month, component, what was carried in, what it is now, and what became of it. */
    leftOut: async (runId: string) =>
      (await rows('SELECT service_month, component, opening_minor, net_minor, outcome FROM left_out_fee WHERE run_id = $1 AND account_id = $2 ORDER BY 1, 2', [runId, account])).map((r) =>
        Object.values(r),
      ),
    /** What of the months stands on issued documents: month, component, net. */
    billed: async () =>
      (await rows('SELECT service_month, component, net_minor FROM rated_charge WHERE payer_account_id = $1 AND record_id IS NULL ORDER BY 1, 2, 3', [account])).map((r) => Object.values(r)),
  };
}
export type LeftOutStage = Awaited<ReturnType<typeof stageOf>>;
