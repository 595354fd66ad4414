export type MoneyAccount =
  | 'unbilledReceivable'
  | 'receivable'
  | 'customerCredit'
  | 'deferredRevenue'
  | 'revenue'
  | 'revenueReduction'
  | 'adjustment'
  | 'outputVat'
  | 'inputVat'
  | 'selfAssessedVat'
  | 'roamingCost'
  | 'accruedPartnerCost'
  | 'partnerPayable'
  | 'dispute'
  | 'shareCost'
  | 'energyCost'
  | 'accruedShare'
  | 'ownerPayable'
  | 'driverPayable'
  | 'reimbursementClearing'
  | 'accruedReimbursement'
  | 'cardClearing'
  | 'cardFee'
  | 'chargeback'
  | 'bank'
  | 'bankClearing'
  | 'writeOff'
  | 'fxDifference'
  | 'rounding';
export type EnergyAccount = 'energyReceived' | 'energyUnbilled' | 'energyBilled' | 'energyFree' | 'energyExcluded';
export type LedgerAccount = MoneyAccount | EnergyAccount;

/** The figures of a document of what we owe. */
type OwedFigure = 'net' | 'inputVat' | 'selfAssessedVat' | 'rounding' | 'fx';
/** The figures each event is made of; those whose names end in Wh are energy, the others money. */
type FiguresOf = {
  saleRated: 'net' | 'energyWh' | 'freeWh';
  homeSold: 'net' | 'energyWh' | 'freeWh';
  homeRecharged: 'net' | 'energyWh' | 'freeWh';
  homeReimbursed: 'net';
  homePurchased: 'net';
  advanceFeeRated: 'net';
  advanceFeeReleased: 'net';
  purchaseRated: 'net';
  purchaseMatched: 'net' | 'inputVat' | 'selfAssessedVat' | 'fx';
  purchaseDiffers: 'accepted' | 'disputed';
  shareEstimated: 'net';
  energyReimbursed: 'net';
  shareDiffers: 'net';
  statementIssued: OwedFigure;
  reimbursementIssued: OwedFigure;
  saleInvoiced: 'net' | 'vat' | 'rounding' | 'fx' | 'energyWh';
  saleCredited: 'net' | 'vat' | 'rounding' | 'fx' | 'energyWh';
  roundedToKrona: 'amount';
  adjusted: 'net';
  owedAdjusted: 'owner' | 'driver';
  excludedWrittenOff: 'net' | 'energyWh';
  badDebt: 'net' | 'vat';
  cardCaptured: 'amount';
  cardFeeTaken: 'amount';
  cardSettled: 'amount';
  cardRefunded: 'amount';
  cardChargedBack: 'amount';
  paid: 'amount';
  overpaid: 'amount';
  setOff: 'owner' | 'partner' | 'driver';
  payoutSent: 'owner' | 'partner' | 'driver';
  payoutReturned: 'owner' | 'partner' | 'driver';
};
export type EventKind = keyof FiguresOf;
export type EnergyFigure = 'energyWh' | 'freeWh';
export type Figure = FiguresOf[EventKind];

type MoneyLine<F> = readonly [figure: F, debit: MoneyAccount, credit: MoneyAccount];
type EnergyLine<F> = readonly [figure: F, debit: EnergyAccount, credit: EnergyAccount];
type Line<F> = F extends EnergyFigure ? EnergyLine<F> : MoneyLine<F>;
type Row<F extends Figure> = {
  readonly says: string;
  /** Who brings it into the ERP: `us` with a document or journal, the `erp` itself as master of payments, or `nobody`: it stands in the month-end accrual alone. */
  readonly erpPostedBy: 'us' | 'erp' | 'nobody';
  readonly lines: { readonly [Name in F]: readonly [...Tail<Line<Name>>] };
};
type Tail<L> = L extends readonly [unknown, ...infer Accounts] ? Accounts : never;

const energyOfSale = { energyWh: ['energyUnbilled', 'energyReceived'], freeWh: ['energyFree', 'energyReceived'] } as const;
const invoiced = {
  net: ['receivable', 'unbilledReceivable'],
  vat: ['receivable', 'outputVat'],
  rounding: ['receivable', 'rounding'],
  fx: ['receivable', 'fxDifference'],
  energyWh: ['energyBilled', 'energyUnbilled'],
} as const;
const credited = {
  net: ['unbilledReceivable', 'receivable'],
  vat: ['outputVat', 'receivable'],
  rounding: ['rounding', 'receivable'],
  fx: ['fxDifference', 'receivable'],
  energyWh: ['energyUnbilled', 'energyBilled'],
} as const;

