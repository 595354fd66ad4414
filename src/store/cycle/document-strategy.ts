/** SQL: by which strategy a document was made, whatever its account has by now. `document`: its alias. */
export const strategyOf = (document: string) => `convert_from(${document}.canonical, 'UTF8')::jsonb #>> '{header,strategy}'`;

/** SQL: the same of document `d` of account `a`, quick for many: their bytes are read only where the account once had another strategy. */
export const madeBy = `CASE WHEN d.account_id IN (SELECT v.id FROM set_up_version v WHERE v.kind = 'account' AND v.version > 1 AND 'strategy' = ANY (v.changed)) THEN ${strategyOf('d')} ELSE a.strategy END`;
