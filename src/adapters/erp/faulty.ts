import { ErpOutcomeUnknown, type ErpPort, ErpUnavailable } from './port.ts';

/** `unavailable`: nothing is written; `timeoutAfterWrite`: the document is written and the answer lost. */
export type ErpFault = 'unavailable' | 'timeoutAfterWrite';

/** An ERP whose first posts fail as planned, one fault a post; afterwards it is the ERP behind it. For tests and the demo. */
export function faultyErp(erp: ErpPort, plan: readonly ErpFault[]): ErpPort {
  const faults = [...plan];
  return {
    ...erp,
    // One at a time as long as there is a plan, so that it says what meets which document.
    get together() {
      return faults.length > 0 ? undefined : erp.together;
    },
    async post(document, onDrafted) {
      const fault = faults.shift();
      if (fault === 'unavailable') throw new ErpUnavailable('the ERP is not available');
      const posted = await erp.post(document, onDrafted);
      if (fault === 'timeoutAfterWrite') throw new ErpOutcomeUnknown('the ERP did not answer in time');
      return posted;
    },
  };
}

/** Reads `settings.faults` of an ERP connection; none when absent. Throws RangeError on an unknown fault, and on any fault in production. */
export function faultPlanOf(connection: { readonly id: string; readonly production: boolean; readonly settings: { readonly faults?: unknown } }): ErpFault[] {
  const faults = connection.settings.faults ?? [];
  if (!Array.isArray(faults) || !faults.every((f): f is ErpFault => f === 'unavailable' || f === 'timeoutAfterWrite')) {
    throw new RangeError(`ERP connection ${connection.id}: faults are a list of unavailable and timeoutAfterWrite`);
  }
  if (connection.production && faults.length > 0) throw new RangeError(`ERP connection ${connection.id} is production: remove its faults`);
  return faults;
}
