import { conversionOn, minorInBooks } from '../allocate/convert.ts';
import { decideVat } from '../allocate/decide-vat.ts';
import { glAccountOf } from '../allocate/gl-account.ts';
import type { AccountSetup, EntitySetup, PartyVat } from '../allocate/setup.ts';
import { vatStatusOn } from '../allocate/setup.ts';
import { type Issue, isIssue } from '../issues.ts';
import { vatOfNet } from '../money.ts';
import type { PeriodCharge } from '../period/period-charge.ts';
import type { ShareAgreement } from './pipeline.ts';
import type { StatementRow } from './statement.ts';

/** Where a row's money belongs: a site, or for the month as a whole the owner's first one. */
export type RowPlace = { readonly country: string; readonly costCenter: string };

/** A statement's row as a charge of the month: with its VAT by the entity's table on the service date, its GL account and its amount in the books. What is missing blocks. */
export function statementCharge(entity: EntitySetup, payee: AccountSetup, row: StatementRow, place: RowPlace): PeriodCharge | Issue {
  const { supply, textKey: _textKey, explanation: _explanation, ...kept } = row;
  const subject = `${row.contractId} ${row.serviceMonth} ${row.component}`;
  const vat = decideVat(entity, { subject, direction: 'purchase', supply, chargerCountry: place.country, party: vatStatusOn(payee, row.serviceOn), on: row.serviceOn });
  if (vat.kind === 'open') return vat.issue;
  const fx = conversionOn(entity, row.currency, row.serviceOn, subject);
  if (isIssue(fx)) return fx;
  const glAccount = glAccountOf(entity, row.role === 'energyReimbursement' ? 'energyCost' : 'shareCost', vat.code, subject);
  if (isIssue(glAccount)) return glAccount;
  return {
    ...kept,
    payerAccountId: null,
    tariffVersionId: null,
    grossMinor: row.netMinor + vatOfNet(row.netMinor, vat.percent),
    bookNetMinor: minorInBooks(row.netMinor, row.currency, fx, entity.currency),
    fxRate: fx.name,
    vatCode: vat.code,
    vatRule: vat.rule,
    roundingMode: 'netFirst',
    // The energy of a session is borne by its sale.
    energyWh: 0n,
    glAccount,
    costCenter: place.costCenter,
    customerCostCenter: null,
    unitId: null,
    mappingVersion: entity.mappingVersion,
  };
}

/**
 * Whether what we owe is an invoice that we write: it needs the payee's registration for VAT and agreement, before the date of issue; else
 * undefined, and it is a statement without VAT (D46). A negative one is a self-billing credit note (D17).
 */
export function selfBillingType(party: PartyVat | undefined, agreement: Pick<ShareAgreement, 'selfBilling'>, issueOn: string, minor: bigint): 'selfBilling' | 'selfBillingCredit' | undefined {
  const registered = party !== undefined && party.status !== 'consumer' && party.vatNumber !== null;
  const agreed = agreement.selfBilling !== undefined && agreement.selfBilling.agreedOn <= issueOn;
  if (!registered || !agreed) return undefined;
  return minor < 0n ? 'selfBillingCredit' : 'selfBilling';
}
