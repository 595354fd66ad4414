import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decideOrHold, type PageContext } from '../../src/activities/decide-message.ts';
import { parseMessage } from '../../src/activities/parse-page.ts';
import type { Store } from '../../src/store/db.ts';
import { type Head, loadMessages, lockHeads } from '../../src/store/intake/load-page.ts';
import { pendingMessages } from '../../src/store/intake/store-raw.ts';
import { session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;

beforeAll(async () => {
  ({ store, drop } = await seeded());
});
afterAll(() => drop());

describe('a message that breaks what decides on it', () => {
  it('is held with what went wrong, by itself; a repeat is known, and a retry tries it again', async () => {
    await storeLines(store, [session(1)]);
    const page = await pendingMessages(store.pool, { limit: 10 });
    const [message] = await loadMessages(store.pool, page, false);
    if (message === undefined) throw new Error('the message was stored');
    const item = parseMessage(message);
    const head = [...(await lockHeads(store.pool, [item.key])).values()][0] as Head;
    const broken = {
      ...({ anonymousTokens: new Set(), neighbours: () => [], decisionOn: () => undefined } satisfies Partial<PageContext>),
      setup: {
        entity: () => ({}),
        payer: () => undefined,
        site: () => {
          throw new TypeError('a defect');
        },
      },
    } as unknown as Omit<PageContext, 'occasion'>;
    const held = decideOrHold(item, head, { ...broken, occasion: 'arrival' });
    expect(held).toMatchObject({
      outcome: 'quarantined',
      issues: [{ code: 'processingFailed', severity: 'blocks', params: { detail: 'a defect' } }],
      head: { state: 'quarantined', energyWh: 10_500, waitingFor: 'mending', waiting: { rawId: message.rawId }, standing: null },
    });
    const waiting = held?.head as Head;
    expect(decideOrHold(item, waiting, { ...broken, occasion: 'arrival' })).toEqual({ outcome: 'duplicate', issues: [] });
    expect(decideOrHold(item, waiting, { ...broken, occasion: 'retry' })).toMatchObject({ head: { state: 'quarantined', waitingFor: 'mending' } });
    expect(decideOrHold(item, { ...waiting, waiting: null }, { ...broken, occasion: 'retry' })).toBeUndefined();
    expect(decideOrHold(item, { ...waiting, waiting: null, state: 'booked' }, { ...broken, occasion: 'arrival' })).toMatchObject({ head: { state: 'booked', waitingFor: 'mending' } });
  });
});
