import type { QueryResultRow } from 'pg';
import type { Db } from '../../db.ts';
import { recordKeySql } from '../../record-key.ts';
import type { Judged } from './intake-rows.ts';
import { pagesOf } from './pages.ts';

export type ChargeRow = QueryResultRow & {
  readonly charge_id: bigint;
  readonly revision: number | null;
  readonly charge_hash: Buffer;
  readonly reversal_of: bigint | null;
  readonly record_key: string | null;
  /** What is wrong with how the charge stands to its record, its mirror and its identity. */
  readonly problem: string | null;
};

/** Every rated charge with the key of its record; one of a month has its identity for it. */
export const ratedCharges = (db: Db) =>
  pagesOf<ChargeRow>(
    db,
    `SELECT c.*, CASE WHEN c.record_id IS NULL THEN identity_of_charge(NULL, c.role, c.contract_id, c.clause, c.service_month, c.component, c.split_no) ELSE h.source_id || '/' || ${recordKeySql} END AS record_key, 'charge ' || c.charge_id || CASE
       WHEN c.record_id IS NOT NULL AND r.record_id IS NULL THEN ' has no sealed record' WHEN c.record_id IS NULL AND (c.session_key IS NOT NULL OR v.contract_id IS NULL) THEN ' has neither a record nor a contract' WHEN c.session_key <> r.session_key THEN ' names another session than its record'
       WHEN c.contract_version IS NOT NULL AND v.contract_id IS NULL THEN ' was made by version ' || c.contract_version || ' of contract ' || c.contract_id || ', which is gone' WHEN c.tariff_version_id IS NOT NULL AND t.id IS NULL THEN ' was rated by tariff ' || c.tariff_version_id || ', which is gone' WHEN c.entity_id <> s.entity_id THEN ' names another seller than its source'
       WHEN c.reversal_of IS NOT NULL AND (o.charge_id IS NULL OR (o.net_minor, o.gross_minor, o.book_net_minor, o.energy_wh, o.record_id, o.split_no) IS DISTINCT FROM (-c.net_minor, -c.gross_minor, -c.book_net_minor, -c.energy_wh, c.record_id, c.split_no)) THEN ' is not the mirror of charge ' || c.reversal_of
       WHEN c.reversal_of IS NULL AND (i.charge_id IS NOT NULL) = (m.charge_id IS NOT NULL) THEN ' is ' || CASE WHEN m.charge_id IS NULL THEN 'not reversed, yet another may be rated in its place' ELSE 'reversed and still holds its place' END
       END AS problem
     FROM rated_charge c LEFT JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision LEFT JOIN record_head h ON h.record_id = c.record_id LEFT JOIN source s ON s.id = r.source_id LEFT JOIN contract_version v ON v.contract_id = c.contract_id AND v.version = c.contract_version LEFT JOIN tariff_version t ON t.id = c.tariff_version_id
     LEFT JOIN rated_charge o ON o.charge_id = c.reversal_of LEFT JOIN rated_charge m ON m.reversal_of = c.charge_id
     LEFT JOIN charge_identity i ON i.charge_id = c.charge_id AND i.identity_key = identity_of_charge(c.session_key, c.role, c.contract_id, c.clause, c.service_month, c.component, c.split_no)
     ORDER BY c.charge_id`,
  );

/** Where the list that runs claim from differs from what is open: charges that no run has claimed and no mirror takes back, and mirrors of what one has. */
export const openChargesOff = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'charge ' || coalesce(c.charge_id, o.charge_id) || CASE WHEN o.charge_id IS NULL THEN ' is open, and no run would take it' WHEN c.charge_id IS NULL THEN ' would be taken by a run, and is not open'
       ELSE ' would be taken by a run of another seller, month or account' END AS problem
     FROM (SELECT c.charge_id, c.entity_id, c.service_month, coalesce(c.payer_account_id, c.payee_account_id) AS account_id FROM rated_charge c LEFT JOIN claim k ON k.charge_id = c.charge_id
         LEFT JOIN rated_charge m ON m.reversal_of = c.charge_id LEFT JOIN claim t ON t.charge_id = c.reversal_of
       WHERE coalesce(c.payer_account_id, c.payee_account_id) IS NOT NULL AND k.charge_id IS NULL AND m.charge_id IS NULL AND (c.reversal_of IS NULL OR t.charge_id IS NOT NULL)) c
     FULL JOIN open_charge o ON o.charge_id = c.charge_id WHERE (c.entity_id, c.service_month, c.account_id) IS DISTINCT FROM (o.entity_id, o.service_month, o.account_id) ORDER BY coalesce(c.charge_id, o.charge_id)`,
  );

export type TariffRow = { readonly id: string; readonly currency: string; readonly body: { readonly currency?: string }; readonly body_hash: Buffer };

/** Every tariff version with the hash it was published under. */
export const tariffVersions = (db: Db) => pagesOf<TariffRow>(db, 'SELECT id, currency, body, body_hash FROM tariff_version ORDER BY id');
