import { Refused } from '../store/commands/refusal.ts';
import { endRebill, failRebill, openRebill } from '../store/cycle/rebill.ts';
import { planRebillRun, type RebillRun } from '../store/cycle/rebill-run.ts';
import type { Store } from '../store/db.ts';
import { beating } from './beating.ts';
import { processPage } from './process-page.ts';

const pageSize = 500;

/** The activity behind orders to credit and rebill. */
export function createRebillActivities({ store }: { readonly store: Store }) {
  return {
    /** Carries an order out in one transaction, wholly or not at all; one that cannot be is kept with the reason. Answers how many records are billed anew. */
    async rebill({ orderId }: { readonly orderId: string }): Promise<Rebilled> {
      return beating(() => rebillDocument(store, orderId));
    },
  };
}

/** `run`: the off-cycle run that makes its documents, where it does not wait for the month. */
export type Rebilled = { readonly rebilled: number; readonly problem: string | null; readonly run: RebillRun | null };

/** Looks at the records of an order again, by the path of all CDRs, and books what comes out otherwise: mirrors, and charges in their place. */
export async function rebillDocument(store: Store, orderId: string): Promise<Rebilled> {
  try {
    return await store.tx(async (db) => {
      const order = await openRebill(db, orderId);
      if (order === undefined) return { rebilled: 0, problem: null, run: await planRebillRun(db, orderId) };
      const pages = { next: 0 };
      for (let from = 0; from < order.records.length; from += pageSize) {
        const page = order.records.slice(from, from + pageSize);
        const { waiting } = await processPage(
          db,
          page.map((r) => r.rawId),
          order.kind === 'credit' ? 'reopen' : 'rebill',
          pages,
        );
        if (waiting.length > 0)
          throw new Refused('wrongState', `${waiting.length} records cannot be billed anew, ${waiting[0]?.recordKey} first: add what its quarantine page names, or leave them out`);
      }
      const ended = await endRebill(db, orderId, order, pages.next);
      return { ...ended, problem: null, run: await planRebillRun(db, orderId) };
    });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const problem = error.message;
    await store.tx((db) => failRebill(db, orderId, problem));
    return { rebilled: 0, problem, run: null };
  }
}
