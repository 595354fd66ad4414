import { setTimeout as sleep } from 'node:timers/promises';
import { ErpPeriodClosed, type ErpPort, type ErpPosted, ErpRefused, ErpUnavailable } from '../adapters/erp/port.ts';
import type { ErpDocument, ErpHeld } from '../contracts/erp-document.ts';
import type { PeriodState } from '../core/accounting/period-states.ts';
import { heldDifferences } from '../core/hand-over/compare-held.ts';
import { datesToAsk, type PeriodThere } from '../core/hand-over/compare-periods.ts';
import { describeIssue, issue } from '../core/issues.ts';
import type { Answer, OutboxRow } from '../store/outbox.ts';
import type { Translate } from './erp-terms.ts';
import { asFailure, wordsOf } from './failures.ts';

/** How months stand here, of which closed ones the ERP is asked too, and who is told how it has them. */
export type MonthsHere = {
  readonly stateOf: (month: string) => PeriodState;
  readonly closed: readonly string[];
  readonly compared: (there: ReadonlyMap<string, PeriodThere>) => Promise<void>;
};

type Outcome = 'verified' | 'refused' | 'held';
/** `before`: in the words it was sent in before, where these are others. */
type Sent = { readonly row: OutboxRow; readonly document: ErpDocument; readonly before?: ErpDocument };
export type Record = (answers: readonly Answer[]) => Promise<void>;

/**
 * Hands over rows of the outbox and reports each answer to `record`. Rows that were tried before are looked up by key first, so that a
 * time-out after the ERP had written posts nothing twice. Before anything is sent the ERP is asked for its periods and these are compared with
 * ours: what falls into one that is closed there, and is not there already, is held, and it is said how the month stands here. Verified means: read back, and equal to what was sent, sum by sum; other content
 * is refused, a closed period holds the row. Where the ERP takes several at once, a refusal of all is halved until it stands with the one
 * it is for. Throws what keeps outcomes open: ErpUnavailable leaves rows queued of which nothing can be there, everything else leaves them
 * unknown, or posted once the ERP has answered; rows that were not come to are as they were.
 */
export async function handOverRows(
  erp: ErpPort,
  rows: readonly OutboxRow[],
  record: Record,
  translate: Translate = inOurWords,
  months: MonthsHere = { stateOf: () => 'open', closed: [], compared: async () => undefined },
): Promise<ReadonlyMap<string, Outcome>> {
  const at = new HandOver(erp, record);
  try {
    await sendRows(at, erp, rows, translate, months);
  } catch (error) {
    // What cannot be kept either is taken for sent.
    await at.giveBack(rows, error as Error).catch(() => undefined);
    throw error;
  }
  return at.outcomes;
}

async function sendRows(at: HandOver, erp: ErpPort, rows: readonly OutboxRow[], translate: Translate, months: MonthsHere): Promise<void> {
  const sent: Sent[] = [];
  const refusals: Answer[] = [];
  for (const row of rows) {
    const payload = JSON.parse(row.payload.toString('utf8')) as ErpDocument;
    const saidBy = (version: number | null) => translate(payload, version).catch((error: unknown) => Promise.reject(asFailure(error)));
    const said = await saidBy(row.mappingVersion);
    const before = row.mappingBefore === undefined ? undefined : await saidBy(row.mappingBefore);
    if ('document' in said) sent.push({ row, document: said.document, ...(before !== undefined && 'document' in before ? { before: before.document } : {}) });
    else refusals.push({ key: row.key, state: 'refused', words: said.refusal });
  }
  await at.record(refusals);
  await at.holdClosed(sent, months);
  const going = sent.filter(({ row }) => !at.outcomes.has(row.key));
  for (const kind of new Set(going.map((s) => s.document.kind))) {
    const ofKind = going.filter((s) => s.document.kind === kind);
    for (let rest = ofKind; rest.length > 0; ) {
      const n = erp.together?.fit(rest.map((s) => s.document)) ?? 1;
      await at.send(rest.slice(0, n));
      rest = rest.slice(n);
    }
  }
}

/** Without a mapping. */
const inOurWords: Translate = async (document) => ({ document });

