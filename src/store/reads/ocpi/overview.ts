import type { CdrDelivery, PeerOverview } from '../../../contracts/ocpi-overview.ts';
import { describeIssue, type Issue } from '../../../core/issues.ts';
import type { Db } from '../../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from '../page.ts';

/** How connections stand: who, in which state, what was last pulled, what waits to be sent. All of them, or one. */
export async function peerOverview(db: Db, peerId?: string): Promise<PeerOverview[]> {
  const { rows } = await db.query(
    `SELECT p.*, w.*, d.*, c.*, s.*, k.*, coalesce(a.partners, '[]') AS partners, coalesce(g.waiting_for, '[]') AS waiting_for, coalesce(g.causes, 0) AS causes
     FROM ocpi_peer p
     CROSS JOIN LATERAL (SELECT count(DISTINCT (record_id, account_id)) AS waiting FROM ocpi_sale_pending WHERE peer_id = p.id) w
     CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE x.state = 'queued') AS queued, count(*) FILTER (WHERE x.state = 'refused') AS refused, count(*) FILTER (WHERE x.state = 'held') AS held, count(*) FILTER (WHERE x.state = 'withheld') AS withheld, count(x.sent_at) AS sent,
         count(x.hub_acknowledged_at) AS acknowledged, count(x.seen_at) AS seen, count(x.agreed_at) AS agreed, min(o.made_at) FILTER (WHERE x.state = 'queued') AS oldest
       FROM ocpi_delivery x JOIN ocpi_sale o ON o.id = x.sale_id WHERE x.peer_id = p.id) d
     CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('tariffId', tariff_id, 'version', version, 'state', state, 'attempts', attempts, 'answer', answer, 'thereVersion', there_version, 'sentAt', to_char(sent_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) ORDER BY tariff_id), '[]') AS tariffs FROM ocpi_tariff_push WHERE peer_id = p.id) k
     LEFT JOIN LATERAL (SELECT (settings->>'everyMinutes')::integer AS every_minutes, swept_until, counts FROM source_connection WHERE source_id = p.source_id AND settings->>'kind' = 'ocpi') c ON true
     LEFT JOIN LATERAL (SELECT l.state AS sweep_state, l.started_at, l.pulled, l.fresh, l.stated, l.problem AS sweep_problem FROM sweep l WHERE l.source_id = p.source_id ORDER BY l.id DESC LIMIT 1) s ON true
     LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('accountId', account_id, 'countryCode', country_code, 'partyId', party_id, 'sendFrom', send_from) ORDER BY account_id) AS partners FROM ocpi_partner WHERE peer_id = p.id) a ON true
     LEFT JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('what', t.waiting_for, 'sales', t.sales) ORDER BY t.sales DESC, t.waiting_for) AS waiting_for, max(t.causes) AS causes
       FROM (SELECT waiting_for, count(DISTINCT (record_id, account_id)) AS sales, count(*) OVER () AS causes FROM ocpi_sale_pending WHERE peer_id = p.id AND waiting_for IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20) t) g ON true
     WHERE $1::text IS NULL OR p.id = $1 ORDER BY p.id`,
    [peerId ?? null],
  );
  return rows.map((r) => ({
    peerId: r.id,
    entityId: r.entity_id,
    name: r.name,
    kind: r.kind,
    state: r.state,
    version: r.version,
    us: { countryCode: r.our_country, partyId: r.our_party },
    them: { countryCode: r.country_code, partyId: r.party_id },
    sourceId: r.source_id,
    correctionChannel: r.correction_channel,
    push: r.push,
    versionsUrl: r.versions_url,
    registeredAt: iso(r.registered_at),
    problem: r.problem,
    partners: r.partners,
    sweep:
      r.every_minutes === null
        ? null
        : {
            everyMinutes: r.every_minutes,
            until: iso(r.swept_until),
            counts: r.counts,
            last: r.sweep_state === null ? null : { state: r.sweep_state, startedAt: r.started_at.toISOString(), pulled: r.pulled, fresh: r.fresh, stated: r.stated, problem: r.sweep_problem },
          },
    deliveries: {
      waiting: Number(r.waiting),
      queued: Number(r.queued),
      refused: Number(r.refused),
      held: Number(r.held),
      withheld: Number(r.withheld),
      sent: Number(r.sent),
      hubAcknowledged: Number(r.acknowledged),
      seen: Number(r.seen),
      agreed: Number(r.agreed),
      oldestQueuedAt: iso(r.oldest),
    },
    tariffs: r.tariffs,
    waitingFor: r.waiting_for,
    moreWaitingFor: Number(r.causes) - r.waiting_for.length,
  }));
}

/** A peer's sales with how far each has come, newest first. */
export async function deliveriesOf(db: Db, peerId: string, order: PageOrder & { readonly state?: string | undefined }): Promise<Page<CdrDelivery>> {
  const list = ['OCPI deliveries', peerId, order.state] as const;
  const { rows } = await db.query(
    `SELECT s.id, s.cdr_id, s.kind, s.record_id, s.revision, s.account_id, s.made_at, d.* FROM ocpi_sale s JOIN ocpi_delivery d ON d.sale_id = s.id
     WHERE s.peer_id = $1 AND ($2::bigint IS NULL OR s.id < $2) AND ($3::text IS NULL OR d.state = $3) ORDER BY s.id DESC LIMIT $4`,
    [peerId, keyBefore(list, order), order.state ?? null, order.limit + 1],
  );
  return pageOf(
    list,
    rows,
    order.limit,
    (r) => String(r.sale_id),
    (r) => ({
      cdrId: r.cdr_id,
      kind: r.kind,
      recordId: r.record_id.toString(),
      revision: r.revision,
      accountId: r.account_id,
      state: r.state,
      attempts: r.attempts,
      answer: r.answer,
      issues: ((r.issues ?? []) as Issue[]).map((found) => ({ code: found.code, severity: found.severity, subject: found.subject, text: describeIssue(found) })),
      madeAt: r.made_at.toISOString(),
      sentAt: iso(r.sent_at),
      hubAcknowledgedAt: iso(r.hub_acknowledged_at),
      seenAt: iso(r.seen_at),
      agreedAt: iso(r.agreed_at),
    }),
  );
}

function iso(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}
