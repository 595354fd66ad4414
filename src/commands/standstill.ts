const firstMs = 10_000;
const againMs = 60_000;

/** Tells on stderr what is waited for when work does not go on: after ten seconds without a change of `done`, then every minute. */
export function standstill(): (done: number) => void {
  let last = -1;
  let since = 0;
  let toldAt = 0;
  return (done) => {
    const now = Date.now();
    if (done !== last) [last, since, toldAt] = [done, now, 0];
    if (now - since < firstMs || now - toldAt < againMs) return;
    toldAt = now;
    process.stderr.write(
      `Nothing of it was done for ${Math.round((now - since) / 1000)} s: a worker has to take it up. See that one runs (npm start, or wattledger worker) and what its log says; this goes on waiting, and what was begun is not lost when you stop it.\n`,
    );
  };
}
