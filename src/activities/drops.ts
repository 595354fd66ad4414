import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parserFor } from '../adapters/sources/registry.ts';
import { describeIssue } from '../core/issues.ts';
import { importFile } from '../store/commands/import-file.ts';
import type { Store } from '../store/db.ts';

/** Batches that were stored and are to be worked off, and files that could not be taken, with why. */
export type Drops = {
  readonly batches: readonly { readonly batchId: string; readonly fileName: string; readonly duplicate: boolean }[];
  readonly failed: readonly { readonly fileName: string; readonly why: string }[];
};
export type DropFolder = { readonly root: string; readonly sourceId: string; readonly settleMs: number; readonly now: Date };

const maxFileBytes = 512 * 1024 * 1024;
const actor = 'drop-folder';

/**
 * Takes the files in `root/sourceId` that have settled, in order of their names: stored, then moved to `done`, or to `failed` with a note
 * why. Killed in between, the next look finds the file again and its batch stored already. Names that begin with a dot or end in `.part`
 * are still being written.
 */
export async function collectDrops(store: Store, { root, sourceId, settleMs, now }: DropFolder): Promise<Drops> {
  const folder = path.join(root, sourceId);
  await mkdir(path.join(folder, 'done'), { recursive: true });
  await mkdir(path.join(folder, 'failed'), { recursive: true });
  const entries = (await readdir(folder, { withFileTypes: true })).filter((e) => e.isFile() && !e.name.startsWith('.') && !e.name.endsWith('.part'));
  const batches: Drops['batches'][number][] = [];
  const failed: Drops['failed'][number][] = [];
  for (const { name } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = path.join(folder, name);
    const { mtimeMs, size } = await stat(file);
    if (now.getTime() - mtimeMs < settleMs) continue;
    const outcome = size > maxFileBytes ? { ok: false as const, why: `it is larger than ${maxFileBytes} bytes: drop it in parts` } : await take(store, sourceId, name, await readFile(file), now);
    if (outcome.ok) {
      batches.push({ batchId: outcome.batchId, fileName: name, duplicate: outcome.duplicate });
      await rename(file, await freeName(path.join(folder, 'done'), name));
    } else {
      failed.push({ fileName: name, why: outcome.why });
      const target = await freeName(path.join(folder, 'failed'), name);
      // The note first: a file in `failed` always has one.
      await writeFile(`${target}.why.txt`, `${outcome.why}\n`);
      await rename(file, target);
    }
  }
  return { batches, failed };
}

async function take(store: Store, sourceId: string, fileName: string, bytes: Buffer, receivedAt: Date) {
  const stored = await store.tx((db) => importFile(db, { sourceId, fileName, bytes, receivedAt, by: { actor } }, parserFor));
  return stored.ok ? stored : { ok: false as const, why: stored.issues.map(describeIssue).join(' ') };
}

/** Two files of one name are two files: the later gets a number. */
async function freeName(folder: string, name: string): Promise<string> {
  const taken = new Set(await readdir(folder));
  const { name: stem, ext } = path.parse(name);
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? name : `${stem}.${n}${ext}`;
    if (!taken.has(candidate)) return path.join(folder, candidate);
  }
}
