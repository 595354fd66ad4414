import { type WhatIf, whatIfSchema } from '../contracts/dry-run.ts';
import type { TariffSetup } from '../core/allocate/setup.ts';
import { groupBy } from '../core/group-by.ts';
import type { Db, Store } from '../store/db.ts';
import { type DryRecord, dryRecords, replaceDryCharges, tariffVersions } from '../store/dry/dry-charges.ts';
import { loadDecisions } from '../store/intake/load-decisions.ts';
import { loadMessages } from '../store/intake/load-page.ts';
import type { SetupBook } from '../store/intake/load-setup.ts';
import { chargesOf } from '../store/intake/page-book.ts';
import { decideOrHold } from './decide-message.ts';
import { loadPageSetup } from './page-setup.ts';
import { parseMessage, type Readable } from './parse-page.ts';

const pageSize = 1000;

export type RatedAgain = { readonly rated: number /** Records that could not be rated again, such as those whose message is gone: they keep their charges. */; readonly kept: number };

/**
 * Rates the sessions of a dry run's set again where it supposes something: by the set-up as it is now, and by the versions of tariffs it names
 * in the place of all others of theirs. By the decision of the one path of all CDRs; nothing is sealed or booked. A page to a transaction;
 * a repeat rates all anew.
 */
export async function rateDryRun(store: Store, runId: string): Promise<RatedAgain> {
  const { rows } = await store.pool.query<{ what_if: unknown }>('SELECT what_if FROM billing_run WHERE id = $1', [runId]);
  const whatIf: WhatIf = whatIfSchema.parse(rows[0]?.what_if ?? {});
  if (!whatIf.rateAgain && whatIf.tariffVersionIds.length === 0) return { rated: 0, kept: 0 };
  const instead = await tariffVersions(store.pool, whatIf.tariffVersionIds);
  let [rated, kept] = [0, 0];
  for (let after = 0n; ; ) {
    const records = await dryRecords(store.pool, runId, after, pageSize);
    const last = records.at(-1);
    if (last === undefined) return { rated, kept };
    const done = await store.tx((db) => ratePage(db, runId, records, instead));
    rated += done;
    kept += records.length - done;
    after = last.recordId;
  }
}

async function ratePage(db: Db, runId: string, records: readonly DryRecord[], instead: ReadonlyMap<string, TariffSetup>): Promise<number> {
  const rawIds = records.map((r) => r.rawId);
  const messages = await loadMessages(db, rawIds, true);
  const readable = messages.map(parseMessage).filter((p): p is Readable => p.facts !== undefined);
  const { setup, anonymousTokens } = await loadPageSetup(db, messages, readable);
  const decisions = await loadDecisions(db, rawIds);
  const byRaw = groupBy(readable, (p) => p.message.rawId.toString());
  const context = {
    occasion: 'reopen' as const,
    setup: supposing(setup, instead),
    anonymousTokens,
    // Which record of a session is billed was decided before.
    neighbours: () => [],
    decisionOn: (rawId: bigint) => decisions.get(rawId),
    chargedFor: () => undefined,
  };
  const rated = records.flatMap((record) => {
    const item = byRaw.get(record.rawId)?.[0];
    if (item === undefined) return [];
    const verdict = decideOrHold(item, { ...record.head, standing: item.version }, context);
    return verdict?.seal === undefined ? [] : [{ record, charges: chargesOf(verdict.seal) }];
  });
  await replaceDryCharges(
    db,
    runId,
    rated.map((r) => r.record),
    rated.flatMap((r) => r.charges),
  );
  return rated.length;
}

/** The set-up with these versions of tariffs in the place of whatever version holds. */
function supposing(setup: SetupBook, instead: ReadonlyMap<string, TariffSetup>): SetupBook {
  const supposed = (tariff: TariffSetup) => instead.get(tariff.tariffId) ?? tariff;
  return {
    ...setup,
    tariffs: (...of) => setup.tariffs(...of).map(supposed),
    tariff(...of) {
      const found = setup.tariff(...of);
      return found === undefined ? undefined : supposed(found);
    },
  };
}
