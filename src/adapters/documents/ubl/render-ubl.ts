import { type EInvoice, type EInvoiceParty, eInvoiceOf } from '../../../core/document/e-invoice.ts';
import type { IssuedDocument } from '../../../core/document/issued-document.ts';
import { plainText } from '../../../core/document/plain-text.ts';
import type { Issue } from '../../../core/issues.ts';
import { formatMinor } from '../../../core/money.ts';
import { wordsFor } from '../words/languages.ts';
import { itemText, type Words } from '../words/words.ts';
import { element, type XmlNode, xmlBytes } from '../xml.ts';

const billing = { customization: 'urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0', profile: 'urn:fdc:peppol.eu:2017:poacc:billing:01:1.0' };
const selfBilling = { customization: 'urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0', profile: 'urn:fdc:peppol.eu:2017:poacc:selfbilling:01:1.0' };
const ubl = 'urn:oasis:names:specification:ubl:schema:xsd:';

/** An issued document as UBL 2.1 by Peppol BIS Billing 3.0 (invoice, credit note) or Self-Billing 3.0; or why it cannot be one. */
export function renderUbl(document: IssuedDocument): { readonly bytes: Buffer } | { readonly issues: readonly Issue[] } {
  const made = eInvoiceOf(document);
  return 'issues' in made ? made : { bytes: xmlBytes(rootOf(made.invoice, wordsFor(document))) };
}

function rootOf(invoice: EInvoice, words: Words): XmlNode {
  const { isCredit, currency } = invoice;
  const form = invoice.isSelfBilled ? selfBilling : billing;
  const kind = isCredit ? 'CreditNote' : 'Invoice';
  return {
    name: kind,
    attributes: { xmlns: `${ubl}${kind}-2`, 'xmlns:cac': `${ubl}CommonAggregateComponents-2`, 'xmlns:cbc': `${ubl}CommonBasicComponents-2` },
    content: [
      element('cbc:CustomizationID', form.customization),
      element('cbc:ProfileID', form.profile),
      element('cbc:ID', invoice.number),
      element('cbc:IssueDate', invoice.issuedOn),
      isCredit ? null : element('cbc:DueDate', invoice.dueOn),
      element(`cbc:${kind}TypeCode`, invoice.typeCode),
      element('cbc:Note', invoice.isSelfBilled ? words.notes.selfBilled : null),
      element('cbc:DocumentCurrencyCode', currency),
      element('cbc:TaxCurrencyCode', invoice.bookVat?.currency),
      element('cbc:BuyerReference', invoice.reference),
      element('cac:InvoicePeriod', [element('cbc:StartDate', invoice.from), element('cbc:EndDate', invoice.to)]),
      element('cac:OrderReference', [element('cbc:ID', invoice.purchaseOrder)]),
      ...invoice.credits.map((c) => element('cac:BillingReference', [element('cac:InvoiceDocumentReference', [element('cbc:ID', c.legalNumber), element('cbc:IssueDate', c.issuedOn)])])),
      element('cac:AccountingSupplierParty', [partyOf(invoice.seller)]),
      element('cac:AccountingCustomerParty', [partyOf(invoice.buyer)]),
      paymentMeansOf(invoice),
      ...invoice.roundings.map((r) =>
        element('cac:AllowanceCharge', [
          element('cbc:ChargeIndicator', String(r.amountMinor > 0n)),
          element('cbc:AllowanceChargeReason', words.notes.roundedVat),
          amount('cbc:Amount', abs(r.amountMinor), currency),
          category('cac:TaxCategory', r.category, r.percent, null, words),
        ]),
      ),
      element('cac:TaxTotal', [
        amount('cbc:TaxAmount', invoice.totals.vatMinor, currency),
        ...invoice.vat.map((v) =>
          element('cac:TaxSubtotal', [
            amount('cbc:TaxableAmount', v.baseMinor, currency),
            amount('cbc:TaxAmount', v.vatMinor, currency),
            category('cac:TaxCategory', v.category, v.percent, v.exemption, words),
          ]),
        ),
      ]),
      invoice.bookVat === null ? null : element('cac:TaxTotal', [amount('cbc:TaxAmount', invoice.bookVat.minor, invoice.bookVat.currency)]),
      element('cac:LegalMonetaryTotal', [
        amount('cbc:LineExtensionAmount', invoice.totals.linesMinor, currency),
        amount('cbc:TaxExclusiveAmount', invoice.totals.netMinor, currency),
        amount('cbc:TaxInclusiveAmount', invoice.totals.grossMinor, currency),
        invoice.totals.allowancesMinor === 0n ? null : amount('cbc:AllowanceTotalAmount', invoice.totals.allowancesMinor, currency),
        invoice.totals.chargesMinor === 0n ? null : amount('cbc:ChargeTotalAmount', invoice.totals.chargesMinor, currency),
        invoice.totals.roundingMinor === 0n ? null : amount('cbc:PayableRoundingAmount', invoice.totals.roundingMinor, currency),
        amount('cbc:PayableAmount', invoice.totals.payableMinor, currency),
      ]),
      ...invoice.lines.map((line) => lineOf(line, invoice, words)),
    ].filter((node) => node !== null),
  };
}

