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
  /** How long after a page the next one of its source starts at the earliest, in ms, unless it is full. */
  readonly gapMs?: number;
};

export type Dispatcher = {
  /** Answers at once, while the starts are under way: the workflow id of each, undefined where it goes with others. */
  arrived(sourceId: string, arrivals: readonly Arrival[]): (string | undefined)[];
  /** Starts what is still gathered, and waits for all that is under way; for a stop in order. */
  flush(): Promise<void>;
};

/** What is gathered of one source. */
type Gathering = { arrivals: Arrival[]; timer: NodeJS.Timeout | undefined; lastPageAt: number };

/**
 * Lets arrivals be processed: under light load each CDR gets a workflow of its own, under heavy load they group into pages by themselves,
 * one a second, whose start costs the server as much as that of one CDR. The arrivals are stored already, so nothing here can lose one.
 */
export function createDispatcher({
  workflowIdOf,
  startOne,
  startPage,
  onMissed,
  busyAt = 24,
  singlesPerSecond = 25,
  nowMs = Date.now,
  pageSize = 2000,
  gatherMs = 100,
  gapMs = 1000,
}: DispatcherOptions): Dispatcher {
  const gatherings = new Map<string, Gathering>();
  let allowance = busyAt;
  let allowanceAt = nowMs();
  const underWay = new Set<Promise<void>>();

  const single = (sourceId: string, arrival: Arrival): string => {
    const starting = startOne(sourceId, arrival)
      .catch((error: Error) => onMissed(error, sourceId, 1))
      .finally(() => underWay.delete(starting));
    underWay.add(starting);
    return workflowIdOf(sourceId, arrival);
  };
  const page = (sourceId: string, arrivals: readonly Arrival[]): void => {
    const starting = startPage(
      sourceId,
      arrivals.map((a) => a.rawId),
    )
      .catch((error: Error) => onMissed(error, sourceId, arrivals.length))
      .finally(() => underWay.delete(starting));
    underWay.add(starting);
  };
  /** A bucket that fills with the seconds and is drained by whatever comes: true when `n` single starts are light load now. */
  const isLight = (n: number): boolean => {
    const at = nowMs();
    allowance = Math.min(busyAt, allowance + ((at - allowanceAt) / 1000) * singlesPerSecond);
    allowanceAt = at;
    const light = allowance >= n && underWay.size + n <= busyAt;
    allowance = Math.max(0, allowance - n);
    return light;
  };
  const startPages = (sourceId: string, gathering: Gathering): void => {
    clearTimeout(gathering.timer);
    gathering.timer = undefined;
    gathering.lastPageAt = nowMs();
    const arrivals = gathering.arrivals;
    gathering.arrivals = [];
    for (let from = 0; from < arrivals.length; from += pageSize) page(sourceId, arrivals.slice(from, from + pageSize));
  };
  return {
    async flush() {
      for (const [sourceId, gathering] of gatherings) startPages(sourceId, gathering);
      await Promise.all(underWay);
    },
    arrived(sourceId, arrivals) {
      if (isLight(arrivals.length)) return arrivals.map((arrival) => single(sourceId, arrival));
      const gathering = gatherings.get(sourceId) ?? { arrivals: [], timer: undefined, lastPageAt: Number.NEGATIVE_INFINITY };
      gatherings.set(sourceId, gathering);
      gathering.arrivals.push(...arrivals);
      if (gathering.arrivals.length >= pageSize) startPages(sourceId, gathering);
      else gathering.timer ??= setTimeout(() => startPages(sourceId, gathering), Math.max(gatherMs, gathering.lastPageAt + gapMs - nowMs()));
      return arrivals.map(() => undefined);
    },
  };
}
