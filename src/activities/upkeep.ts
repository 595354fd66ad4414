import { heartbeat, sleep } from '@temporalio/activity';
import { expireLoads } from '../store/commands/load-set-up.ts';
import type { Store } from '../store/db.ts';
import { blockSize, sealBlock } from '../store/seal/seal-block.ts';

// Records are to be in a block within five seconds.
const sealEveryMs = 2000;

/** Activities that keep the database in shape. `makePartitions` acts as the owner's role, which the application has not. */
export function createUpkeepActivities(deps: { readonly store: Store; readonly now: () => Date; readonly makePartitions: () => Promise<number> }) {
  const { store, now } = deps;
  return {
    /** Partitions ahead; and what waited too long to be applied goes. */
    async makePartitions(): Promise<number> {
      await store.tx((db) => expireLoads(db, now()));
      return deps.makePartitions();
    },

    /**
     * Puts sealed records into blocks for `forMs`, and until none is left. A worker that shuts down cancels the wait in between, which
     * fails the try, so that the next worker goes on at once.
     */
    async sealBlocks(input: { readonly forMs: number }): Promise<{ blocks: number; records: number }> {
      const untilMs = now().getTime() + input.forMs;
      const sealed = { blocks: 0, records: 0 };
      for (;;) {
        const block = await store.tx((db) => sealBlock(db));
        if (block !== undefined) {
          sealed.blocks += 1;
          sealed.records += block.records;
        }
        heartbeat();
        // After a block that is not full there is time: a block for each handful would be many.
        if (block?.records === blockSize) continue;
        if (now().getTime() >= untilMs) return sealed;
        await sleep(sealEveryMs);
      }
    },
  };
}
