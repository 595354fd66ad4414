import { PrismaPg } from '@prisma/adapter-pg';
import { MortalClient } from './db.ts';
import { PrismaClient } from './generated/client.ts';

/** A typed client for set-up data. What is billed is written by SQL over `Store`; the two share no transaction. */
export type SetUp = Omit<PrismaClient, `$${string}`>;

/** Opens set-up data for reads and CRUD, with the application's role and a small pool of its own. */
export function openSetUp(databaseUrl: string, max = 4): { readonly setUp: SetUp; close(): Promise<void> } {
  // The adapter takes every instant for UTC without looking at its offset, so the session must speak UTC.
  const client = new PrismaClient({ adapter: new PrismaPg({ Client: MortalClient, connectionString: databaseUrl, max, options: '-c TimeZone=UTC -c lock_timeout=30s' }) });
  return { setUp: client, close: () => client.$disconnect() };
}
