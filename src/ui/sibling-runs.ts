import type { SiblingRun, WhatIf } from '../contracts/dry-run.ts';

/** What a dry run supposes, in words; empty where nothing. */
export function supposedText(whatIf: WhatIf | null): string {
  if (whatIf === null) return '';
  return [...(whatIf.rateAgain ? ['every session rated again'] : []), ...(whatIf.tariffVersionIds.length === 0 ? [] : [`tariff ${whatIf.tariffVersionIds.join(', ')}`])].join(', ');
}

/** Such a run by its kind and what sets it apart. */
export function siblingText(s: SiblingRun): string {
  const apart = [s.isSelection ? 'some accounts' : '', supposedText(s.whatIf)].filter((part) => part !== '').join(', ');
  return `${s.kind} run ${s.runId}${apart === '' ? '' : ` (${apart})`}`;
}

/** Of those that are not shown. */
export function moreSiblingsText(more: number): string {
  return `${more} more ${more === 1 ? 'run' : 'runs'} of the period, older ones, can be compared by their ids`;
}
