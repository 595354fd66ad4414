// The floor of `bench:cycle`: one SQL that groups the charges of a month to documents with their VAT lines, and claims each charge for its document.
import pg from 'pg';

const sql = `WITH vat AS (
    INSERT INTO bench_vat_line (account_id, currency, vat_code, net_minor, gross_minor, energy_wh, charges)
    SELECT coalesce(payer_account_id, payee_account_id), currency, vat_code, sum(net_minor), sum(gross_minor), sum(energy_wh), count(*) FROM rated_charge WHERE entity_id = 'ent_se' AND service_month = '2019-12' GROUP BY 1, 2, 3
    RETURNING *
  ), invoice AS (
    INSERT INTO bench_invoice (account_id, currency, net_minor, gross_minor, energy_wh, charges)
    SELECT account_id, currency, sum(net_minor), sum(gross_minor), sum(energy_wh), sum(charges) FROM vat GROUP BY 1, 2 RETURNING id, account_id, currency
  )
  INSERT INTO bench_claim (charge_id, invoice_id)
  SELECT c.charge_id, i.id FROM rated_charge c JOIN invoice i ON i.account_id = coalesce(c.payer_account_id, c.payee_account_id) AND i.currency = c.currency WHERE c.entity_id = 'ent_se' AND c.service_month = '2019-12'`;

/** Seconds it takes in this copy, whose tables for it are gone afterwards. */
export async function groupAndClaim({ adminUrl, checkpoint }) {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(`CREATE TABLE bench_invoice (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id text NOT NULL, currency text NOT NULL, net_minor bigint, gross_minor bigint, energy_wh bigint, charges bigint);
      CREATE TABLE bench_vat_line (account_id text NOT NULL, currency text NOT NULL, vat_code text NOT NULL, net_minor bigint, gross_minor bigint, energy_wh bigint, charges bigint, PRIMARY KEY (account_id, currency, vat_code));
      CREATE TABLE bench_claim (charge_id bigint PRIMARY KEY, invoice_id bigint NOT NULL)`);
    await checkpoint();
    const started = process.hrtime.bigint();
    await client.query(sql);
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    await client.query('DROP TABLE bench_claim, bench_vat_line, bench_invoice');
    return seconds;
  } finally {
    await client.end();
  }
}
