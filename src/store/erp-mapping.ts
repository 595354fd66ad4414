import type { ErpMapping, ErpMasterData } from '../contracts/erp-mapping.ts';
import type { Db } from './db.ts';

/** Every version of a connection's mapping; the newest last. */
export async function mappingsOf(db: Db, connectionId: string): Promise<ReadonlyMap<number, ErpMapping>> {
  const { rows } = await db.query<{ version: number; body: ErpMapping }>('SELECT version, body FROM erp_mapping WHERE connection_id = $1 ORDER BY version', [connectionId]);
  return new Map(rows.map((r) => [r.version, r.body]));
}

/** What an ERP has, as last read; undefined before it was. */
export async function masterDataOf(db: Db, connectionId: string): Promise<ErpMasterData | undefined> {
  const { rows } = await db.query<{ kind: string; code: string; name: string }>('SELECT kind, code, name FROM erp_master_data WHERE connection_id = $1 ORDER BY code', [connectionId]);
  if (rows.length === 0) return undefined;
  const of = (kind: string) => rows.filter((r) => r.kind === kind).map(({ code, name }) => ({ code, name }));
  return { accounts: of('account'), costCenters: of('costCenter'), vatCodes: of('vatCode') };
}

/** Keeps what an ERP has, in the place of what was read before. */
export async function keepMasterData(db: Db, connectionId: string, master: ErpMasterData): Promise<void> {
  const rows = [
    ...master.accounts.map((a) => ({ kind: 'account', ...a })),
    ...master.costCenters.map((c) => ({ kind: 'costCenter', ...c })),
    ...master.vatCodes.map((v) => ({ kind: 'vatCode', ...v })),
  ];
  await db.query('WITH gone AS (DELETE FROM erp_master_data WHERE connection_id = $1 AND (kind, code) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))) SELECT 1', [
    connectionId,
    rows.map((r) => r.kind),
    rows.map((r) => r.code),
  ]);
  await db.query(
    'INSERT INTO erp_master_data (connection_id, kind, code, name) SELECT $1, k, c, n FROM unnest($2::text[], $3::text[], $4::text[]) AS t(k, c, n) ON CONFLICT (connection_id, kind, code) DO NOTHING',
    [connectionId, rows.map((r) => r.kind), rows.map((r) => r.code), rows.map((r) => r.name)],
  );
}
