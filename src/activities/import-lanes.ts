import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Store } from '../store/db.ts';
import { type PendingFilter, pendingCountUpTo, pendingMessages } from '../store/intake/store-raw.ts';
import { type PageResult, processPage } from './process-page.ts';

/** Which messages of the work list are worked off. */
export type WorkList = Pick<PendingFilter, 'batchId' | 'before'>;
export type LanePage = PageResult & { readonly processed: number };
export type LaneOrder = { readonly databaseUrl: string; readonly list: WorkList; readonly lane: NonNullable<PendingFilter['lane']> };
export type LaneAnswer = { readonly page: LanePage } | { readonly done: true } | { readonly failed: string };

/** An import is worked off in larger pages: what a page costs by itself is shared by more. */
const pageSize = 2000;
const lanes = Math.min(8, Math.max(2, os.availableParallelism()));
/** Of fewer messages a thread would not have begun before another were done. */
const worthThreads = 5 * pageSize;
/** How long a thread waits for another import, in ms: it has connections open. */
const idleMs = 30_000;
const threadFile = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../dist/activities/lane-thread.js');

/**
 * Works off a list page by page; a page is a transaction, so whoever begins anew goes on where the last page ended. In lanes by the record's
 * key, so that the messages of a key stay in order, and where there is much to do each lane is a thread of its own: while one computes, the
 * database works for another. `onPage` is told of each page.
 */
export async function workOffInLanes(store: Store, list: WorkList, onPage: (page: LanePage) => void): Promise<void> {
  const inThreads = (await pendingCountUpTo(store.pool, list, worthThreads)) >= worthThreads;
  await Promise.all(
    Array.from({ length: lanes }, (_, index) => {
      const lane = { index, of: lanes };
      return inThreads ? inThread({ databaseUrl: store.databaseUrl, list, lane }, onPage) : workOffLane(store, list, lane, onPage);
    }),
  );
}

/** Works off one lane of a list, here. */
export async function workOffLane(store: Store, list: WorkList, lane: LaneOrder['lane'], onPage: (page: LanePage) => void): Promise<void> {
  for (let after = '0'; ; ) {
    const page = await pendingMessages(store.pool, { ...list, limit: pageSize, after, lane });
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
    const result = await store.tx((db) => processPage(db, page));
    onPage({ ...result, processed: page.length });
  }
}

/** Threads that wait for an order, each with the timer that ends it. */
const idle: { readonly thread: Worker; readonly timer: NodeJS.Timeout }[] = [];

async function inThread(order: LaneOrder, onPage: (page: LanePage) => void): Promise<void> {
  const thread = idleThread() ?? new Worker(threadFile, { resourceLimits: { maxYoungGenerationSizeMb: 192 } });
  const { promise, resolve, reject } = withResolvers();
  const onMessage = (answer: LaneAnswer) => {
    if ('page' in answer) onPage(answer.page);
    else if ('failed' in answer) reject(new Error(answer.failed));
    else resolve();
  };
  const onExit = (code: number) => reject(new Error(`a lane of an import ended with code ${code}`));
  thread.on('message', onMessage).on('error', reject).on('exit', onExit);
  thread.ref();
  thread.postMessage(order);
  try {
    await promise;
  } catch (error) {
    await thread.terminate();
    throw error;
  } finally {
    thread.off('message', onMessage).off('error', reject).off('exit', onExit);
  }
  const entry = { thread, timer: setTimeout(() => void idle.splice(idle.indexOf(entry), 1)[0]?.thread.terminate(), idleMs).unref() };
  idle.push(entry);
  // It keeps no process alive that is done otherwise.
  thread.unref();
}

function withResolvers() {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function idleThread(): Worker | undefined {
  const entry = idle.pop();
  clearTimeout(entry?.timer);
  return entry?.thread;
}
