// A database with a month of records in it, filled once by the real import, and copies of it to work on.
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { seedSchema } from '../dist/contracts/seed.js';
import { ensurePartitions, migrate } from '../dist/store/migrate.js';
import { openStore } from '../dist/store/db.js';
import { applySeed, readSeed } from '../dist/store/seed.js';
import { importAndWorkOff } from './bulk-import.mjs';
import { accountCount, monthSeed, transactionOf } from './cycle-month.mjs';

const linesPerFile = 50_000;

export async function fillMonth({ platform, records }) {
  const at = (url, database) => {
    const own = new URL(url);
    own.pathname = database;
    return own.href;
  };
  const name = `month_${records}`;
  const maintain = (sql, database = 'postgres') => once(at(platform.superuserUrl, database), sql);
  const known = await maintain(`SELECT 1 FROM pg_database WHERE datname = '${name}'`);
  if (known.rowCount === 0) {
    await maintain('DROP DATABASE IF EXISTS filling WITH (FORCE)');
    await maintain('CREATE DATABASE filling TEMPLATE template0 OWNER wattledger_owner');
    await fill({ databaseUrl: at(platform.databaseUrl, 'filling'), adminUrl: at(platform.databaseAdminUrl, 'filling'), records });
    // As autovacuum leaves it, in time.
    await maintain('VACUUM ANALYZE', 'filling');
    await leftAlone(maintain, 'filling');
    await maintain(`ALTER DATABASE filling RENAME TO ${name}`);
  } else await migrate(at(platform.databaseAdminUrl, name));
  const { rows } = await once(at(platform.databaseAdminUrl, name), 'SELECT (SELECT count(*) FROM rated_charge) AS charges');
  return {
    accounts: accountCount,
    charges: Number(rows[0].charges),
    async copy() {
      await maintain('DROP DATABASE IF EXISTS month_copy WITH (FORCE)');
      await maintain(`CREATE DATABASE month_copy TEMPLATE ${name} OWNER wattledger_owner STRATEGY FILE_COPY`);
      return {
        databaseUrl: at(platform.databaseUrl, 'month_copy'),
        adminUrl: at(platform.databaseAdminUrl, 'month_copy'),
        checkpoint: () => maintain('CHECKPOINT'),
        drop: () => maintain('DROP DATABASE month_copy WITH (FORCE)'),
      };
    },
  };
}

/** Waits until nobody is connected any more: the lanes of a large import stay for half a minute after their last page. */
async function leftAlone(maintain, database) {
  for (let tries = 0; tries < 90; tries += 1) {
    const { rows } = await maintain(`SELECT count(*) AS n FROM pg_stat_activity WHERE datname = '${database}'`);
    if (Number(rows[0].n) === 0) return;
    await setTimeout(1000);
  }
}

async function fill({ databaseUrl, adminUrl, records }) {
  await migrate(adminUrl);
  const store = openStore(databaseUrl);
  try {
    const seed = seedSchema.parse(monthSeed(await readSeed(path.resolve(import.meta.dirname, '../seed/demo.yaml'))));
    await store.tx((db) => applySeed(db, seed));
    await once(adminUrl, 'ANALYZE');
    const started = Date.now();
    for (let from = 0; from < records; from += linesPerFile) {
      const n = Math.min(linesPerFile, records - from);
      const bytes = Buffer.from(`${Array.from({ length: n }, (_, i) => JSON.stringify(transactionOf(from + i, records))).join('\n')}\n`);
      await importAndWorkOff(store, bytes, { sourceId: 'csms', fileName: `${from}.ndjson` });
      await ensurePartitions(adminUrl);
    }
    console.log(`imported at ${Math.round((records / (Date.now() - started)) * 1000).toLocaleString('en')} records/s`);
  } finally {
    await store.close();
  }
}

async function once(connectionString, sql) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}
