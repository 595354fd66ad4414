import type { Db } from '../db.ts';

const queries = {
  entity: 'SELECT id FROM legal_entity WHERE id = ANY($1)',
  party: 'SELECT id, erased_at IS NOT NULL AS erased FROM party WHERE id = ANY($1)',
  account: `SELECT a.id, a.entity_id AS "entityId", a.category, a.strategy, p.name, p.erased_at IS NOT NULL AS erased FROM account a JOIN party p ON p.id = a.party_id WHERE a.id = ANY($1)`,
  calendar: 'SELECT id, entity_id AS "entityId", cadence FROM billing_calendar WHERE id = ANY($1)',
  site: 'SELECT id, entity_id AS "entityId", kind FROM site WHERE id = ANY($1)',
  source: 'SELECT id, entity_id AS "entityId" FROM source WHERE id = ANY($1)',
  fleetUnit: 'SELECT id, account_id AS "accountId" FROM fleet_unit WHERE id = ANY($1)',
} as const;
type RefKind = keyof typeof queries;
export type Referred = {
  readonly id: string;
  readonly entityId?: string;
  readonly category?: string;
  readonly kind?: string;
  readonly strategy?: string;
  readonly accountId?: string;
  readonly erased?: boolean;
  readonly cadence?: string;
  readonly name?: string;
};

/** What rows refer to: what is there, and what the same load brings before them. */
export type References = {
  load(kind: RefKind, ids: readonly unknown[]): Promise<void>;
  get(kind: RefKind, id: unknown): Referred | undefined;
  /** What a load is to create or change; it goes before what is there. */
  add(kind: RefKind, entry: Referred): void;
};

/** References that are read set-wise, each id once. */
export function createReferences(db: Db): References {
  const seen = new Map<string, Referred | undefined>();
  const key = (kind: RefKind, id: unknown) => `${kind}\n${String(id)}`;
  return {
    async load(kind, ids) {
      const wanted = [...new Set(ids.filter((id) => typeof id === 'string' && !seen.has(key(kind, id))))];
      if (wanted.length === 0) return;
      const { rows } = await db.query<Referred>(queries[kind], [wanted]);
      const found = new Map(rows.map((row) => [row.id, row]));
      for (const id of wanted) seen.set(key(kind, id), found.get(id as string));
    },
    get: (kind, id) => seen.get(key(kind, id)),
    add(kind, entry) {
      seen.set(key(kind, entry.id), entry);
    },
  };
}
