import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** Energy that a connector's register counted between two sessions, and that no session reports. Negative: the register went back. */
export type RegisterGap = {
  readonly sourceId: string;
  readonly evse: string;
  readonly connectorId: string | null;
  readonly from: string;
  readonly to: string;
  readonly registerFromWh: string;
  readonly registerToWh: string;
  readonly missingWh: string;
  readonly recordBefore: string;
  readonly recordAfter: string;
};

/** Where the registers of a source's connectors do not go on where the session before left them, by more than `toleranceWh`; newest first. */
export async function registerGaps(db: Db, filter: { readonly sourceId: string; readonly toleranceWh: number } & PageOrder): Promise<Page<RegisterGap>> {
  const list = ['register gaps', filter.sourceId, filter.toleranceWh] as const;
  const { rows } = await db.query(
    `SELECT * FROM (
       SELECT s.record_id, s.place, s.connector_id, s.start_at, s.meter_start_wh, lag(s.meter_end_wh) OVER w AS meter_before, lag(s.end_at) OVER w AS end_before, lag(s.record_id) OVER w AS record_before
       FROM session_span s WHERE s.source_id = $1 AND s.place IS NOT NULL AND s.meter_start_wh IS NOT NULL AND s.meter_end_wh IS NOT NULL AND s.linked_to IS NULL
       WINDOW w AS (PARTITION BY s.place, s.connector_id ORDER BY s.start_at, s.record_id)
     ) g WHERE (meter_start_wh - meter_before > $2 OR meter_start_wh < meter_before) AND ($3::bigint IS NULL OR record_id < $3) ORDER BY record_id DESC LIMIT $4`,
    [filter.sourceId, filter.toleranceWh, keyBefore(list, filter), filter.limit + 1],
  );
  return pageOf(
    list,
    rows,
    filter.limit,
    (r) => String(r['record_id']),
    (r) => ({
      sourceId: filter.sourceId,
      evse: r['place'],
      connectorId: r['connector_id'],
      from: r['end_before'].toISOString(),
      to: r['start_at'].toISOString(),
      registerFromWh: String(r['meter_before']),
      registerToWh: String(r['meter_start_wh']),
      missingWh: String(r['meter_start_wh'] - r['meter_before']),
      recordBefore: String(r['record_before']),
      recordAfter: String(r['record_id']),
    }),
  );
}