/** What was accrued is owed by a document that we write. */
const owed = (accrued: MoneyAccount, payable: MoneyAccount): Row<OwedFigure>['lines'] => ({
  net: [accrued, payable],
  inputVat: ['inputVat', payable],
  selfAssessedVat: ['inputVat', 'selfAssessedVat'],
  rounding: ['rounding', payable],
  fx: ['fxDifference', payable],
});

/**
 * The ledger table: for each figure of each event the account debited and the account credited. Balanced by its shape, line by line, in
 * every currency, in the books and in Wh. A kind without its row, or a row without one of its figures, does not compile.
 */
export const ledgerTable: { readonly [Kind in EventKind]: Row<FiguresOf[Kind]> } = {
  saleRated: {
    says: 'A session, a fee or a discount is priced: it is revenue of its service date, not yet billed; its energy waits to be billed, or was free.',
    erpPostedBy: 'nobody',
    lines: { net: ['unbilledReceivable', 'revenue'], ...energyOfSale },
  },
  homeSold: { says: 'Energy bought at a driver’s home is sold to the fleet.', erpPostedBy: 'nobody', lines: { net: ['unbilledReceivable', 'revenue'], ...energyOfSale } },
  homeRecharged: {
    says: 'The fleet owes what its driver laid out at home: no revenue, it clears the reimbursement of the same record.',
    erpPostedBy: 'nobody',
    lines: { net: ['unbilledReceivable', 'reimbursementClearing'], ...energyOfSale },
  },
  homeReimbursed: {
    says: 'Charging at home cost the driver this much, for the fleet to pay; accrued until its document.',
    erpPostedBy: 'nobody',
    lines: { net: ['reimbursementClearing', 'accruedReimbursement'] },
  },
  homePurchased: { says: 'Energy is bought from the driver at home, to be sold on; accrued until its document.', erpPostedBy: 'nobody', lines: { net: ['energyCost', 'accruedReimbursement'] } },
  advanceFeeRated: {
    says: 'A fee for time to come is due: deferred until its days have passed; it is invoiced like a sale.',
    erpPostedBy: 'nobody',
    lines: { net: ['unbilledReceivable', 'deferredRevenue'] },
  },
  advanceFeeReleased: { says: 'Days of a fee paid in advance have passed: they are revenue now.', erpPostedBy: 'nobody', lines: { net: ['deferredRevenue', 'revenue'] } },
  purchaseRated: { says: 'A session at another operator’s charger costs what was agreed, until its invoice comes.', erpPostedBy: 'nobody', lines: { net: ['roamingCost', 'accruedPartnerCost'] } },
  purchaseMatched: {
    says: 'The partner’s invoice is matched to its sessions: what was accrued is owed. Tax is on the invoice, or we owe it and deduct it ourselves.',
    erpPostedBy: 'us',
    lines: {
      net: ['accruedPartnerCost', 'partnerPayable'],
      inputVat: ['inputVat', 'partnerPayable'],
      selfAssessedVat: ['inputVat', 'selfAssessedVat'],
      fx: ['fxDifference', 'partnerPayable'],
    },
  },
  purchaseDiffers: {
    says: 'The partner’s invoice is not what we rated: the difference is accepted as cost, or disputed.',
    erpPostedBy: 'us',
    lines: { accepted: ['roamingCost', 'accruedPartnerCost'], disputed: ['dispute', 'accruedPartnerCost'] },
  },
  shareEstimated: { says: 'The site owner’s share of a session, estimated until the statement.', erpPostedBy: 'nobody', lines: { net: ['shareCost', 'accruedShare'] } },
  energyReimbursed: { says: 'The site owner’s electricity that a session took is paid back with the statement.', erpPostedBy: 'nobody', lines: { net: ['energyCost', 'accruedShare'] } },
  shareDiffers: { says: 'The statement comes to more or less than was estimated session by session.', erpPostedBy: 'nobody', lines: { net: ['shareCost', 'accruedShare'] } },
  statementIssued: {
    says: 'The site owner’s statement is issued: what was accrued is owed, with VAT where the owner is registered.',
    erpPostedBy: 'us',
    lines: owed('accruedShare', 'ownerPayable'),
  },
  reimbursementIssued: {
    says: 'The document of what charging at home cost a driver is issued: what was accrued is owed, with VAT where the driver is registered.',
    erpPostedBy: 'us',
    lines: owed('accruedReimbursement', 'driverPayable'),
  },
  saleInvoiced: {
    says: 'What was unbilled is invoiced, with its VAT. What is left is rounding of VAT per document, and the change of the rate since the service date.',
    erpPostedBy: 'us',
    lines: invoiced,
  },
  saleCredited: {
    says: 'An issued line is credited: what its mirror or an adjustment took out of unbilled goes against the receivable.',
    erpPostedBy: 'us',
    lines: credited,
  },
  roundedToKrona: { says: 'The total is rounded down to whole kronor; rounded up is the mirror.', erpPostedBy: 'us', lines: { amount: ['rounding', 'receivable'] } },
  adjusted: { says: 'A manual amount on a document, on its own account of the chart.', erpPostedBy: 'nobody', lines: { net: ['unbilledReceivable', 'adjustment'] } },
  owedAdjusted: {
    says: 'A manual amount on a document of what we owe, on its own account of the chart: owed like what was accrued.',
    erpPostedBy: 'nobody',
    lines: { owner: ['adjustment', 'accruedShare'], driver: ['adjustment', 'accruedReimbursement'] },
  },
  excludedWrittenOff: {
    says: 'What a run leaves out for good never was invoiced: it is taken out of revenue, and its energy is excluded.',
    erpPostedBy: 'nobody',
    lines: { net: ['revenueReduction', 'unbilledReceivable'], energyWh: ['energyExcluded', 'energyUnbilled'] },
  },
  badDebt: { says: 'A receivable is lost; VAT comes back where the law allows.', erpPostedBy: 'erp', lines: { net: ['writeOff', 'receivable'], vat: ['outputVat', 'receivable'] } },
  cardCaptured: { says: 'The card was charged: the acquirer owes it.', erpPostedBy: 'erp', lines: { amount: ['cardClearing', 'receivable'] } },
  cardFeeTaken: { says: 'The acquirer keeps its fee.', erpPostedBy: 'erp', lines: { amount: ['cardFee', 'cardClearing'] } },
  cardSettled: { says: 'The acquirer pays out.', erpPostedBy: 'erp', lines: { amount: ['bank', 'cardClearing'] } },
  cardRefunded: { says: 'The card is paid back, after its credit note.', erpPostedBy: 'erp', lines: { amount: ['receivable', 'cardClearing'] } },
  cardChargedBack: { says: 'The card holder’s bank took the payment back.', erpPostedBy: 'erp', lines: { amount: ['chargeback', 'cardClearing'] } },
  paid: { says: 'A customer pays.', erpPostedBy: 'erp', lines: { amount: ['bank', 'receivable'] } },
  overpaid: { says: 'A customer pays more than is owed.', erpPostedBy: 'erp', lines: { amount: ['bank', 'customerCredit'] } },
  setOff: {
    says: 'What we owe a party is set off against what it owes us.',
    erpPostedBy: 'erp',
    lines: { owner: ['ownerPayable', 'receivable'], partner: ['partnerPayable', 'receivable'], driver: ['driverPayable', 'receivable'] },
  },
  payoutSent: {
    says: 'A payment is sent to the bank.',
    erpPostedBy: 'erp',
    lines: { owner: ['ownerPayable', 'bankClearing'], partner: ['partnerPayable', 'bankClearing'], driver: ['driverPayable', 'bankClearing'] },
  },
  payoutReturned: {
    says: 'The bank sends a payment back: it is owed again.',
    erpPostedBy: 'erp',
    lines: { owner: ['bankClearing', 'ownerPayable'], partner: ['bankClearing', 'partnerPayable'], driver: ['bankClearing', 'driverPayable'] },
  },
};

