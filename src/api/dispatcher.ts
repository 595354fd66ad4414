/** A stored message on its way to a workflow. */
export type Arrival = { readonly rawId: string; readonly recordKey: string };

export type DispatcherOptions = {
  readonly workflowIdOf: (sourceId: string, arrival: Arrival) => string;
  /** Starts the workflow of one CDR. */
  readonly startOne: (sourceId: string, arrival: Arrival) => Promise<void>;
  /** Starts one workflow for a page of arrivals of a source. */
  readonly startPage: (sourceId: string, rawIds: readonly string[]) => Promise<void>;
  /** What could not be started stays on the work list, where the sweep finds it. */
  readonly onMissed: (error: Error, sourceId: string, arrivals: number) => void;
  /** How many single starts may be under way, and how many may come at once, before arrivals are grouped. */
  readonly busyAt?: number;
  /** How many single starts a second are light load; a start costs the server more than storing the CDR. */
  readonly singlesPerSecond?: number;
  readonly nowMs?: () => number;
  readonly pageSize?: number;
  /** How long a page waits for company, in ms. */
  readonly gatherMs?: number;
};

export type Dispatcher = {
  /** Answers at once, while the starts are under way: the workflow id of each, undefined where it goes with others. */
  arrived(sourceId: string, arrivals: readonly Arrival[]): (string | undefined)[];
  /** Starts what is still gathered, and waits for all that is under way; for a stop in order. */
  flush(): Promise<void>;
};

/**
 * Lets arrivals be processed: under light load each CDR gets a workflow of its own, under heavy load they group into pages by themselves,
 * which costs the server a three-hundredth. The arrivals are stored already, so nothing here can lose one.
 */
export function createDispatcher({ workflowIdOf, startOne, startPage, onMissed, busyAt = 24, singlesPerSecond = 25, nowMs = Date.now, pageSize = 500, gatherMs = 100 }: DispatcherOptions): Dispatcher {
  const gathered = new Map<string, Arrival[]>();
  let allowance = busyAt;
  let allowanceAt = nowMs();
  const underWay = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;

  const single = (sourceId: string, arrival: Arrival): string => {
    const starting = startOne(sourceId, arrival)
      .catch((error: Error) => onMissed(error, sourceId, 1))
      .finally(() => underWay.delete(starting));
    underWay.add(starting);
    return workflowIdOf(sourceId, arrival);
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
  /** A bucket that fills with the seconds: true when `n` single starts are light load now. */
  const isLight = (n: number): boolean => {
    const at = nowMs();
    allowance = Math.min(busyAt, allowance + ((at - allowanceAt) / 1000) * singlesPerSecond);
    allowanceAt = at;
    if (allowance < n || underWay.size + n > busyAt) return false;
    allowance -= n;
    return true;
  };
  const startPages = async (): Promise<void> => {
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
    async flush() {
      await Promise.all([startPages(), ...underWay]);
    },
    arrived(sourceId, arrivals) {
      if (isLight(arrivals.length)) return arrivals.map((arrival) => single(sourceId, arrival));
      const list = gathered.get(sourceId) ?? [];
      gathered.set(sourceId, list);
      list.push(...arrivals);
      if (list.length >= pageSize) void startPages();
      else timer ??= setTimeout(() => void startPages(), gatherMs);
      return arrivals.map(() => undefined);
    },
  };
}
