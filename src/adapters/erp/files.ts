import { createHash } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { type ControlTotals, controlTotalsOf, type ErpDocument, type ErpPort, type ErpReceipt, ErpRefused } from './port.ts';

/**
 * An ERP that is a folder: one JSON file per document, named by its key. The file appears complete or not at all, and a
 * second post of a key returns the first receipt; other content under a known key is refused.
 */
export function filesErp(folder: string): ErpPort {
  const fileOf = (key: string, kind: string) => path.join(folder, kind, `${key.replaceAll(/[^A-Za-z0-9_.-]/g, '-')}.json`);
  const receiptOf = (bytes: Buffer): ErpReceipt => {
    const payloadHash = createHash('sha256').update(bytes).digest('hex');
    return { externalId: `FILE-${payloadHash.slice(0, 12)}`, payloadHash };
  };
  const read = (file: string) => readFile(file).catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)));
  return {
    async findByKey(key, kind) {
      const bytes = await read(fileOf(key, kind));
      return bytes === undefined ? undefined : receiptOf(bytes);
    },
    async post(document) {
      const balance = document.lines.reduce((sum, line) => sum + BigInt(line.amountMinor), 0n);
      if (balance !== 0n) throw new ErpRefused(`${document.key} is off by ${balance} minor units`);
      const file = fileOf(document.key, document.kind);
      const bytes = Buffer.from(JSON.stringify(document));
      await mkdir(path.dirname(file), { recursive: true });
      const partial = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}.partial`;
      const handle = await open(partial, 'wx');
      try {
        await handle.writeFile(bytes);
        await handle.sync();
        await handle.close();
        // A hard link fails when the name exists: two writers, one document.
        await link(partial, file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        const held = await readFile(file);
        if (!held.equals(bytes)) throw new ErpRefused(`${document.key} was posted before with other content`);
      } finally {
        await handle.close().catch(() => undefined);
        await rm(partial, { force: true });
      }
      return receiptOf(bytes);
    },
    async controlTotals(runId): Promise<ControlTotals> {
      const kinds = await readdir(folder).catch(() => [] as string[]);
      const documents: ErpDocument[] = [];
      for (const kind of kinds) {
        for (const name of await readdir(path.join(folder, kind))) {
          if (!name.endsWith('.json')) continue;
          const document = JSON.parse(await readFile(path.join(folder, kind, name), 'utf8')) as ErpDocument;
          if (document.runId === runId) documents.push(document);
        }
      }
      return controlTotalsOf(documents);
    },
  };
}
