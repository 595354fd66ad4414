import type { PreviewRuleCode } from '../../core/cycle/preview-rules.ts';
import { siteHoldings } from '../site-holdings.ts';
import { limitIn, ratesOfRun } from './limit-in.ts';
import { shareRoles } from './owner-contracts.ts';
import { previewAccounts } from './record-preview.ts';
import { shapeRuleQueries } from './shape-rule-queries.ts';
import { amongIds, withinIds } from './whole-run.ts';

type Limits = Readonly<Record<string, number>>;
export type RuleScope = 'session' | 'account' | 'price' | 'run';
/**
 * How a rule finds what it names: rows of (subject, account_id, record_id, currency, params); parameters that `money` names are minor units of
 * the currency; `parts` go before it. `session`: looks at what is claimed, of the accounts of $2 alone. `account`: looks at what was built of theirs. `price` and `run`: looks at sums of the whole run ($1), which every change moves; two scopes, since they take as long as each other.
 */
type RuleQuery = { readonly scope: RuleScope; readonly money?: readonly string[]; readonly parts?: (limits: Limits) => string; readonly sql: (limits: Limits) => string };

/** Net of a kWh in minor units, exact. */
const perKwh = 'sum(net_minor) * 1000 / sum(energy_wh)';
const pricesOf = (cells: string, more = '') =>
  `SELECT ${more} account_id, role, currency, site_id, ${perKwh} AS price, sum(energy_wh) AS wh FROM ${cells} WHERE nature IN ('sale', 'late') AND component LIKE 'ENERGY/%' AND energy_wh > 0 GROUP BY ${more} account_id, role, currency, site_id`;
const median = (of: string) => `percentile_disc(0.5) WITHIN GROUP (ORDER BY ${of})`;

/** What the queries share; only what one names is computed. Former months are those of live runs that have a preview, newest first. */
const ofBoth = `WITH run AS (SELECT r.*, e.country, e.currency, e.fx_source FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1),
  doc AS (SELECT d.*, a.category FROM document d JOIN account a ON a.id = d.account_id WHERE d.run_id = $1 AND d.state <> 'discarded')`;
// What customers are billed: a session is judged once, not again on the document of the site's owner. As it was summed when the set closed, where no correction is among it; else by its charges.
const ofSessions = `${ofBoth},
  kept AS MATERIALIZED (
    SELECT account_id, record_id, bool_or(bears) AS bears_energy
    FROM (SELECT account_id, unnest(record_ids) AS record_id, energy_wh > 0 AS bears FROM claim_sum WHERE run_id = $1 AND account_id = ANY($2) AND role NOT IN ${shareRoles} AND NOT of_month) k GROUP BY 1, 2),
  unkept AS MATERIALIZED (SELECT a.account_id FROM unnest($2::text[]) AS a(account_id) WHERE a.account_id NOT IN (SELECT account_id FROM claim_sum WHERE run_id = $1)),
  mine AS MATERIALIZED (SELECT account_id, charge_id FROM claim WHERE run_id = $1 AND ${amongIds('claim.account_id', 'unkept')} AND disposition = 'document'),
  corrected AS MATERIALIZED (
    SELECT k.account_id, c.record_id, c.revision, sum(c.energy_wh) > 0 AS bears_energy, bool_or(c.reversal_of IS NULL) AS stands FROM mine k JOIN rated_charge c ON c.charge_id = k.charge_id AND ${withinIds('c.charge_id', 'mine')}
    WHERE c.record_id IS NOT NULL AND c.payer_account_id IS NOT NULL GROUP BY 1, 2, 3),
  billed AS MATERIALIZED (SELECT account_id, record_id, 1 AS revision, bears_energy, true AS stands FROM kept UNION ALL SELECT * FROM corrected),
  reach AS MATERIALIZED (SELECT min(record_id) AS first, max(record_id) AS last FROM billed),
  session AS (SELECT c.account_id, c.record_id, c.stands, c.bears_energy, b.site_id, b.start_at, b.end_at, b.energy_wh FROM billed c
    JOIN charge_record b ON b.record_id = c.record_id AND b.revision = c.revision AND b.record_id BETWEEN (SELECT first FROM reach) AND (SELECT last FROM reach)),
  billed_record AS (SELECT account_id, record_id FROM kept UNION ALL SELECT DISTINCT account_id, record_id FROM corrected WHERE stands)`;
