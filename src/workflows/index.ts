export { billingCycle } from './billing-cycle.ts';
export { cdrLifecycle } from './cdr-lifecycle.ts';
export { importBatch, intakeSweep } from './import-batch.ts';
