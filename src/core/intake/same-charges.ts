import type { ChargeRecord } from '../../contracts/charge-record.ts';

type Allocation = ChargeRecord['allocation'];

/** Whether two allocations of a record charge the same to the same, by the same VAT and accounts; versions of set-up that changed nothing are no difference. */
export function sameCharges(a: Allocation, b: Allocation): boolean {
  return a.length === b.length && comparable(a) === comparable(b);
}

function comparable(allocation: Allocation): string {
  return allocation
    .map(({ mappingVersion: _m, contractVersion: _c, ...charge }) => JSON.stringify(Object.entries(charge).sort()))
    .sort()
    .join('\n');
}
