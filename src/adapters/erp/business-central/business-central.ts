import type { ErpDocument } from '../../../contracts/erp-document.ts';
import { sumsOf } from '../../../core/hand-over/sums.ts';
import { controlTotalsOf, ErpOutcomeUnknown, type ErpPort, type ErpPosted, ErpRefused, type OnDrafted, type PartiesOf } from '../port.ts';
import { documentNumberOf, type HeldThere, heldOf, journalLinesOf, type LedgerEntry, partyNumberOf, runTagOf } from './entries.ts';
import { type BatchRequest, type BusinessCentralServer, businessCentralOData, maxBatch } from './odata.ts';

export type BusinessCentralSettings = BusinessCentralServer & {
  readonly settleMs: number;
  /** Code of the general journal that is ours alone. */
  readonly journal: string;
  /** Code of the dimension that holds cost centers. */
  readonly dimension: string;
  /** The company's, in which its ledger is kept. */
  readonly currency: string;
};

/** How many documents at once: with some four lines each they fit a `$batch`, and a filter's length. */
const batchSize = 20;
/** How its API says that a date is not set. */
const noDate = '0001-01-01';
/** As Business Central numbers lines itself. */
const lineStep = 10_000;

/**
 * Business Central by its API v2.0. Its sales documents reckon VAT by themselves, so what we post goes to the öre as lines of a general
 * journal: customer or vendor, sales with their dimension, VAT on its own account. Lines are written by a `$batch` that is all or
 * nothing, and the journal's post is one transaction. It keeps no key of ours unique: lines that an attempt left in the
 * journal are taken out first (their ETag named), and one writer a connection is assumed.
 */
