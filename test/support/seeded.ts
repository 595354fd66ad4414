import type { Seed } from '../../src/contracts/seed.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { applySeed, readSeed } from '../../src/store/seed.ts';
import { freshDatabase, type TestDatabase } from './database.ts';

/** A database of its own with a seed file's set-up, or what is made of it; `drop` closes what is open and takes it away. */
export async function seeded(file = 'demo', setUp: (seed: Seed) => Seed = (seed) => seed): Promise<{ readonly store: Store; readonly database: TestDatabase; readonly drop: () => Promise<void> }> {
  const database = await freshDatabase();
  const store = openStore(database.url);
  const seed = await readSeed(new URL(`../../seed/${file}.yaml`, import.meta.url).pathname);
  await store.tx((db) => applySeed(db, setUp(seed)));
  const drop = async () => {
    await store.close();
    await database.drop();
  };
  return { store, database, drop };
}
