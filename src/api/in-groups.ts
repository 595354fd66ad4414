export type GroupLimits<Item> = {
  /** Items that go together at most. */
  readonly maxItems: number;
  /** Bytes that go together at most; an item larger than that goes alone. */
  readonly maxBytes: number;
  readonly bytesOf: (item: Item) => number;
  /** True for an error that one item can cause: the others are tried without it. */
  readonly isOfOneItem: (error: unknown) => boolean;
};
type Waiting<Item, Result> = { readonly item: Item; resolve(result: Result): void; reject(error: unknown): void };

/**
 * Does together what is asked for at the same time: what comes while a group is under way makes up the next one, in the order it came.
 * Nobody waits for company. Each caller gets the result of its own item, or the error that its own item causes.
 */
export function inGroups<Item, Result>(work: (items: readonly Item[]) => Promise<readonly Result[]>, limits: GroupLimits<Item>): (item: Item) => Promise<Result> {
  const queue: Waiting<Item, Result>[] = [];
  let underWay = false;

  const nextGroup = (): Waiting<Item, Result>[] => {
    let bytes = 0;
    const tooMuch = queue.findIndex(({ item }, i) => {
      bytes += limits.bytesOf(item);
      return i > 0 && (i >= limits.maxItems || bytes > limits.maxBytes);
    });
    return queue.splice(0, tooMuch < 0 ? queue.length : tooMuch);
  };
  const settle = async (group: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await work(group.map((w) => w.item));
      for (const [i, w] of group.entries()) w.resolve(results[i] as Result);
    } catch (error) {
      if (group.length === 1 || !limits.isOfOneItem(error)) {
        for (const w of group) w.reject(error);
        return;
      }
      // By halves, so that one bad item among many costs few more tries.
      const half = group.length >> 1;
      await settle(group.slice(0, half));
      await settle(group.slice(half));
    }
  };
  const workOff = async (): Promise<void> => {
    while (queue.length > 0) await settle(nextGroup());
    underWay = false;
  };
  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      if (underWay) return;
      underWay = true;
      // After what the same look at the sockets brought.
      setImmediate(() => void workOff());
    });
}