export function businessCentralErp(settings: BusinessCentralSettings, partiesOf: PartiesOf): ErpPort {
  const odata = businessCentralOData(settings);
  const { dimension, currency } = settings;
  const known = new Set<string>();
  let journalId: Promise<string> | undefined;
  const journal = () => {
    journalId ??= journalOf().catch((error: unknown) => {
      journalId = undefined;
      throw error;
    });
    return journalId;
  };
  const journalOf = async () => {
    const [found] = await odata.all<{ id: string }>(`journals?$filter=code eq ${quoted(settings.journal)}`);
    if (found === undefined) throw new ErpRefused(`Business Central has no general journal ${settings.journal}: make one there`);
    return found.id;
  };
  const entries = async (filter: string) => heldOf(await odata.all<LedgerEntry>(`generalLedgerEntries?$filter=${encodeURIComponent(filter)}&$expand=dimensionSetLines`), dimension, currency);
  const findAll = async (documents: readonly ErpDocument[]): Promise<Map<string, HeldThere>> => {
    if (documents.length === 0) return new Map();
    const held = await entries(documents.map((d) => `documentNumber eq ${quoted(documentNumberOf(d.key))}`).join(' or '));
    return new Map(documents.flatMap((d) => held.filter((h) => h.documentNumber === documentNumberOf(d.key)).map((h) => [d.key, h] as const)));
  };
  const ensureParties = async (documents: readonly ErpDocument[]) => {
    for (const { accountId, kind } of documents) {
      if (accountId === null) continue;
      const collection = kind === 'vendorBill' ? 'vendors' : 'customers';
      const place = `${collection}/${accountId}`;
      if (known.has(place)) continue;
      const number = partyNumberOf(accountId);
      const [there] = await odata.all(`${collection}?$filter=number eq ${quoted(number)}`);
      if (there === undefined) {
        const [party] = await partiesOf([accountId]);
        if (party === undefined) throw new ErpRefused(`account ${accountId} has no party`);
        await odata.post(collection, { number, displayName: party.name.slice(0, 100), country: party.country, ...(party.vatNumber === null ? {} : { taxRegistrationNumber: party.vatNumber }) });
      }
      known.add(place);
    }
  };
  const inBatches = async (requests: readonly BatchRequest[]) => {
    const answers: unknown[] = [];
    for (let from = 0; from < requests.length; from += maxBatch) answers.push(...(await odata.batch(requests.slice(from, from + maxBatch))));
    return answers;
  };
  /** Whether lines that stood in a journal are gone: another writer, who should not be there, has taken them out or posted them. */
  const areGone = async (place: string, ids: readonly string[]) => {
    const left = new Set((await odata.all<{ id: string }>(place)).map((line) => line.id));
    return ids.some((id) => !left.has(id));
  };
  const clear = async (place: string) => {
    const lines = await odata.all<{ id: string; '@odata.etag': string }>(place);
    try {
      await inBatches(lines.map((line) => ({ method: 'DELETE', path: `journalLines(${line.id})`, etag: line['@odata.etag'] })));
    } catch (error) {
      const ids = lines.map((line) => line.id);
      if (error instanceof ErpRefused && (await areGone(place, ids))) throw new ErpOutcomeUnknown('another writer is at the journal');
      throw error;
    }
  };

  /** What was not posted does not stay in the journal, where somebody could post it; unless it may be another writer's. */
  const withdrawn = async (id: string, error: unknown): Promise<never> => {
    if (!(error instanceof ErpOutcomeUnknown)) await clear(`journals(${id})/journalLines`).catch(() => undefined);
    throw error;
  };

  const postAll = async (documents: readonly ErpDocument[], onDrafted?: OnDrafted): Promise<Map<string, ErpPosted>> => {
    const before = await findAll(documents);
    const wanted = documents.filter((d) => !before.has(d.key));
    const posted = new Map([...before].map(([key, held]) => [key, { externalId: held.externalId, held }]));
    if (wanted.length === 0) return posted;
    const foreign = wanted.find((d) => d.currency !== currency);
    if (foreign !== undefined)
      throw new ErpRefused(
        `${foreign.key} is in ${foreign.currency}: its API takes journals in the company's ${currency} only. Book it in Business Central by hand in ${foreign.currency}, then skip it with the number that it has there as the reason, or state that number where the document waits for it`,
      );
    // Checked here too: an uneven document would stop the whole journal with a sentence that does not name it.
    for (const { key, lines } of wanted) {
      const rest = lines.reduce((sum, l) => sum + BigInt(l.amountMinor), 0n);
      if (rest !== 0n) throw new ErpRefused(`${key} is off by ${rest} minor units`);
    }
    const lines = wanted.flatMap((d) => journalLinesOf(d, dimension));
    await ensureParties(wanted);
    const id = await journal();
    // The journal is ours alone: what stands in it is of an attempt that came to nothing.
    await clear(`journals(${id})/journalLines`);
    // The number of a line is unique in its journal: of two writers at once the second is refused here.
    const written = await inBatches(lines.map((line, i) => ({ method: 'POST', path: `journals(${id})/journalLines`, body: { ...line, lineNumber: lineStep * (i + 1) } }))).catch((error: unknown) =>
      withdrawn(id, error),
    );
    await onDrafted?.(wanted);
    try {
      await odata.post(`journals(${id})/Microsoft.NAV.post`);
    } catch (error) {
      if (error instanceof ErpOutcomeUnknown) throw error;
      const ids = written.map((line) => (line as { id: string }).id);
      if ((await findAll(wanted)).size > 0 || (await areGone(`journals(${id})/journalLines`, ids))) throw new ErpOutcomeUnknown(`another writer is at ${wanted[0]?.key}`);
      return withdrawn(id, error);
    }
    const after = await findAll(wanted);
    const absent = wanted.find((d) => !after.has(d.key));
    if (absent !== undefined) throw new ErpOutcomeUnknown(`Business Central has posted ${absent.key} and does not find it`);
    for (const [key, held] of after) posted.set(key, { externalId: held.externalId, held });
    return posted;
  };
  return {
    settleMs: settings.settleMs,
    async find(document) {
      return (await findAll([document])).get(document.key);
    },
    async post(document, onDrafted) {
      return (await postAll([document], onDrafted)).get(document.key) ?? { externalId: '' };
    },
    together: { fit: () => batchSize, find: findAll, post: postAll },
    async periodsOn(dates) {
      const [setup] = await odata.all<{ allowPostingFrom: string; allowPostingTo: string }>('generalLedgerSetup?$select=allowPostingFrom,allowPostingTo');
      // Its empty date means no limit.
      const [from = noDate, to = noDate] = [setup?.allowPostingFrom, setup?.allowPostingTo];
      const isClosed = (date: string) => (from !== noDate && date < from) || (to !== noDate && date > to);
      const words = `Business Central allows postings ${from === noDate ? '' : `from ${from} `}${to === noDate ? '' : `up to ${to} `}alone`;
      return new Map(dates.map((date) => [date, isClosed(date) ? { state: 'closed', words } : { state: 'open' }]));
    },
    async controlTotals(runId) {
      const tag = runTagOf(runId);
      const held = await entries(`contains(description,${quoted(` ${tag} `)})`);
      return controlTotalsOf(held.filter((h) => h.runTag === tag));
    },
    async masterData() {
      const accounts = await odata.all<{ number: string; displayName: string }>('accounts?$select=number,displayName');
      const [found] = await odata.all<{ dimensionValues: { code: string; displayName: string }[] }>(`dimensions?$filter=code eq ${quoted(dimension)}&$expand=dimensionValues`);
      // Its tax groups are the VAT product posting groups, where it reckons VAT.
      const taxGroups = await odata.all<{ code: string; displayName: string }>('taxGroups?$select=code,displayName');
      const named = ({ code, displayName }: { readonly code: string; readonly displayName: string }) => ({ code, name: displayName });
      return { accounts: accounts.map((a) => ({ code: a.number, name: a.displayName })), costCenters: (found?.dimensionValues ?? []).map(named), vatCodes: taxGroups.map(named) };
    },
    async holdings(runId, ours) {
      const tag = runTagOf(runId ?? '-');
      const sent = new Map(ours.map((d) => [documentNumberOf(d.key), d]));
      const held = (await entries(`contains(description,${quoted(` ${tag} `)})`)).filter((h) => h.runTag === tag);
      // A reversal there bears the number of what it takes back.
      return held.map((h) => ({ ...h, key: sent.get(h.documentNumber)?.key ?? h.documentNumber, isReversed: isTakenBack(h.lines, sent.get(h.documentNumber)?.lines) }));
    },
  };
}

type Amounts = Parameters<typeof sumsOf>[0];

/** Whether lines come to nothing; of what was sent so, whether more of them are there. */
function isTakenBack(held: Amounts, sent: Amounts | undefined): boolean {
  const amounts = (lines: Amounts) => lines.filter((l) => l.amountMinor !== '0').length;
  return sumsOf(held).size === 0 && (sent === undefined || sumsOf(sent).size > 0 || amounts(held) > amounts(sent));
}

/** A string of an OData filter. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
