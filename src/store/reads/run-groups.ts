import { groupBy } from '../../core/group-by.ts';
import { formatMinor } from '../../core/money.ts';
import { wantsTwo } from '../cycle/decide-run.ts';
import type { Db } from '../db.ts';
import { withErpWords } from '../erp-words.ts';

/** A release group of a run. Money as decimal text in major units, energy in Wh as text. */
export type GroupView = {
  readonly name: string;
  readonly state: string;
  /** Null while it is built. */
  readonly contentHash: string | null;
  readonly problem: string | null;
  readonly accounts: number;
  readonly documents: number;
  readonly canaryDocuments: number;
  readonly totals: readonly { readonly currency: string; readonly payable: string; readonly energyWh: string }[];
  /** Who approved it as it stands; in review while a second one is waited for. */
  readonly approvedBy: readonly string[];
  readonly waitsForSecond: boolean;
};

/** The documents of a run that are alike in group, strategy and currency. Money in minor units, energy in Wh. */
type DocumentSum = {
  readonly group: string;
  readonly strategy: string;
  readonly currency: string;
  readonly documents: number;
  readonly net: bigint;
  readonly vat: bigint;
  readonly payable: bigint;
  readonly wh: bigint;
};

/** Sums of a run's documents, in no order: to sort all of them first would take a third of it. */
export async function documentSums(db: Db, runId: string): Promise<readonly DocumentSum[]> {
  const { rows } = await db.query(
    `SELECT d.group_name, d.strategy, d.currency, count(*) AS n, sum(d.net_minor)::bigint AS net, sum(d.vat_minor)::bigint AS vat, sum(d.payable_minor)::bigint AS payable, sum(d.energy_wh)::bigint AS wh
     FROM document d WHERE d.run_id = $1 AND d.state <> 'discarded' GROUP BY 1, 2, 3`,
    [runId],
  );
  return rows.map((r) => ({ group: r.group_name, strategy: r.strategy, currency: r.currency, documents: Number(r.n), net: r.net, vat: r.vat, payable: r.payable, wh: r.wh }));
}

/** Sums with the same key added up, in the order they first come. */
export function summedBy(sums: readonly DocumentSum[], key: (sum: DocumentSum) => string): DocumentSum[] {
  return [...groupBy(sums, key).values()].flatMap((own) => {
    const [first] = own;
    if (first === undefined) return [];
    const total = (of: 'net' | 'vat' | 'payable' | 'wh') => own.reduce((sum, s) => sum + s[of], 0n);
    return [{ ...first, documents: own.reduce((n, s) => n + s.documents, 0), net: total('net'), vat: total('vat'), payable: total('payable'), wh: total('wh') }];
  });
}

/** The release groups of a run, by name. `known`: the sums of its documents, by who has asked for them already. */
export async function runGroups(db: Db, runId: string, known?: readonly DocumentSum[]): Promise<readonly GroupView[]> {
  const { rows } = await db.query(
    `SELECT g.name, g.state, encode(g.content_hash, 'hex') AS hash, g.problem,
       (SELECT count(*) FROM run_account x WHERE x.run_id = g.run_id AND x.group_name = g.name) AS accounts,
       (SELECT count(*) FROM canary_document y WHERE y.run_id = g.run_id AND y.group_name = g.name) AS canary,
       ARRAY(SELECT DISTINCT a.actor FROM approval a WHERE a.run_id = g.run_id AND a.group_name = g.name AND a.decision = 'approve' AND a.content_hash = g.content_hash AND a.review = g.review ORDER BY 1) AS approved_by
     FROM release_group g WHERE g.run_id = $1 ORDER BY g.name COLLATE "C"`,
    [runId],
  );
  const waiting = new Set<string>();
  for (const g of rows) if (g.state === 'inReview' && g.approved_by.length > 0 && (await wantsTwo(db, runId, g.name))) waiting.add(g.name);
  const sums = known ?? (await documentSums(db, runId));
  const problems = await withErpWords(
    db,
    rows.map((g) => g.problem),
  );
  return rows.map((g, i) => {
    const own = sums.filter((s) => s.group === g.name);
    return {
      name: g.name,
      state: g.state,
      contentHash: g.hash,
      problem: problems[i] ?? null,
      accounts: Number(g.accounts),
      documents: own.reduce((n, s) => n + s.documents, 0),
      canaryDocuments: Number(g.canary),
      totals: summedBy(own, (s) => s.currency)
        .sort((a, b) => (a.currency < b.currency ? -1 : 1))
        .map((s) => ({ currency: s.currency, payable: formatMinor(s.payable, s.currency), energyWh: s.wh.toString() })),
      approvedBy: g.approved_by,
      waitsForSecond: waiting.has(g.name),
    };
  });
}
