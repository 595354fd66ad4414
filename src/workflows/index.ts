export { billingCycle } from './billing-cycle.ts';
export { blockSealer } from './block-sealer.ts';
export { cdrLifecycle } from './cdr-lifecycle.ts';
export { erpHandOver } from './erp-hand-over.ts';
export { importBatch, intakeSweep, retryWaiting } from './import-batch.ts';
export { partitionKeeper } from './partition-keeper.ts';
export { creditAndRebill } from './rebill.ts';
export { retentionKeeper } from './retention-keeper.ts';
export { runOpener } from './run-opener.ts';
