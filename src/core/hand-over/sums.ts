import type { ErpLine } from '../../contracts/erp-document.ts';

type Summed = Pick<ErpLine, 'glAccount' | 'costCenter' | 'vatCode' | 'amountMinor'>;

/** Lines summed by account, cost center and VAT code, in minor units; what comes to nothing is left out. Keys are prefixed by `prefix`, such as the kind. */
export function sumsOf(lines: readonly Summed[], prefix = '', suffix = ''): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  addSums(sums, lines, prefix, suffix);
  return sums;
}

/** The same, into sums that stand. */
export function addSums(sums: Map<string, bigint>, lines: readonly Summed[], prefix: string, suffix: string): void {
  for (const line of lines) {
    const key = `${prefix}${line.glAccount}|${line.costCenter ?? ''}|${line.vatCode ?? ''}${suffix}`;
    const sum = (sums.get(key) ?? 0n) + BigInt(line.amountMinor);
    if (sum === 0n) sums.delete(key);
    else sums.set(key, sum);
  }
}
