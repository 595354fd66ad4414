/** Another run of the same period. `isSelection`: of some accounts alone. */
export type Sibling = {
  readonly runId: string;
  readonly kind: string;
  readonly state: string;
  readonly whatIf: { readonly rateAgain: boolean; readonly tariffVersionIds: readonly string[] } | null;
  readonly isSelection: boolean;
};

/** What a dry run supposes, in words; empty where nothing. */
export function supposedText(whatIf: Sibling['whatIf']): string {
  if (whatIf === null) return '';
  return [...(whatIf.rateAgain ? ['every session rated again'] : []), ...(whatIf.tariffVersionIds.length === 0 ? [] : [`tariff ${whatIf.tariffVersionIds.join(', ')}`])].join(', ');
}

/** Such a run by its kind and what sets it apart. */
export function siblingText(s: Sibling): string {
  const apart = [s.isSelection ? 'some accounts' : '', supposedText(s.whatIf)].filter((part) => part !== '').join(', ');
  return `${s.kind} run ${s.runId}${apart === '' ? '' : ` (${apart})`}`;
}
