/** A stored message on its way to a workflow. */
export type Arrival = { readonly rawId: string; readonly recordKey: string };

export type DispatcherOptions = {
  /** Starts the workflow of one CDR; answers its id. */
  readonly startOne: (sourceId: string, arrival: Arrival) => Promise<string>;
  /** Starts one workflow for a page of arrivals of a source. */
  readonly startPage: (sourceId: string, rawIds: readonly string[]) => Promise<void>;
  /** What could not be started stays on the work list, where the sweep finds it. */
  readonly onMissed: (error: Error, sourceId: string, arrivals: number) => void;
  /** How many single starts may be under way before arrivals are grouped. */
  readonly busyAt?: number;
  readonly pageSize?: number;
  /** How long a page waits for company, in ms. */
  readonly gatherMs?: number;
};

export type Dispatcher = {
  /** Answers the workflow id of each, undefined where none was started alone. */
  arrived(sourceId: string, arrivals: readonly Arrival[]): Promise<(string | undefined)[]>;
  /** Starts what is still gathered; for a stop in order. */
  flush(): Promise<void>;
};

/**
 * Lets arrivals be processed: under light load each CDR gets a workflow of its own, under heavy load they group into pages by themselves,
 * which costs the server a three-hundredth. The arrivals are stored already, so nothing here can lose one.
 */
export function createDispatcher({ startOne, startPage, onMissed, busyAt = 24, pageSize = 500, gatherMs = 100 }: DispatcherOptions): Dispatcher {
  const gathered = new Map<string, Arrival[]>();
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;

  const single = async (sourceId: string, arrival: Arrival): Promise<string | undefined> => {
    underWay += 1;
    try {
      return await startOne(sourceId, arrival);
    } catch (error) {
      onMissed(error as Error, sourceId, 1);
      return undefined;
    } finally {
      underWay -= 1;
    }
  };
  const page = async (sourceId: string, arrivals: readonly Arrival[]): Promise<void> => {
    try {
      await startPage(
        sourceId,
        arrivals.map((a) => a.rawId),
      );
    } catch (error) {
      onMissed(error as Error, sourceId, arrivals.length);
    }
  };
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const lists = [...gathered];
    gathered.clear();
    await Promise.all(
      lists.flatMap(([sourceId, arrivals]) => {
        const pages: Promise<void>[] = [];
        for (let from = 0; from < arrivals.length; from += pageSize) pages.push(page(sourceId, arrivals.slice(from, from + pageSize)));
        return pages;
      }),
    );
  };
  return {
    flush,
    async arrived(sourceId, arrivals) {
      if (underWay + arrivals.length <= busyAt) return Promise.all(arrivals.map((arrival) => single(sourceId, arrival)));
      const list = gathered.get(sourceId) ?? [];
      gathered.set(sourceId, list);
      list.push(...arrivals);
      if (list.length >= pageSize) void flush();
      else timer ??= setTimeout(() => void flush(), gatherMs);
      return arrivals.map(() => undefined);
    },
  };
}
