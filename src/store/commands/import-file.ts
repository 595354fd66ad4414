import { createHash } from 'node:crypto';
import type { Issue } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import { type RawInput, storeRawParts } from '../intake/store-raw.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** What importing needs of a source's parser; the caller hands in the adapter's, since store and adapters know nothing of each other. */
export type FileParser = {
  splitFile(bytes: Buffer): { readonly ok: true; readonly lines: readonly { readonly lineNo: number; readonly bytes: Buffer }[] } | { readonly ok: false; readonly issues: readonly Issue[] };
  keyOf(bytes: Buffer, context: { sourceId: string; ownerCountry: string; ownerParty: string; timeZone: string }): string;
};
export type ImportFileInput = { readonly sourceId: string; readonly fileName: string; readonly bytes: Buffer; readonly by: By; readonly receivedAt: Date };
/** `duplicate`: this very file was stored before, as this batch. */
export type ImportFileResult = { readonly ok: true; readonly batchId: string; readonly lineCount: number; readonly duplicate: boolean } | { readonly ok: false; readonly issues: readonly Issue[] };

const chunk = 5000;

/** Stores a whole file as raw messages, or nothing: the batch is known by the hash of its bytes, so the same file is stored once. Refused when the source is unknown. */
export async function importFile(db: Db, input: ImportFileInput, parserOf: (format: string) => FileParser): Promise<ImportFileResult> {
  const source = (await db.query('SELECT format, owner_country, owner_party, time_zone FROM source WHERE id = $1', [input.sourceId])).rows[0];
  if (source === undefined) throw new Refused('notFound', `there is no source "${input.sourceId}"`);
  const parser = parserOf(source.format);
  const split = parser.splitFile(input.bytes);
  if (!split.ok) return split;
  const hash = createHash('sha256').update(input.bytes).digest();
  const batchId = `bat_${createHash('sha256').update(`${input.sourceId}\n`).update(hash).digest('hex').slice(0, 20)}`;
  const made = await db.query(`INSERT INTO import_batch (id, source_id, file_name, file_hash, line_count, received_at, author) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`, [
    batchId,
    input.sourceId,
    input.fileName,
    hash,
    split.lines.length,
    input.receivedAt,
    input.by.actor,
  ]);
  if (made.rowCount === 0) return { ok: true, batchId, lineCount: split.lines.length, duplicate: true };
  const context = { sourceId: input.sourceId, ownerCountry: source.owner_country, ownerParty: source.owner_party, timeZone: source.time_zone };
  const { lines } = split;
  function* parts(): Generator<RawInput> {
    for (let from = 0; from < lines.length; from += chunk) {
      const messages = lines.slice(from, from + chunk).map((line) => ({ recordKey: parser.keyOf(line.bytes, context), bytes: line.bytes, lineNo: line.lineNo }));
      yield { sourceId: input.sourceId, batchId, receivedAt: input.receivedAt, messages };
    }
  }
  await storeRawParts(db, parts());
  await audit(db, input.by, { action: 'file.import', subject: batchId, after: { fileName: input.fileName, lines: split.lines.length } });
  return { ok: true, batchId, lineCount: split.lines.length, duplicate: false };
}
