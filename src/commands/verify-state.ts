import { readLivingRun } from '../platform/home.ts';
import { openStore } from '../store/db.ts';
import { type Verification, verifyAll } from '../verify/verify-all.ts';

export type VerifyOptions = {
  readonly home: string;
  readonly databaseUrl: string | undefined;
  readonly json: boolean;
  readonly say: (line: string) => void;
  /** Boots the stack of this home for the duration of `work`. */
  readonly boot: (work: () => Promise<boolean>) => Promise<boolean>;
};

/**
 * `wattledger verify`: on the database of DATABASE_URL, of the running stack, or of one booted for it. Prints each section with the
 * first thing that does not hold; answers whether everything holds.
 */
export async function verifyState({ home, databaseUrl, json, say, boot }: VerifyOptions): Promise<boolean> {
  const url = () => databaseUrl ?? readLivingRun(home)?.databaseUrl;
  const work = async () => {
    const result = await verified(url());
    say(json ? JSON.stringify(result, null, 2) : textOf(result));
    return result.sections.every((section) => section.problem === null);
  };
  return databaseUrl !== undefined || (await answers(url())) ? work() : boot(work);
}

async function verified(url: string | undefined): Promise<Verification> {
  if (url === undefined) throw new Error('no database is known: set DATABASE_URL');
  const store = openStore(url, 1);
  // One line that is written over; in a file it would be noise.
  const show = (text: string) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`);
  try {
    return await verifyAll(store, ({ name, checked }) => show(`${name}: ${checked}`));
  } finally {
    show('');
    await store.close();
  }
}

/** A run file outlives a stack that was killed. */
async function answers(url: string | undefined): Promise<boolean> {
  if (url === undefined) return false;
  const store = openStore(url, 1);
  try {
    await store.pool.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await store.close();
  }
}

function textOf({ sections }: Verification): string {
  const width = Math.max(...sections.map((section) => section.name.length));
  const lines = sections.map(({ name, checked, counts, problem }) => {
    const besides = Object.entries(counts).map(([kind, n]) => `, ${n} ${kind}`);
    return `${problem === null ? 'ok ' : 'BAD'} ${name.padEnd(width)} ${String(checked).padStart(9)} checked${besides.join('')}${problem === null ? '' : `\n    ${problem}`}`;
  });
  const bad = sections.filter((section) => section.problem !== null).length;
  return [...lines, bad === 0 ? 'Everything holds.' : `${bad} of ${sections.length} sections do not hold; each names the first thing found.`].join('\n');
}