/** Accounts that stand for what a charge itself is: their entries carry its GL account. */
export const accountsOfCharges: ReadonlySet<LedgerAccount> = new Set<LedgerAccount>(['revenue', 'revenueReduction', 'adjustment', 'roamingCost', 'shareCost', 'energyCost', 'reimbursementClearing']);

/** Accounts of what a customer owes, and what an owner, a driver or a partner is owed: one sum per party, without dimensions. */
export const accountsOfParties: ReadonlySet<LedgerAccount> = new Set<LedgerAccount>(['receivable', 'ownerPayable', 'driverPayable', 'partnerPayable']);

/** Whether a figure is energy. */
export function isEnergy(figure: Figure): figure is EnergyFigure {
  return figure === 'energyWh' || figure === 'freeWh';
}

/** Money in minor units of its currency, and of the books. */
export type Amount = { readonly minor: bigint; readonly book: bigint };
type FigureValue<F> = F extends EnergyFigure ? bigint : Amount;
type EventOf<Kind extends EventKind> = { readonly kind: Kind; readonly currency: string } & { readonly [F in FiguresOf[Kind]]: FigureValue<F> };
/** What happened, with its figures: money as `Amount`, energy in Wh; negative figures are its mirror. */
export type LedgerEvent = { [Kind in EventKind]: EventOf<Kind> }[EventKind];