const ofRun = `${ofBoth},
  ${ratesOfRun},
  acct AS (${previewAccounts('$1')}),
  cell AS (SELECT x.* FROM preview_cell x JOIN acct a ON (a.run_id, a.account_id, a.build, a.currency) = (x.run_id, x.account_id, x.build, x.currency) WHERE NOT x.excluded),
  price AS (${pricesOf('cell')}),
  segment AS (SELECT role, currency, ${median('price')} AS mid FROM price GROUP BY 1, 2),
  former AS (SELECT f.id, row_number() OVER (ORDER BY f.period_end DESC) AS back FROM billing_run f JOIN run ON f.calendar_id = run.calendar_id AND f.period_end < run.period_end
    WHERE f.kind = 'live' AND f.state <> 'cancelled' AND f.selection IS NULL AND EXISTS (SELECT FROM preview_build b WHERE b.run_id = f.id) ORDER BY f.period_end DESC LIMIT 6),
  past AS (SELECT * FROM (SELECT f.back, p.*, max(p.build) OVER (PARTITION BY p.run_id, p.account_id) AS newest FROM former f JOIN preview_account p ON p.run_id = f.id) b WHERE build = newest),
  past_cell AS (SELECT p.back, x.* FROM past p JOIN preview_cell x ON (x.run_id, x.account_id, x.build, x.currency) = (p.run_id, p.account_id, p.build, p.currency) WHERE NOT x.excluded)`;
export const previewBasis: Readonly<Record<RuleScope, string>> = { session: ofSessions, account: ofBoth, price: ofRun, run: ofRun };

