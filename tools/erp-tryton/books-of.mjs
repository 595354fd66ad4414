// The books that a legal entity's documents need in Tryton: its chart as it is mapped, the cost centers of its sites, units and homes, the VAT codes, its rates.
import pg from 'pg';

/** Kind of account for each key of the GL mapping, first match wins. */
const kinds = [
  [/^receivable$/, 'receivable'],
  [/^(owner|driver|partner)Payable$/, 'payable'],
  [/^(revenue|revenueReduction)/, 'revenue'],
  [/^(outputVat|agency|reimbursementClearing|accruedShare|accruedPartnerCost|deferredRevenue)/, 'liability'],
  [/^(inputVat|unbilled)/, 'asset'],
];

/** `databaseUrl` is the application's; `years` are those with postings. The shape is what set_up.py takes. */
export async function booksOf({ databaseUrl, entityId, years }) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const query = async (text) => (await client.query(text, [entityId])).rows;
    const [entity] = await query('SELECT name, currency, time_zone, fx_source FROM legal_entity WHERE id = $1');
    if (entity === undefined) throw new RangeError(`no entity "${entityId}"`);
    const mapping = await query('SELECT key, gl_account FROM gl_mapping m WHERE entity_id = $1 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = m.entity_id) ORDER BY key');
    const accounts = new Map(mapping.map((m) => [m.gl_account, { code: m.gl_account, name: m.key, kind: kinds.find(([key]) => key.test(m.key))?.[1] ?? 'expense' }]));
    const accountOf = (key) => mapping.find((m) => m.key === key)?.gl_account;
    const centers = await query(
      `SELECT cost_center AS code FROM legal_entity WHERE id = $1 AND cost_center IS NOT NULL UNION SELECT cost_center FROM site WHERE entity_id = $1
       UNION SELECT cost_center FROM rated_charge WHERE entity_id = $1 UNION SELECT l.cost_center FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.entity_id = $1 ORDER BY 1`,
    );
    const vatCodes = await query('SELECT DISTINCT code FROM vat_rule WHERE $1::text IS NOT NULL ORDER BY 1');
    // With six decimals Tryton takes how much of the currency there is for one of the company's.
    const rates = await query(
      `SELECT DISTINCT ON (f.currency, f.rate_on) f.currency, f.rate_on::text AS date, round(1 / f.rate, 6)::text AS rate FROM fx_rate f
       JOIN legal_entity e ON e.id = $1 AND f.source = e.fx_source AND f.into_currency = e.currency ORDER BY f.currency, f.rate_on, f.version DESC`,
    );
    const currencies = [...new Set(rates.map((r) => r.currency.trim()))].map((code) => ({ code, rates: rates.filter((r) => r.currency.trim() === code).map(({ date, rate }) => ({ date, rate })) }));
    return { company: { name: entity.name, currency: entity.currency.trim(), timeZone: entity.time_zone }, currencies, accounts: [...accounts.values()], exchange: accountOf('fxDifference') ?? accountOf('rounding'), costCenters: centers.map((c) => c.code), vatCodes: vatCodes.map((v) => v.code), years };
  } finally {
    await client.end();
  }
}
