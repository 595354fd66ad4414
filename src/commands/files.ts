import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Api } from '../client.ts';
import { withApi } from '../stack/with-api.ts';
import { command, group, say, UsageError } from './command.ts';

const into = { out: { type: 'string', description: 'Folder to write into; made when it is not there', default: '.' } } as const;
const runForms = ['manifest', 'sie', 'journal', 'report'];
const documentForms = ['pdf', 'xml', 'csv'];
const auditor = 'sample-auditor';

/** `wattledger files …`: documents and what closed runs are handed on as, by the API. */
export const fileCommands = group('files', 'Fetch documents and the files of closed runs', {
  run: command(
    'run',
    'SIE 4I, journal, manifest with totals and close report of a closed run',
    { run: { type: 'positional', description: 'Id of the run', required: true }, form: { type: 'string', description: `One of ${runForms.join(', ')}; all without it` }, ...into },
    async ({ run, form, out }) => {
      const forms = wanted(form, runForms) ?? runForms;
      return withApi(auditor, async (api) => {
        for (const own of forms) await fetchInto(api, `/v1/runs/${encodeURIComponent(run)}/files/${own}`, out);
        return true;
      });
    },
  ),
  document: command(
    'document',
    'An issued document as PDF, e-invoice or the CSV of its sessions',
    { document: { type: 'positional', description: 'Id of the document', required: true }, form: { type: 'string', description: `One of ${documentForms.join(', ')}`, default: 'pdf' }, ...into },
    async ({ document, form, out }) => {
      const [own = 'pdf'] = wanted(form, documentForms) ?? [];
      return withApi(auditor, async (api) => {
        await fetchInto(api, `/v1/documents/${encodeURIComponent(document)}.${own}`, out);
        return true;
      });
    },
  ),
  print: command(
    'print',
    'What a print house prints: the manifest and every PDF of a batch; without an id what is queued is gathered first',
    { batch: { type: 'positional', description: 'Id of a batch that was made before', required: false }, entity: { type: 'string', description: 'Legal entity, to gather what is queued' }, ...into },
    async ({ batch, entity, out }) => {
      if ((batch === undefined) === (entity === undefined)) throw new UsageError('print wants the id of a batch, or --entity to make one');
      return withApi('sample-ops', async (api) => {
        const id = batch ?? (await api<{ batchId: string | null }>('POST', '/v1/print-batches', { json: { entityId: entity } })).batchId;
        if (id === null) {
          say('nothing is queued for print');
          return true;
        }
        const folder = path.join(out, path.basename(id));
        const manifest = await api<{ documents: number; pages: number; items: { documentId: string }[] }>('GET', `/v1/print-batches/${encodeURIComponent(id)}/manifest`);
        mkdirSync(folder, { recursive: true });
        for (const { documentId } of manifest.items) await fetchInto(api, `/v1/documents/${encodeURIComponent(documentId)}.pdf`, folder);
        writeFileSync(path.join(folder, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
        say(`${id}: ${manifest.documents} documents, ${manifest.pages} pages in ${folder}`);
        return true;
      });
    },
  ),
});

function wanted(form: string | undefined, known: readonly string[]): readonly string[] | undefined {
  if (form === undefined) return undefined;
  if (!known.includes(form)) throw new UsageError(`--form wants one of ${known.join(', ')}`);
  return [form];
}

async function fetchInto(api: Api, from: string, folder: string): Promise<void> {
  const { name, bytes } = await api.file(from);
  mkdirSync(folder, { recursive: true });
  // A name that comes from elsewhere stays in the folder.
  const file = path.join(folder, path.basename(name));
  writeFileSync(file, bytes);
  say(file);
}
