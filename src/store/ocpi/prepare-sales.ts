import type { ChargeRecord } from '../../contracts/charge-record.ts';
import type { OcpiLocation, OcpiSale } from '../../contracts/ocpi.ts';
import { type SaleCharge, saleOf } from '../../core/ocpi/sale-of.ts';
import type { Db } from '../db.ts';
import type { Peer } from '../reads/ocpi/peers.ts';
import { judgeSales, type Verdict } from './judge-sales.ts';
import { lockSales } from './sale-lock.ts';

const pageSize = 500;

type Pending = { readonly ids: readonly bigint[]; readonly accountId: string; readonly recordId: bigint };
/** What a partner was last told of a session; nothing, or a credit of it, stands for no CDR. */
type Standing = {
  readonly id: bigint;
  readonly revision: number;
  readonly body: OcpiSale;
  readonly state: string;
  /** It was held or refused, and nobody there has it. */
  readonly neverLeft: boolean;
};
/** A sale in the ledger: the charges that are live, all of one revision. */
type Live = {
  readonly revision: number;
  readonly charges: readonly SaleCharge[];
  readonly record: ChargeRecord;
  readonly location: OcpiLocation | null;
  readonly siteId: string;
  readonly timeZone: string;
  readonly tariff: Record<string, unknown> | null;
};

/**
 * Makes CDRs of the sales that are listed for a peer, in their order: one where none stands, nothing where the one that stands still says
 * what is booked, else a credit of it and, when something is still sold, another one. What never left is withdrawn instead of credited;
 * what the partner is known to refuse is held. Call it in a transaction, as the only one for this peer (it takes a lock, and the time after that). Answers how many
 * sales it looked at; what lacks something waits for it, named.
 */
export async function prepareSales(db: Db, peer: Peer, clock: () => Date): Promise<number> {
  await lockSales(db, peer.id);
  const now = clock();
  const pending = await takePending(db, peer.id);
  if (pending.length === 0) return 0;
  const keys = pending.map((p) => [p.recordId, p.accountId] as const);
  const [standing, live] = [await standingSales(db, keys), await liveSales(db, keys)];
  const partners = await partnersOf(db, peer.id);
  const withhold = peer.correctionChannel === 'byDocument' || peer.version === '2.1.1';
  const judge = await judgeSales(db, [...partners.keys()], now);
  for (const { ids, recordId, accountId } of pending) {
    const key = `${recordId}/${accountId}`;
    const [known, sale, to] = [standing.get(key), live.get(key), partners.get(accountId)];
    const same = known !== undefined && known.revision === sale?.revision;
    if (sale !== undefined && sale.location === null && !same) {
      await db.query('UPDATE ocpi_sale_pending SET waiting_for = $2 WHERE id = ANY($1)', [ids, `location of ${sale.siteId}`]);
      continue;
    }
    if (to !== undefined && !same) {
      const before = known?.neverLeft === true && (await withdraw(db, known.id)) ? undefined : known;
      // A correction by document sends neither the credit nor its replacement; nor does one of a sale that went by document itself.
      const byDocument = before !== undefined && (withhold || before.state === 'withheld');
      const insert = (kind: 'cdr' | 'credit', revision: number, body: OcpiSale, creditOf: bigint | null) => {
        const verdict = byDocument ? undefined : judge(accountId, body);
        const state = byDocument ? 'withheld' : peer.push ? 'queued' : 'pullOnly';
        return insertSale(db, { peerId: peer.id, accountId, recordId, revision, kind, body, creditOf, now, state, verdict });
      };
      if (before !== undefined) await insert('credit', before.revision, creditOf(before.body, now), before.id);
      if (sale?.location != null) await insert('cdr', sale.revision, saleOf({ ...sale, location: sale.location, from: peer.us, to, madeAt: now.toISOString() }), null);
    }
    await db.query('DELETE FROM ocpi_sale_pending WHERE id = ANY($1)', [ids]);
  }
  return pending.length;
}

/** mod_cdrs, Credit CDRs: all of the original, with the amounts of total_cost negative. */
function creditOf(original: OcpiSale, now: Date): OcpiSale {
  const { total } = original.cost;
  const negative = (amount: string) => (/^-/.test(amount) ? amount.slice(1) : /^0(\.0*)?$/.test(amount) ? amount : `-${amount}`);
  return {
    ...original,
    cdrId: `${original.cdrId}-C`,
    creditOf: original.cdrId,
    cost: { ...original.cost, total: { net: negative(total.net), gross: negative(total.gross), vat: total.vat.map((v) => ({ ...v, amount: negative(v.amount) })) } },
    madeAt: now.toISOString(),
  };
}

/** The oldest sales that wait for nothing, each once, however often it is listed. Taken before anything is read: what is listed meanwhile stays. */
async function takePending(db: Db, peerId: string): Promise<Pending[]> {
  const { rows } = await db.query<{ ids: bigint[]; account_id: string; record_id: bigint }>(
    `WITH taken AS (SELECT id, account_id, record_id FROM ocpi_sale_pending WHERE peer_id = $1 AND waiting_for IS NULL ORDER BY id LIMIT ${pageSize} FOR UPDATE)
     SELECT array_agg(id) AS ids, account_id, record_id FROM taken GROUP BY account_id, record_id ORDER BY min(id)`,
    [peerId],
  );
  return rows.map((r) => ({ ids: r.ids, accountId: r.account_id, recordId: r.record_id }));
}

