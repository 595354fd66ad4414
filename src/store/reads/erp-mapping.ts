import type { ErpMapping } from '../../contracts/erp-mapping.ts';
import { codesThere, suggestionsFor } from '../../core/hand-over/map-document.ts';
import type { Db } from '../db.ts';
import { mappingsOf, masterDataOf } from '../erp-mapping.ts';

export type UnmappedCode = { readonly kind: 'account' | 'costCenter' | 'vatCode'; readonly code: string; readonly why: 'notMapped' | 'notInErp'; readonly suggestions: readonly string[] };
export type ErpMappingView = {
  readonly connectionId: string /** 0: none yet, our codes are the ERP's. */;
  readonly version: number;
  readonly mapping: ErpMapping;
  readonly masterDataRead: boolean;
  readonly unmapped: readonly UnmappedCode[];
};

/** The mapping of a connection as it holds, and every code in use by its entity that it does not name or the ERP has not, with what it may mean; undefined when there is no such connection. */
export async function erpMappingView(db: Db, connectionId: string): Promise<ErpMappingView | undefined> {
  const { rows } = await db.query<{ entity_id: string }>('SELECT entity_id FROM erp_connection WHERE id = $1', [connectionId]);
  const entityId = rows[0]?.entity_id;
  if (entityId === undefined) return undefined;
  const [versions, master, used] = await Promise.all([
    mappingsOf(db, connectionId),
    masterDataOf(db, connectionId),
    db.query<{ kind: UnmappedCode['kind']; code: string }>(
      `SELECT DISTINCT 'account' AS kind, gl_account AS code FROM gl_mapping m WHERE entity_id = $1 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = $1)
       UNION SELECT 'costCenter', cost_center FROM legal_entity WHERE id = $1 AND cost_center IS NOT NULL UNION SELECT 'costCenter', cost_center FROM site WHERE entity_id = $1
       UNION SELECT 'vatCode', code FROM vat_rule ORDER BY 1, 2`,
      [entityId],
    ),
  ]);
  const version = Math.max(0, ...versions.keys());
  const mapping = versions.get(version) ?? {};
  const unmapped = used.rows.flatMap(({ kind, code }): UnmappedCode[] => {
    const table = { account: mapping.accounts, costCenter: mapping.costCenters, vatCode: mapping.vatCodes }[kind];
    const there = codesThere(kind, master);
    const theirs = table === undefined ? code : table[code];
    if (theirs !== undefined && (there === undefined || there.some((c) => c.code === theirs))) return [];
    return [{ kind, code, why: theirs === undefined ? 'notMapped' : 'notInErp', suggestions: suggestionsFor(code, there ?? []) }];
  });
  return { connectionId, version, mapping, masterDataRead: master !== undefined, unmapped };
}
