import { z } from 'zod';

export const mostThresholdMinor = 1_000_000_00;
const threshold = z.int().min(0).max(mostThresholdMinor).meta({ description: 'In minor units of the currency of the entity’s books; what is billed or owed in another currency is not held by it.' });
const latePolicy = z.discriminatedUnion('policy', [
  z.strictObject({ policy: z.literal('nextInvoice') }).meta({ description: 'On the next invoice, whose lines show the month of service.' }),
  z.strictObject({ policy: z.literal('separateInvoice') }).meta({ description: 'On an invoice of its own.' }),
  z
    .strictObject({ policy: z.literal('holdBelow'), thresholdMinor: threshold.default(1000) })
    .meta({ description: 'Held until the signed sum of the account reaches the threshold, or for three months (D42).' }),
]);

/** What of a document somebody is the authority for: exactly one each. */
export const authorityTasks = ['number', 'delivery', 'collection', 'reminders', 'outgoingPayment'] as const;
export const documentTypes = ['invoice', 'creditNote', 'receipt', 'selfBilling', 'selfBillingCredit', 'settlementStatement', 'reimbursement'] as const;
const authority = z.strictObject({ type: z.enum(documentTypes), task: z.enum(authorityTasks), authority: z.enum(['wattledger', 'erp']) });

/** How an entity’s documents are made, where it differs from the defaults: what came late is on the next invoice, and no invoice is too small. */
export const documentRulesSchema = z.strictObject({
  late: z
    .strictObject({ driver: latePolicy.exactOptional(), fleet: latePolicy.exactOptional(), eMSP: latePolicy.exactOptional() })
    .default({})
    .meta({ description: 'What becomes of sessions and corrections of a month that the customer was billed already, by category.' }),
  minimumInvoice: z
    .strictObject({
      cardReceipt: threshold.exactOptional(),
      cardInvoice: threshold.exactOptional(),
      driverInvoice: threshold.exactOptional(),
      fleetInvoice: threshold.exactOptional(),
      emspSettlement: threshold.exactOptional(),
    })
    .default({})
    .meta({ description: 'By strategy: an invoice below it waits for the next, for three months at most (D26).' }),
  authorities: z
    .array(authority)
    .max(60)
    .default([])
    .meta({ description: 'Who numbers, delivers, collects, reminds and pays, by type of document. A type that is not named has us for number and delivery, and the ERP for the rest.' }),
  payoutThresholdMinor: threshold.default(0).meta({ description: 'Payees that are owed less wait, for 12 months at most, and no longer than their contract lasts (D32).' }),
  accounting: z
    .strictObject({
      voucherSeries: z
        .string()
        .regex(/^[A-Z]{1,2}$/, 'must be one or two capital letters')
        .default('W'),
    })
    .prefault({})
    .meta({ description: 'The voucher series that the bookkeeping keeps for what we hand it as a file.' }),
});

export type DocumentRules = z.infer<typeof documentRulesSchema>;
export type Authority = z.infer<typeof authority>;
export type LatePolicy = z.infer<typeof latePolicy>;
