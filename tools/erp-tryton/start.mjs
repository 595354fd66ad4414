// npm run erp:tryton: a real Tryton with the books of the sample operator, on a PostgreSQL of its own. Ctrl-C stops it; its books are kept.
// usage: start.mjs [--home DIR] [--port 8000]
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../../dist/config.js';
import { startPlatform } from '../../dist/platform/start-platform.js';
import { openStore } from '../../dist/store/db.js';
import { migrate } from '../../dist/store/migrate.js';
import { applySeed, readSeed } from '../../dist/store/seed.js';
import { trytonFolder } from '../../dist/demo/tryton-books.js';
import { booksOf } from './books-of.mjs';
import { databaseExists, ensureTryton, makeBooks, makeTemplate, serve } from './tryton.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const config = loadConfig();
const home = path.resolve(option('--home', trytonFolder(config.home)));
const database = 'tryton_books';
const say = (line) => console.log(line);
// From the first year of the sessions to the next one, which a run of December posts into.
const years = Array.from({ length: new Date().getFullYear() - 2018 + 2 }, (_, i) => 2018 + i);

mkdirSync(home, { recursive: true });
chmodSync(home, 0o711);
const undo = [];
let stopped = false;
async function stop() {
  if (stopped) return;
  stopped = true;
  for (const step of undo.reverse()) await step();
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop().then(() => process.exit(0)));
try {
  // Only its PostgreSQL: no workflow runs here.
  const platform = await startPlatform({ home, cache: config.cache, durable: true, headless: true, temporalAddress: '127.0.0.1:1', onProgress: say, onLost: ended });
  undo.push(() => platform.stop());
  const bin = await ensureTryton({ cache: config.cache, onProgress: say });
  const at = { bin, server: platform.superuserUrl, folder: home };
  const place = { ...at, ...(await makeTemplate({ ...at, onProgress: say })), database };
  if (!(await databaseExists(platform.superuserUrl, database))) {
    say('making the books of the sample operator');
    await migrate(platform.databaseAdminUrl);
    const store = openStore(platform.databaseUrl);
    const seed = await readSeed(path.join(root, 'seed/demo.yaml'));
    await store.tx((db) => applySeed(db, seed));
    await store.close();
    await makeBooks({ ...place, books: await booksOf({ databaseUrl: platform.databaseUrl, entityId: seed.entity.id, years }) });
  }
  const server = await serve({ ...place, port: Number(option('--port', '8000')), onEnd: (words) => ended(`Tryton ended: ${words.trim().split('\n').at(-1)}`) });
  undo.push(() => server.stop());
  const settings = { url: server.url, database, user: 'admin', passwordFile: place.passwordFile };
  writeFileSync(path.join(home, 'connection.json'), `${JSON.stringify(settings, null, 2)}\n`);
  say(`Tryton is at ${server.url}, database ${database}, user admin, password in ${place.passwordFile}. Ctrl-C stops it.`);
  say('  the demo hands over to it with: npm run demo -- --erp tryton, in another terminal');
} catch (error) {
  await stop();
  fail(error);
}

/** A server ended by itself. */
function ended(words) {
  if (!stopped) void stop().then(() => fail(new Error(words)));
}

function fail(error) {
  console.error(`erp:tryton: ${error.message}`);
  process.exit(1);
}
