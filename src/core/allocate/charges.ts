import type { SessionRole } from '../../contracts/charge-record.ts';
import type { Supply } from '../../contracts/vat-table.ts';
import { type Issue, isIssue } from '../issues.ts';
import { toDecimal4HalfEven } from '../money.ts';
import { localDateOf, periodKeyOf } from '../time.ts';
import { conversionOn, minorInBooks } from './convert.ts';
import { decideVat } from './decide-vat.ts';
import { glAccountOf } from './gl-account.ts';
import type { PriceLine } from './price-line.ts';
import type { Session } from './session.ts';
import { type AccountSetup, type Contracted, vatStatusOn } from './setup.ts';

/** One sealed charge of a session. Money in minor units of `currency`, energy in Wh; negative on reversals, discounts and credits. */
export type Charge = {
  readonly role: SessionRole;
  readonly component: string;
  readonly splitNo: number;
  readonly contractId: string;
  readonly contractVersion: number;
  readonly clause: string;
  readonly payerAccountId: string | null;
  readonly payeeAccountId: string | null;
  readonly tariffVersionId: string | null;
  readonly currency: string;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  /** The net in the currency of the books, and by which rate it came. */
  readonly bookNetMinor: bigint;
  readonly fxRate: string | null;
  readonly vatCode: string;
  /** The row of the VAT table that decided. */
  readonly vatRule: string;
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly exactNet: string;
  readonly unitPrice: string;
  readonly energyWh: bigint;
  readonly quantity: bigint;
  readonly quantityUnit: string;
  readonly glAccount: string;
  /** The seller's own; the customer's stands beside it. */
  readonly costCenter: string;
  readonly customerCostCenter: string | null;
  readonly unitId: string | null;
  readonly siteId: string;
  readonly serviceOn: string;
  readonly serviceMonth: string;
  readonly mappingVersion: number;
};

/** What the charges of one side of a session share: who, by which contract, its VAT, and the books' view of the currency. */
export type Side = {
  readonly contract: Pick<Contracted, 'contractId' | 'version'>;
  readonly payerAccountId: string | null;
  readonly payeeAccountId: string | null;
  readonly currency: string;
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly tariffVersionId: string | null;
  readonly vat: { readonly code: string; readonly percent: string; readonly rule: string };
  readonly fx: Exclude<ReturnType<typeof conversionOn>, Issue>;
  readonly customerCostCenter: string | null;
  readonly unitId: string | null;
  readonly serviceOn: string;
  readonly serviceMonth: string;
};

type SideInput = {
  readonly account: AccountSetup;
  readonly direction: 'sale' | 'purchase';
  readonly supply: Supply;
  readonly contract: Side['contract'];
  readonly currency: string;
  readonly tariffVersionId: string | null;
  readonly statedPercent?: string | null;
};

/** One side of a session: decides its VAT (tax date: the local end date at the site, D07) and the rate into the books. What is missing blocks. */
export function sideOf(session: Session, { account, direction, supply, contract, currency, tariffVersionId, statedPercent }: SideInput): Side | Issue {
  const { entity, facts, endMs, site, payer } = session;
  const serviceOn = localDateOf(endMs, site.timeZone);
  const subject = facts.cdrId;
  const party = vatStatusOn(account, serviceOn);
  const vat = decideVat(entity, { subject, direction, supply, chargerCountry: site.country, party, on: serviceOn, ...(statedPercent === undefined ? {} : { statedPercent }) });
  if (vat.kind === 'open') return vat.issue;
  const fx = conversionOn(entity, currency, serviceOn, subject);
  if (isIssue(fx)) return fx;
  const isSale = direction === 'sale';
  return {
    contract,
    payerAccountId: isSale ? account.accountId : null,
    payeeAccountId: isSale ? null : account.accountId,
    currency,
    roundingMode: isSale ? account.roundingMode : 'netFirst',
    tariffVersionId,
    vat,
    fx,
    customerCostCenter: isSale ? payer.costCenter : null,
    unitId: isSale ? payer.unitId : null,
    serviceOn,
    serviceMonth: periodKeyOf(endMs, entity.timeZone),
  };
}

/** A line with its rounded amounts as a charge of one side; its account of the chart by `glKey`. An unmapped one blocks. */
export function chargeOf(session: Session, side: Side, line: PriceLine, amount: { readonly net: bigint; readonly gross: bigint }, glKey: string, splitNo = 0): Charge | Issue {
  const { entity, site, facts } = session;
  const glAccount = glAccountOf(entity, glKey, side.vat.code, facts.cdrId);
  if (typeof glAccount !== 'string') return glAccount;
  return {
    role: line.role,
    component: line.component,
    splitNo,
    contractId: side.contract.contractId,
    contractVersion: side.contract.version,
    clause: line.clause,
    payerAccountId: side.payerAccountId,
    payeeAccountId: side.payeeAccountId,
    tariffVersionId: side.tariffVersionId,
    currency: side.currency,
    netMinor: amount.net,
    grossMinor: amount.gross,
    bookNetMinor: minorInBooks(amount.net, side.currency, side.fx, entity.currency),
    fxRate: side.fx.name,
    vatCode: side.vat.code,
    vatRule: side.vat.rule,
    roundingMode: side.roundingMode,
    exactNet: toDecimal4HalfEven(line.exact),
    unitPrice: line.unitPrice,
    energyWh: line.energyWh,
    quantity: line.quantity,
    quantityUnit: line.unit,
    glAccount,
    costCenter: site.costCenter,
    customerCostCenter: side.customerCostCenter,
    unitId: side.unitId,
    siteId: site.siteId,
    serviceOn: side.serviceOn,
    serviceMonth: side.serviceMonth,
    mappingVersion: entity.mappingVersion,
  };
}

/** The exact mirror of a charge, for a corrected record: every amount and the Wh change sign. */
export function mirrorOf<T extends Pick<Charge, 'netMinor' | 'grossMinor' | 'bookNetMinor' | 'energyWh' | 'quantity' | 'exactNet'>>(charge: T): T {
  return {
    ...charge,
    netMinor: -charge.netMinor,
    grossMinor: -charge.grossMinor,
    bookNetMinor: -charge.bookNetMinor,
    energyWh: -charge.energyWh,
    quantity: -charge.quantity,
    exactNet: negate(charge.exactNet),
  };
}

function negate(decimal: string): string {
  if (decimal.startsWith('-')) return decimal.slice(1);
  return /[1-9]/.test(decimal) ? `-${decimal}` : decimal;
}
