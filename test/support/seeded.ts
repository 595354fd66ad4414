import type { Seed } from '../../src/contracts/seed.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { applySeed, readSeed } from '../../src/store/seed.ts';
import { freshDatabase, type TestDatabase } from './database.ts';

export type Seeded = { readonly store: Store; readonly database: TestDatabase; readonly seed: Seed; readonly drop: () => Promise<void> };

/** A database of its own with the set-up of seed/`file`.yaml, as `changed` makes it; `drop` closes what is open and takes it away. */
export async function seeded(file = 'demo', changed: (seed: Seed) => Seed = (seed) => seed): Promise<Seeded> {
  const database = await freshDatabase();
  const store = openStore(database.url);
  const seed = changed(await seedOf(file));
  await store.tx((db) => applySeed(db, seed));
  const drop = async () => {
    await store.close();
    await database.drop();
  };
  return { store, database, seed, drop };
}

/** What seed/`file`.yaml says. */
export const seedOf = (file = 'demo'): Promise<Seed> => readSeed(new URL(`../../seed/${file}.yaml`, import.meta.url).pathname);