/** One query per rule of `core/cycle/preview-rules`. */
export const previewRuleQueries: Readonly<Record<PreviewRuleCode, RuleQuery>> = {
  ...shapeRuleQueries,
  documentAbove: {
    scope: 'run',
    money: ['computed', 'limit'],
    sql: (limits) => `SELECT d.id AS subject, d.account_id, NULL::bigint AS record_id, d.currency, jsonb_build_object('computed', d.payable_minor, 'limit', x.minor, 'strategy', d.strategy) AS params
      FROM doc d JOIN (VALUES ${Object.entries(limits)
        .map(([name, minor]) => `('${name.replace(/Minor$/, '')}', ${minor}::bigint)`)
        .join(', ')}) AS m(strategy, minor) ON m.strategy = d.strategy CROSS JOIN LATERAL (SELECT ${limitIn('d.currency', 'm.minor')} AS minor) x WHERE d.payable_minor > x.minor`,
  },
  documentNegative: {
    scope: 'run',
    money: ['computed'],
    sql: () => `SELECT d.id AS subject, d.account_id, NULL::bigint AS record_id, d.currency, jsonb_build_object('computed', d.payable_minor) AS params
      FROM doc d WHERE d.payable_minor < 0 AND (d.type NOT IN ('creditNote', 'selfBillingCredit') OR d.type = 'creditNote' AND d.credits_document_id IS NULL)`,
  },
  vatMissing: {
    scope: 'account',
    money: ['computed'],
    sql: () => `SELECT d.id AS subject, d.account_id, NULL::bigint AS record_id, d.currency, jsonb_build_object('computed', sum(l.net_minor), 'code', l.vat_code) AS params
      FROM doc d JOIN document_line l ON l.document_id = d.id JOIN vat_rule v ON v.code = l.vat_code
      WHERE d.account_id = ANY($2) AND coalesce(v.percent, 0) = 0 AND v.category NOT IN ('AE', 'O') GROUP BY d.id, d.account_id, d.currency, l.vat_code HAVING sum(l.net_minor) <> 0`,
  },
  vatCodeUnfit: {
    scope: 'account',
    money: ['computed'],
    parts: () => 'standard AS (SELECT o.country, max(o.percent) AS percent FROM vat_rule o JOIN run ON o.valid_to IS NULL OR o.valid_to > run.period_start GROUP BY 1)',
    sql: () => `SELECT d.id AS subject, d.account_id, NULL::bigint AS record_id, d.currency, jsonb_build_object('computed', sum(l.net_minor), 'code', l.vat_code, 'why', w.why) AS params
      FROM doc d JOIN run ON true JOIN document_line l ON l.document_id = d.id JOIN vat_rule v ON v.code = l.vat_code LEFT JOIN standard t ON t.country = v.country LEFT JOIN site s ON s.id = l.site_id
      CROSS JOIN LATERAL (SELECT CASE
        WHEN v.percent > 0 AND d.category IN ('driver', 'fleet', 'eMSP') AND v.country <> coalesce(s.country, run.country) THEN 'a supply in ' || coalesce(s.country, run.country)
        WHEN v.percent > 0 AND v.percent < t.percent THEN 'electricity, which bears the standard rate of ' || v.country
        WHEN v.category = 'AE' AND d.category = 'driver' THEN 'a consumer' END AS why) w
      WHERE d.account_id = ANY($2) AND w.why IS NOT NULL GROUP BY d.id, d.account_id, d.currency, l.vat_code, w.why HAVING sum(l.net_minor) <> 0`,
  },
  priceOutOfBand: {
    scope: 'price',
    money: ['computed', 'limit'],
    sql: ({ minPercent, maxPercent, minWh }) => `SELECT p.account_id AS subject, p.account_id, NULL::bigint AS record_id, p.currency,
        jsonb_build_object('computed', round(p.price), 'limit', round(m.mid), 'percent', round(p.price * 100 / m.mid), 'segment', p.role, 'site', p.site_id) AS params
      FROM price p JOIN segment m ON m.role = p.role AND m.currency = p.currency
      WHERE p.wh >= ${minWh} AND p.price <> 0 AND m.mid > 0 AND (p.price * 100 < m.mid * ${minPercent} OR p.price * 100 > m.mid * ${maxPercent})`,
  },
  segmentPriceMoved: {
    scope: 'price',
    money: ['computed', 'limit'],
    parts: () => `before AS (SELECT role, currency, ${median('price')} AS mid, count(DISTINCT account_id) AS n FROM (${pricesOf('past_cell', 'back,')}) p WHERE back <= 3 GROUP BY 1, 2)`,
    sql: ({ minPercent, maxPercent, minAccounts }) => `SELECT n.role AS subject, NULL::text AS account_id, NULL::bigint AS record_id, n.currency,
        jsonb_build_object('computed', round(n.mid), 'limit', round(b.mid), 'percent', round(n.mid * 100 / b.mid), 'segment', n.role) AS params
      FROM segment n JOIN before b ON b.role = n.role AND b.currency = n.currency
      WHERE b.mid > 0 AND b.n >= ${minAccounts} AND (n.mid * 100 < b.mid * ${minPercent} OR n.mid * 100 > b.mid * ${maxPercent})
        AND (SELECT count(DISTINCT p.account_id) FROM price p WHERE p.role = n.role AND p.currency = n.currency) >= ${minAccounts}`,
  },
  energyFree: {
    scope: 'run',
    sql: ({ minWh }) => `SELECT account_id AS subject, account_id, NULL::bigint AS record_id, currency, jsonb_build_object('computed', sum(energy_wh), 'site', site_id) AS params
      FROM cell WHERE nature IN ('sale', 'late') AND role LIKE '%Sale' AND component LIKE 'ENERGY/%' GROUP BY account_id, currency, site_id HAVING sum(energy_wh) >= ${minWh} AND sum(net_minor) = 0`,
  },
  energyJump: {
    scope: 'run',
    sql: ({ percent, minWh, minMonths }) => jump('energy_wh', percent, minWh, minMonths),
  },
  sessionsJump: {
    scope: 'run',
    sql: ({ percent, minSessions, minMonths }) => jump('sessions', percent, minSessions, minMonths),
  },
  tariffsMixed: {
    scope: 'run',
    sql: ({ maxTariffs }) => `SELECT a.site_id AS subject, NULL::text AS account_id, NULL::bigint AS record_id, NULL::text AS currency,
        jsonb_build_object('computed', count(DISTINCT t.tariff_id), 'segment', a.category, 'tariffs', string_agg(DISTINCT t.tariff_id, ', ')) AS params
      FROM (SELECT DISTINCT c.site_id, a.category, c.tariff_version_id FROM cell c JOIN account a ON a.id = c.account_id WHERE c.nature = 'sale') a JOIN tariff_version t ON t.id = a.tariff_version_id
      WHERE EXISTS (SELECT FROM price_assignment p WHERE p.tariff_id = t.tariff_id AND p.segment = a.category)
      GROUP BY a.site_id, a.category HAVING count(DISTINCT t.tariff_id) > ${maxTariffs}`,
  },
  sessionAbovePower: {
    scope: 'session',
    sql: ({ slackPercent, slackWh, maxWh }) => `SELECT r.record_id::text AS subject, r.account_id, r.record_id, NULL::text AS currency,
        jsonb_build_object('record', r.record_id, 'computed', r.energy_wh, 'limit', least(r.most, ${maxWh})) AS params
      FROM (SELECT DISTINCT b.account_id, b.record_id, b.energy_wh, p.most
        FROM session b JOIN site s ON s.id = b.site_id
        CROSS JOIN LATERAL (SELECT (s.connector_power_w * extract(epoch FROM b.end_at - b.start_at)::bigint * (100 + ${slackPercent}) / 360000 + ${slackWh})::bigint AS most) p
        WHERE b.stands AND b.energy_wh > least(p.most, ${maxWh})) r`,
  },
  sessionTwice: {
    scope: 'session',
    sql: () => `SELECT max(r.record_id)::text AS subject, r.account_id, max(r.record_id) AS record_id, NULL::text AS currency,
        jsonb_build_object('record', max(r.record_id), 'other', min(r.record_id), 'computed', r.energy_wh, 'start', to_char(r.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) AS params
      FROM (SELECT * FROM session WHERE bears_energy AND energy_wh > 0) r
      GROUP BY r.account_id, r.site_id, r.start_at, r.end_at, r.energy_wh HAVING min(r.record_id) <> max(r.record_id)`,
  },
  sessionDoubtful: {
    scope: 'session',
    sql: ({
      toleranceS,
    }) => `SELECT r.account_id AS subject, r.account_id, min(r.record_id) AS record_id, NULL::text AS currency, jsonb_build_object('computed', count(*), 'record', min(r.record_id)) AS params
      FROM billed_record r
      WHERE EXISTS (SELECT FROM finding f WHERE f.record_id = r.record_id AND f.run_id IS NULL AND f.code = 'durationMismatch' AND f.severity = 'warns' AND abs(f.computed::numeric - f.allowed::numeric) > ${toleranceS}) GROUP BY r.account_id`,
  },
  tokenMoved: {
    scope: 'session',
    parts: () => `used AS (SELECT c.account_id, s.source_id, s.token_ref, count(*) AS n FROM billed_record c JOIN session_span s ON s.record_id = c.record_id GROUP BY 1, 2, 3)`,
    sql: ({ minSessions }) => `SELECT u.account_id AS subject, u.account_id, NULL::bigint AS record_id, NULL::text AS currency, jsonb_build_object('computed', sum(u.n), 'other', u.other) AS params
      FROM (SELECT used.account_id, h.account_id AS other, used.token_ref, max(used.n) AS n FROM used
          JOIN session_span o ON o.token_ref = used.token_ref AND o.source_id = used.source_id AND o.start_at < (SELECT period_start FROM run) AND o.start_at >= (SELECT period_start - interval '3 months' FROM run)
          JOIN record_head h ON h.record_id = o.record_id AND h.account_id <> used.account_id AND h.state = 'booked'
        GROUP BY 1, 2, 3 HAVING count(*) >= ${minSessions}) u GROUP BY u.account_id, u.other`,
  },
  feeRepeated: {
    scope: 'account',
    money: ['computed'],
    // Two segments of a month may come to the same amount: they are of one contract and clause.
    sql: () => `SELECT c.account_id AS subject, c.account_id, NULL::bigint AS record_id, c.currency, jsonb_build_object('computed', c.net_minor, 'times', count(*), 'what', c.role || ' ' || c.service_month) AS params
      FROM period_charge c WHERE c.run_id = $1 AND c.account_id = ANY($2) AND c.role IN ('subscriptionFee', 'advanceFee') AND c.net_minor <> 0
      GROUP BY c.account_id, c.currency, c.net_minor, c.role, c.service_month, c.site_id, c.cost_center, c.customer_cost_center, c.vat_code HAVING count(DISTINCT (c.contract_id, c.clause)) > 1
      UNION ALL SELECT j.account_id, j.account_id, NULL, j.currency, jsonb_build_object('computed', j.amount_minor, 'times', count(*), 'what', j.description)
      FROM adjustment j WHERE j.run_id = $1 AND j.account_id = ANY($2) AND j.withdrawn_at IS NULL GROUP BY j.account_id, j.currency, j.amount_minor, j.description HAVING count(*) > 1`,
  },
  adjustmentLarge: {
    scope: 'run',
    money: ['computed', 'limit'],
    parts: () => `besides AS (SELECT account_id, currency, sum(net_minor) AS net FROM cell WHERE nature <> 'manual' GROUP BY 1, 2)`,
    sql: ({
      percent,
      minMinor,
    }) => `SELECT j.id AS subject, j.account_id, NULL::bigint AS record_id, j.currency, jsonb_build_object('adjustment', j.id, 'computed', j.amount_minor, 'limit', coalesce(b.net, 0)) AS params
      FROM adjustment j LEFT JOIN besides b ON b.account_id = j.account_id AND b.currency = j.currency
      WHERE j.run_id = $1 AND j.withdrawn_at IS NULL AND abs(j.amount_minor) > ${limitIn('j.currency', minMinor ?? 0)} AND abs(j.amount_minor) * 100 > ${percent} * abs(coalesce(b.net, 0))`,
  },
  siteEarnsNothing: {
    scope: 'run',
    money: ['limit'],
    parts: ({ minMonths }) => `earned AS (SELECT back, site_id, currency, sum(net_minor) AS net FROM past_cell WHERE nature = 'sale' AND back <= ${minMonths} GROUP BY 1, 2, 3)`,
    sql: ({ minMinor, minMonths }) => `SELECT e.site_id AS subject, NULL::text AS account_id, NULL::bigint AS record_id, e.currency, jsonb_build_object('limit', ${median('e.net')}) AS params
      FROM earned e WHERE e.site_id IS NOT NULL AND NOT EXISTS (SELECT FROM cell c WHERE c.site_id = e.site_id AND c.nature IN ('sale', 'late') AND c.net_minor > 0)
      GROUP BY e.site_id, e.currency HAVING count(*) = ${minMonths} AND min(e.net) >= ${limitIn('e.currency', minMinor ?? 0)}`,
  },
  ownerShareMissing: {
    scope: 'run',
    money: ['computed'],
    parts:
      () => `stated AS (SELECT DISTINCT c.site_id FROM run JOIN rated_charge c ON c.entity_id = run.entity_id AND c.service_month BETWEEN run.first_month AND run.period AND c.record_id IS NULL AND c.role = 'statement'),
        sharing AS (SELECT k.account_id FROM run JOIN contract_version v ON v.valid_from < run.period_end AND v.valid_to > run.period_start JOIN contract k ON k.id = v.contract_id AND k.kind = 'revenueShare'
          WHERE v.clauses @? '$.clauses[*] ? (@.kind == "netShare")'),
        before AS (SELECT DISTINCT site_id FROM past_cell WHERE back <= 3 AND role IN ('siteShareEstimate', 'energyReimbursement')),
        held AS (SELECT h.site_id, h.owner_account_id FROM run JOIN ${siteHoldings} h ON h.valid_from <= run.period_start AND h.valid_to >= run.period_end)`,
    sql: ({ minMinor }) => `SELECT c.site_id AS subject, NULL::text AS account_id, NULL::bigint AS record_id, c.currency,
        jsonb_build_object('computed', sum(c.unshared_minor), 'why', CASE WHEN h.owner_account_id IS NULL THEN ', though it was in former months' ELSE ' with its owner' END) AS params
      FROM cell c JOIN run ON true JOIN site s ON s.id = c.site_id AND s.kind = 'own' LEFT JOIN held h ON h.site_id = s.id
      WHERE c.unshared_minor <> 0 AND (h.owner_account_id IN (SELECT account_id FROM sharing)
          OR s.id IN (SELECT site_id FROM before) AND NOT EXISTS (SELECT FROM site_holder o WHERE o.site_id = s.id AND o.owner_account_id IS NULL AND o.valid_from < run.period_end)) AND s.id NOT IN (SELECT site_id FROM stated WHERE site_id IS NOT NULL)
      GROUP BY c.site_id, c.currency, h.owner_account_id HAVING sum(c.unshared_minor) >= ${limitIn('c.currency', minMinor ?? 0)}`,
  },
  customerMissing: {
    scope: 'run',
    sql: ({ months }) => `SELECT p.account_id AS subject, p.account_id, NULL::bigint AS record_id, a.currency, jsonb_build_object('limit', ${months}) AS params
      FROM past p JOIN account a ON a.id = p.account_id AND a.category IN ('driver', 'fleet', 'eMSP')
      WHERE p.back <= ${months} AND p.documents > 0 AND NOT EXISTS (SELECT FROM acct n WHERE n.account_id = p.account_id AND n.documents > 0)
        AND NOT EXISTS (SELECT FROM acct n JOIN preview_cell x ON (x.run_id, x.account_id, x.build) = (n.run_id, n.account_id, n.build) AND x.excluded WHERE n.account_id = p.account_id)
      GROUP BY p.account_id, a.currency HAVING count(DISTINCT p.back) = ${months}`,
  },
};

/** Accounts whose figure is `percent` of the median of their former months or more, by `least` at least. */
function jump(column: 'energy_wh' | 'sessions', percent = 0, least = 0, minMonths = 0): string {
  const whole = (rows: string, more = '') => `(SELECT ${more} account_id, sum(${column})::bigint AS n FROM ${rows} GROUP BY ${more} account_id)`;
  return `SELECT n.account_id AS subject, n.account_id, NULL::bigint AS record_id, a.currency, jsonb_build_object('computed', n.n, 'limit', m.mid, 'percent', n.n * 100 / m.mid) AS params
    FROM ${whole('acct')} n JOIN account a ON a.id = n.account_id JOIN (SELECT account_id, ${median('n')} AS mid, count(*) AS months FROM ${whole('past', 'back,')} p WHERE n > 0 GROUP BY 1) m ON m.account_id = n.account_id
    WHERE m.months >= ${minMonths} AND n.n * 100 >= m.mid * ${percent} AND n.n - m.mid >= ${least}`;
}