function lineOf(line: EInvoice['lines'][number], { isCredit, currency }: EInvoice, words: Words): XmlNode | null {
  const name = plainText(itemText(line.item, words));
  return element(`cac:${isCredit ? 'CreditNote' : 'Invoice'}Line`, [
    element('cbc:ID', String(line.id)),
    element('cbc:Note', line.corrects === null ? null : `${words.labels.corrects} ${line.corrects}`),
    element(`cbc:${isCredit ? 'Credited' : 'Invoiced'}Quantity`, line.quantity, { unitCode: line.unitCode }),
    amount('cbc:LineExtensionAmount', line.netMinor, currency),
    element('cbc:AccountingCost', line.costCenter === null ? null : plainText(line.costCenter)),
    element('cac:InvoicePeriod', [element('cbc:StartDate', line.period?.from), element('cbc:EndDate', line.period?.to)]),
    line.roundingMinor === 0n
      ? null
      : element('cac:AllowanceCharge', [
          element('cbc:ChargeIndicator', String(line.roundingMinor > 0n)),
          element('cbc:AllowanceChargeReason', words.notes.roundedPerSession),
          amount('cbc:Amount', abs(line.roundingMinor), currency),
        ]),
    element('cac:Item', [element('cbc:Name', name === '' ? line.serviceMonth : name), category('cac:ClassifiedTaxCategory', line.category, line.percent, null, words)]),
    element('cac:Price', [
      element('cbc:PriceAmount', line.price, { currencyID: currency }),
      line.baseQuantity === 1 ? null : element('cbc:BaseQuantity', String(line.baseQuantity), { unitCode: line.unitCode }),
    ]),
  ]);
}

function partyOf(party: EInvoiceParty): XmlNode | null {
  const { address } = party;
  const text = (value: string | undefined) => (value === undefined ? null : plainText(value));
  return element('cac:Party', [
    element('cbc:EndpointID', party.endpoint.id, { schemeID: party.endpoint.scheme }),
    element('cac:PartyName', [element('cbc:Name', party.name)]),
    element('cac:PostalAddress', [
      element('cbc:StreetName', text(address.street)),
      element('cbc:AdditionalStreetName', text(address.line2)),
      element('cbc:CityName', text(address.city)),
      element('cbc:PostalZone', text(address.postalCode)),
      element('cbc:CountrySubentity', text(address.region)),
      element('cac:Country', [element('cbc:IdentificationCode', address.country ?? party.country)]),
    ]),
    party.vatNumber === null ? null : element('cac:PartyTaxScheme', [element('cbc:CompanyID', party.vatNumber), element('cac:TaxScheme', [element('cbc:ID', 'VAT')])]),
    party.hasFTax ? element('cac:PartyTaxScheme', [element('cbc:CompanyID', 'Godkänd för F-skatt'), element('cac:TaxScheme', [element('cbc:ID', 'TAX')])]) : null,
    element('cac:PartyLegalEntity', [
      element('cbc:RegistrationName', party.name),
      element('cbc:CompanyID', party.register?.id, party.register?.scheme == null ? {} : { schemeID: party.register.scheme }),
    ]),
  ]);
}

/** Bankgiro as Sweden writes it (means 30, branch SE:BANKGIRO), else a credit transfer to the IBAN. */
function paymentMeansOf({ payment }: EInvoice): XmlNode | null {
  if (payment === null) return null;
  const account = payment.bankgiro ?? payment.iban;
  const branch = payment.bankgiro === null ? payment.bic : 'SE:BANKGIRO';
  return element('cac:PaymentMeans', [
    element('cbc:PaymentMeansCode', '30'),
    element('cbc:PaymentID', payment.ocr),
    element('cac:PayeeFinancialAccount', [element('cbc:ID', account), element('cac:FinancialInstitutionBranch', [element('cbc:ID', branch)])]),
  ]);
}

function category(name: string, id: string, percent: string | null, exemption: string | null, words: Words): XmlNode | null {
  const reasons: Readonly<Record<string, string>> = { AE: words.notes.reverseCharge, O: words.notes.outsideVat };
  return element(name, [
    element('cbc:ID', id),
    element('cbc:Percent', percent),
    element('cbc:TaxExemptionReasonCode', exemption?.toUpperCase()),
    element('cbc:TaxExemptionReason', exemption === null ? null : reasons[id]),
    element('cac:TaxScheme', [element('cbc:ID', 'VAT')]),
  ]);
}

function amount(name: string, minor: bigint, currency: string): XmlNode | null {
  return element(name, formatMinor(minor, currency), { currencyID: currency });
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}