type Keys = readonly (readonly [recordId: bigint, accountId: string])[];
const wanted = 'unnest($1::bigint[], $2::text[]) AS w(record_id, account_id)';
const paramsOf = (keys: Keys) => [keys.map(([recordId]) => recordId), keys.map(([, accountId]) => accountId)];

/** False when it has left meanwhile. */
async function withdraw(db: Db, saleId: bigint): Promise<boolean> {
  const { rowCount } = await db.query(`UPDATE ocpi_delivery d SET state = 'withdrawn', issues = NULL, rules_version = NULL WHERE sale_id = $1 AND ${neverLeft}`, [saleId]);
  return rowCount === 1;
}

const neverLeft = "d.state IN ('held', 'refused') AND d.sent_at IS NULL AND d.seen_at IS NULL AND d.hub_acknowledged_at IS NULL";

/** The CDR of each sale that no credit has taken back, and that was not withdrawn. */
async function standingSales(db: Db, keys: Keys): Promise<Map<string, Standing>> {
  const { rows } = await db.query(
    `SELECT s.id, s.record_id, s.account_id, s.revision, s.body, d.state, ${neverLeft} AS never_left
     FROM ${wanted} JOIN ocpi_sale s USING (record_id, account_id) JOIN ocpi_delivery d ON d.sale_id = s.id WHERE s.kind = 'cdr' AND d.state <> 'withdrawn' AND NOT EXISTS (SELECT FROM ocpi_sale c WHERE c.credit_of = s.id)`,
    paramsOf(keys),
  );
  return new Map(rows.map((r) => [`${r.record_id}/${r.account_id}`, { id: r.id, revision: r.revision, body: r.body, state: r.state, neverLeft: r.never_left }]));
}

/** What is sold now, with all that its CDR says. */
async function liveSales(db: Db, keys: Keys): Promise<Map<string, Live>> {
  const { rows } = await db.query(
    `SELECT w.record_id, w.account_id, c.revision, c.site_id, c.charges, convert_from(r.canonical, 'UTF8') AS record, l.body AS location, t.body AS tariff, (SELECT time_zone FROM site WHERE id = c.site_id) AS time_zone
     FROM ${wanted}
     CROSS JOIN LATERAL (
       SELECT max(x.revision) AS revision, min(x.site_id) AS site_id, min(x.tariff_version_id) AS tariff_version_id,
         jsonb_agg(jsonb_build_object('component', x.component, 'currency', x.currency, 'net', x.net_minor::text, 'gross', x.gross_minor::text, 'vatPercent', (SELECT v.percent::text FROM vat_rule v WHERE v.code = x.vat_code)) ORDER BY x.charge_id) AS charges
       FROM rated_charge x WHERE x.record_id = w.record_id AND x.payer_account_id = w.account_id AND x.role = 'emspSale' AND x.reversal_of IS NULL
         AND NOT EXISTS (SELECT FROM rated_charge m WHERE m.record_id = x.record_id AND m.revision = x.revision AND m.reversal_of = x.charge_id)) c
     JOIN charge_record r ON r.record_id = w.record_id AND r.revision = c.revision
     LEFT JOIN ocpi_location l ON l.site_id = c.site_id LEFT JOIN tariff_version t ON t.id = c.tariff_version_id`,
    paramsOf(keys),
  );
  return new Map(
    rows.map((r) => [
      `${r.record_id}/${r.account_id}`,
      { revision: r.revision, siteId: r.site_id, timeZone: r.time_zone, location: r.location, tariff: r.tariff, record: JSON.parse(r.record) as ChargeRecord, charges: r.charges as SaleCharge[] },
    ]),
  );
}

async function partnersOf(db: Db, peerId: string): Promise<Map<string, { countryCode: string; partyId: string }>> {
  const { rows } = await db.query('SELECT account_id, country_code, party_id FROM ocpi_partner WHERE peer_id = $1', [peerId]);
  return new Map(rows.map((r) => [r.account_id, { countryCode: r.country_code, partyId: r.party_id }]));
}

type NewSale = {
  readonly peerId: string;
  readonly accountId: string;
  readonly recordId: bigint;
  readonly revision: number;
  readonly kind: 'cdr' | 'credit';
  readonly body: OcpiSale;
  readonly creditOf: bigint | null;
  readonly now: Date;
  readonly state: string;
  /** Undefined where nothing is sent. */
  readonly verdict: Verdict | undefined;
};

async function insertSale(db: Db, s: NewSale): Promise<void> {
  const held = s.verdict !== undefined && s.verdict.issues.length > 0 ? s.verdict : undefined;
  await db.query(
    `WITH made AS (INSERT INTO ocpi_sale (peer_id, account_id, record_id, revision, kind, cdr_id, credit_of, body, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id)
     INSERT INTO ocpi_delivery (sale_id, peer_id, record_id, state, issues, rules_version) SELECT id, $1, $3, $10, $11, $12 FROM made`,
    [
      s.peerId,
      s.accountId,
      s.recordId,
      s.revision,
      s.kind,
      s.body.cdrId,
      s.creditOf,
      JSON.stringify(s.body),
      s.now,
      held === undefined ? s.state : 'held',
      held === undefined ? null : JSON.stringify(held.issues),
      held?.rulesVersion ?? null,
    ],
  );
}
