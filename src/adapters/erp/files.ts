import { link, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type ErpDocument, type ErpHeld, erpKinds } from '../../contracts/erp-document.ts';
import type { AccountingBatch } from '../../core/accounting/batch.ts';
import { batchManifest } from '../../core/accounting/manifest.ts';
import type { PeriodThere } from '../../core/hand-over/compare-periods.ts';
import { describeIssue } from '../../core/issues.ts';
import { canonicalBytes, sha256 } from '../../core/seal/charge-record.ts';
import { renderSie } from '../documents/sie/render-sie.ts';
import { controlTotalsOf, ErpPeriodClosed, type ErpPort, ErpRefused } from './port.ts';

/**
 * An ERP that is a folder: `<kind>/<key>.json`, the key percent-encoded. The file appears complete or not at all, and a second
 * post of a key answers as the first. Whoever takes the files in closes a month with a file `closed/2019-12`. Throws ErpRefused on other content under a known key and on lines that do not sum to zero.
 * With `batchOf` each document is also there to be imported, before its own file is: `sie/<kind>/<key>.si` (SIE 4I) and beside it its manifest, with hash and sums. Whoever
 * imports it may move it away. Throws ErpRefused where SIE cannot say it.
 */
export function filesErp(folder: string, batchOf?: (document: ErpDocument) => Promise<AccountingBatch>): ErpPort {
  // Encoded, not replaced: two keys never share a file.
  const fileOf = (key: string, kind: string) => path.join(folder, kind, `${encodeURIComponent(key)}.json`);
  const idOf = (bytes: Buffer) => `FILE-${sha256(bytes).toString('hex').slice(0, 12)}`;
  return {
    async find({ key, kind }): Promise<ErpHeld | undefined> {
      const bytes = await orMissing(readFile(fileOf(key, kind)));
      if (bytes === undefined) return undefined;
      const { legalNumber, currency, postedOn, lines } = JSON.parse(bytes.toString('utf8')) as ErpDocument;
      return { externalId: idOf(bytes), legalNumber, currency, postedOn, lines };
    },
    async post(document) {
      const balance = document.lines.reduce((sum, line) => sum + BigInt(line.amountMinor), 0n);
      if (balance !== 0n) throw new ErpRefused(`${document.key} is off by ${balance} minor units`);
      const before = await orMissing(readFile(fileOf(document.key, document.kind)));
      const closed = before === undefined ? await closedWords(document.postedOn) : undefined;
      if (closed !== undefined) throw new ErpPeriodClosed(`${closed}, then retry`);
      const bytes = canonicalBytes(document);
      if (before === undefined && batchOf !== undefined) await writeSie(path.join(folder, 'sie', document.kind), encodeURIComponent(document.key), await batchOf(document));
      await writeOnce(fileOf(document.key, document.kind), bytes);
      return { externalId: idOf(bytes) };
    },
    async periodsOn(dates) {
      // Where nobody keeps closed months, that none is there says nothing.
      if ((await orMissing(stat(path.join(folder, 'closed')))) === undefined) return new Map();
      const found = new Map<string, PeriodThere>();
      for (const date of dates) {
        const words = await closedWords(date);
        found.set(date, words === undefined ? { state: 'open' } : { state: 'closed', words });
      }
      return found;
    },
    async controlTotals(runId) {
      return controlTotalsOf(await ofRun(runId));
    },
    async holdings(runId) {
      return (await ofRun(runId)).map(({ key, kind, legalNumber, currency, postedOn, lines, bytes }) => ({
        key,
        kind,
        legalNumber,
        currency,
        postedOn,
        lines,
        externalId: idOf(bytes),
        isReversed: false,
      }));
    },
  };
  async function closedWords(date: string): Promise<string | undefined> {
    const name = path.join('closed', date.slice(0, 7));
    return (await orMissing(stat(path.join(folder, name)))) === undefined ? undefined : `${date.slice(0, 7)} is closed: remove ${name}`;
  }
  async function ofRun(runId: string | null): Promise<(ErpDocument & { bytes: Buffer })[]> {
    const documents: (ErpDocument & { bytes: Buffer })[] = [];
    for (const kind of erpKinds) {
      for (const name of (await orMissing(readdir(path.join(folder, kind)))) ?? []) {
        if (!name.endsWith('.json')) continue;
        const bytes = await readFile(path.join(folder, kind, name));
        const document = JSON.parse(bytes.toString('utf8')) as ErpDocument;
        if (document.runId === runId) documents.push({ ...document, bytes });
      }
    }
    return documents;
  }
}

async function orMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  return reading.catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)));
}

/** Both are written once: a later attempt, when an account may be called otherwise, leaves what is there. */
async function writeSie(folder: string, name: string, batch: AccountingBatch): Promise<void> {
  const made = renderSie(batch);
  if ('issues' in made) throw new ErpRefused(made.issues.map(describeIssue).join(' '));
  const fileName = `${name}.si`;
  const bytes = await firstOf(path.join(folder, fileName), made.bytes);
  const manifest = batchManifest(batch, [{ form: 'sie', fileName, bytes: bytes.length, sha256: sha256(bytes).toString('hex') }]);
  await firstOf(path.join(folder, `${name}.manifest.json`), Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
}

/** Writes a file unless it is there; answers what is there. */
async function firstOf(file: string, bytes: Buffer): Promise<Buffer> {
  const there = await orMissing(readFile(file));
  if (there !== undefined) return there;
  try {
    await writeOnce(file, bytes);
    return bytes;
  } catch (error) {
    if (!(error instanceof ErpRefused)) throw error;
    return readFile(file);
  }
}

async function writeOnce(file: string, bytes: Buffer): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const partial = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}.partial`;
  try {
    await synced(partial, 'wx', (handle) => handle.writeFile(bytes));
    // A hard link fails when the name exists: two writers, one document.
    await link(partial, file);
    // The name is kept by its folder, which has to reach the disk too before a receipt is given.
    await synced(path.dirname(file), 'r', async () => undefined);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!(await readFile(file)).equals(bytes)) throw new ErpRefused(`${path.basename(file)} was posted before with other content`);
  } finally {
    await rm(partial, { force: true });
  }
}

async function synced(target: string, flags: string, work: (handle: Awaited<ReturnType<typeof open>>) => Promise<void>): Promise<void> {
  const handle = await open(target, flags);
  try {
    await work(handle);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
