const accountsPerChunk = 1000;

/** Accounts in parts that one statement takes: by index whatever the size of the tables, so that a run costs what it bills and not what there is. */
export function chunksOf(accounts: readonly string[], size = accountsPerChunk): string[][] {
  const chunks: string[][] = [];
  for (let from = 0; from < accounts.length; from += size) chunks.push(accounts.slice(from, from + size));
  return chunks;
}