/** One ERP, where answers go, and what came of each row. */
class HandOver {
  readonly outcomes = new Map<string, Outcome>();
  /** Rows that were answered or begun to be posted, and those that were drafted. */
  readonly #touched = new Set<string>();
  readonly #drafted = new Set<string>();
  readonly #erp: ErpPort;
  readonly #keep: Record;
  /** Of rows that were tried before: why they are held, unless they are there. */
  readonly #heldIfAbsent = new Map<string, Answer>();

  constructor(erp: ErpPort, keep: Record) {
    this.#erp = erp;
    this.#keep = keep;
  }

  /** Holds what would fall into a period that is closed there. What may be there already is looked up first (`send`). */
  async holdClosed(all: readonly Sent[], { stateOf, closed, compared }: MonthsHere): Promise<void> {
    const fresh = all.filter(({ row }) => !mayBeThere(row));
    if (fresh.length === 0) return;
    let there: ReadonlyMap<string, PeriodThere>;
    try {
      there = await this.#erp.periodsOn(
        datesToAsk(
          closed,
          fresh.map(({ document }) => document.postedOn),
        ),
      );
    } catch (error) {
      // Nothing was sent.
      await this.record(fresh.map(({ row }) => ({ key: row.key, state: 'queued', words: wordsOf(error as Error) })));
      throw asFailure(error);
    }
    await compared(there);
    const held: Answer[] = [];
    for (const { row, document } of fresh) {
      const { key } = row;
      const on = document.postedOn;
      const period = there.get(on);
      if (period?.state !== 'closed') continue;
      const month = on.slice(0, 7);
      const answer: Answer = { key, state: 'held', words: describeIssue(issue('erpPeriodClosed', 'blocks', key, { on, month, state: stateOf(month), words: period.words })) };
      if (row.attempt > 1) this.#heldIfAbsent.set(key, answer);
      else held.push(answer);
    }
    await this.record(held);
  }

  async send(all: readonly Sent[]): Promise<void> {
    const tried = all.filter(({ row }) => row.attempt > 1);
    if (this.#erp.settleMs !== undefined && tried.some(({ row }) => row.isUnknown)) await sleep(this.#erp.settleMs);
    const known = await this.#halving(tried, (some) => this.#find(some), true);
    await this.record([...known].map(([key, { externalId }]) => ({ key, state: 'posted', externalId })));
    const missing = all.filter(({ row }) => !known.has(row.key) && !this.outcomes.has(row.key));
    await this.record(missing.flatMap(({ row }) => this.#heldIfAbsent.get(row.key) ?? []));
    const absent = missing.filter(({ row }) => !this.outcomes.has(row.key));
    // Acknowledged once and gone now: somebody removed it there, and posting it again is for people to decide.
    await this.record(
      absent.flatMap(({ row: { key, externalId } }) => (externalId === null ? [] : [{ key, state: 'refused', words: `the ERP no longer finds ${key}, acknowledged as ${externalId}` }])),
    );
    const posted = await this.#halving(
      absent.filter(({ row }) => row.externalId === null),
      (some) => this.#post(some),
      true,
    );
    // What was read to find out whether it is there, or after it was posted, is its read-back.
    const read = new Map(known);
    for (const [key, { held }] of posted) if (held !== undefined) read.set(key, held);
    await this.#verify(
      all.flatMap((sent): Sent[] => (known.has(sent.row.key) ? [sent] : posted.has(sent.row.key) ? [{ row: sent.row, document: sent.document }] : [])),
      read,
    );
  }

  async #verify(all: readonly Sent[], read: ReadonlyMap<string, ErpHeld>): Promise<void> {
    const unread = all.filter(({ row }) => !read.has(row.key));
    const held = new Map([...read, ...(await this.#halving(unread, (some) => this.#find(some), false))]);
    await this.record(
      all
        .filter(({ row }) => !this.outcomes.has(row.key))
        .map(({ row: { key, mappingBefore }, document, before }): Answer => {
          const there = held.get(key);
          const wrong = wrongIn(document, there);
          if (wrong === undefined) return { key, state: 'verified', number: there?.number };
          // It was there already, and it is to be as it was sent.
          const mapping = before === undefined ? {} : { mappingVersion: mappingBefore };
          return before !== undefined && wrongIn(before, there) === undefined ? { key, state: 'verified', number: there?.number, ...mapping } : { key, state: 'refused', words: wrong, ...mapping };
        }),
    );
  }

  async #post(all: readonly Sent[]): Promise<ReadonlyMap<string, ErpPosted>> {
    const drafted = (some: readonly ErpDocument[]) => this.record(some.map(({ key }) => ({ key, state: 'drafted' })));
    const documents = all.map((s) => s.document);
    for (const { row } of all) this.#touched.add(row.key);
    const posted = this.#erp.together === undefined ? await eachOf(documents, (document) => this.#erp.post(document, drafted)) : await this.#erp.together.post(documents, drafted);
    await this.record([...posted].map(([key, { externalId }]) => ({ key, state: 'posted', externalId })));
    return posted;
  }

  async #find(all: readonly Sent[]): Promise<ReadonlyMap<string, ErpHeld>> {
    const documents = all.map((s) => s.document);
    return this.#erp.together === undefined ? eachOf(documents, (document) => this.#erp.find(document)) : this.#erp.together.find(documents);
  }

  /**
   * What the ERP decided of all is halved until it stands with the one it is for. A failure that leaves the outcome open goes on; rows
   * that are not posted keep it (`keepsFailure`).
   */
  async #halving<T>(all: readonly Sent[], work: (some: readonly Sent[]) => Promise<ReadonlyMap<string, T>>, keepsFailure: boolean): Promise<ReadonlyMap<string, T>> {
    if (all.length === 0) return new Map();
    try {
      return await work(all);
    } catch (error) {
      const words = wordsOf(error as Error);
      const decided = error instanceof ErpRefused ? 'refused' : error instanceof ErpPeriodClosed ? 'held' : undefined;
      if (decided === undefined) {
        const isAbsent = (row: OutboxRow) => error instanceof ErpUnavailable && !mayBeThere(row) && !this.#drafted.has(row.key);
        if (keepsFailure) await this.record(all.map(({ row }) => ({ key: row.key, state: isAbsent(row) ? 'queued' : 'unknown', words })));
        throw asFailure(error);
      }
      if (all.length === 1) {
        await this.record(all.map(({ row }) => ({ key: row.key, state: decided, words })));
        return new Map();
      }
      const half = all.length >> 1;
      return new Map([...(await this.#halving(all.slice(0, half), work, keepsFailure)), ...(await this.#halving(all.slice(half), work, keepsFailure))]);
    }
  }

  /** What a failure left untried of the rows that were taken goes back to where it was. */
  async giveBack(rows: readonly OutboxRow[], { message: words }: Error): Promise<void> {
    await this.record(rows.filter((row) => !this.#touched.has(row.key)).map((row) => ({ key: row.key, state: mayBeThere(row) ? 'unknown' : 'queued', words })));
  }

  async record(answers: readonly Answer[]): Promise<void> {
    if (answers.length === 0) return;
    await this.#keep(answers);
    for (const { key, state } of answers) {
      this.#touched.add(key);
      if (state === 'drafted') this.#drafted.add(key);
      if (state === 'verified' || state === 'refused' || state === 'held') this.outcomes.set(key, state);
    }
  }
}

/** An earlier attempt may have brought it there, and nobody has decided on it since. */
function mayBeThere({ isUnknown, externalId }: OutboxRow): boolean {
  return isUnknown || externalId !== null;
}

async function eachOf<T>(documents: readonly ErpDocument[], work: (document: ErpDocument) => Promise<T | undefined>): Promise<ReadonlyMap<string, T>> {
  const found = new Map<string, T>();
  for (const document of documents) {
    const one = await work(document);
    if (one !== undefined) found.set(document.key, one);
  }
  return found;
}

function wrongIn(sent: ErpDocument, held: ErpHeld | undefined): string | undefined {
  if (held === undefined) return `the ERP does not find ${sent.key}`;
  // It is the ERP's to number it.
  if ((sent.kind === 'invoice' || sent.kind === 'creditNote') && sent.legalNumber === null && (held.number ?? null) === null) return describeIssue(issue('erpNumberMissing', 'blocks', sent.key));
  const differences = heldDifferences(sent, held);
  return differences.length === 0 ? undefined : `the ERP holds other content under ${sent.key}: ${differences.slice(0, 5).join(', ')}`;
}
