import type { Seed } from '../../src/contracts/seed.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { applySeed, readSeed } from '../../src/store/seed.ts';
import { filledDatabase, freshDatabase, type TestDatabase } from './database.ts';

export type Seeded = { readonly store: Store; readonly database: TestDatabase; readonly seed: Seed; readonly drop: () => Promise<void> };

/** A database of its own with the set-up of seed/`file`.yaml, as `changed` makes it; `drop` closes what is open and takes it away. */
export async function seeded(file = 'demo', changed?: (seed: Seed) => Seed): Promise<Seeded> {
  const asFiled = await seedOf(file);
  const seed = changed === undefined ? asFiled : changed(asFiled);
  const database = changed === undefined ? await filledDatabase(`seeded_${file.replaceAll('-', '_')}`, (url) => fill(url, seed)) : await freshDatabase();
  if (changed !== undefined) await fill(database.url, seed);
  const store = openStore(database.url);
  const drop = async () => {
    await store.close();
    await database.drop();
  };
  return { store, database, seed, drop };
}

async function fill(url: string, seed: Seed): Promise<void> {
  const store = openStore(url);
  await store.tx((db) => applySeed(db, seed));
  await store.close();
}

/** What seed/`file`.yaml says. */
export const seedOf = (file = 'demo'): Promise<Seed> => readSeed(new URL(`../../seed/${file}.yaml`, import.meta.url).pathname);
