/** Types of documents of what we owe, written by us for who is owed. */
export const owedTypes = ['selfBilling', 'selfBillingCredit', 'settlementStatement', 'reimbursement'] as const;
const owed: ReadonlySet<string> = new Set(owedTypes);

/** To whom we owe what a document says: a site owner, or a driver for charging at home; undefined for what is owed to us. */
export function owedTo(type: string, strategy: string): 'owner' | 'driver' | undefined {
  if (!owed.has(type)) return undefined;
  return strategy === 'reimbursement' ? 'driver' : 'owner';
}
