import type { ErpLine } from '../../contracts/erp-document.ts';
import type { DocumentLine, DocumentValue } from '../document/compose.ts';

/** A line of a posting for the ERP; debit positive, minor units of the document's currency. */
export type BillLine = Pick<ErpLine, 'part' | 'glAccount' | 'costCenter' | 'vatCode'> & { readonly amountMinor: bigint /** Of a tax line: what it is reckoned of. */; readonly baseMinor?: bigint };

/** Where what is owed stands: to site owners, or to drivers. */
export type PayableKey = 'ownerPayable' | 'driverPayable';

/**
 * What a document written for a site owner, or for a driver, posts in the ERP as a vendor bill: its net per account, cost center and VAT code and the input VAT
 * per code against what is owed. Sums to zero. `glOf` finds the account of a key and throws where none is mapped.
 */
export function vendorBillLines(
  document: Pick<DocumentValue, 'payableMinor' | 'roundingMinor'> & {
    readonly vat: readonly (DocumentValue['vat'][number] & { /** Under reverse charge: owed and deducted. */ readonly selfAssessedMinor?: bigint })[];
    readonly lines: readonly Pick<DocumentLine, 'glAccount' | 'costCenter' | 'vatCode' | 'netMinor'>[];
  },
  glOf: (key: string) => string,
  payableKey: PayableKey = 'ownerPayable',
): BillLine[] {
  const costs = new Map<string, BillLine>();
  for (const { glAccount, costCenter, vatCode, netMinor } of document.lines) {
    const key = `${glAccount}\n${costCenter}\n${vatCode}`;
    costs.set(key, { part: 'net', glAccount, costCenter, vatCode, amountMinor: netMinor + (costs.get(key)?.amountMinor ?? 0n) });
  }
  return [
    ...costs.values(),
    ...document.vat
      .filter((v) => v.vatMinor !== 0n)
      .map((v): BillLine => ({ part: 'tax', glAccount: glOf(`inputVat.${v.vatCode}`), costCenter: null, vatCode: v.vatCode, amountMinor: v.vatMinor, baseMinor: v.baseMinor })),
    ...document.vat.flatMap(({ vatCode, baseMinor, selfAssessedMinor = 0n }): BillLine[] =>
      selfAssessedMinor === 0n
        ? []
        : [
            { part: 'tax', glAccount: glOf(`inputVat.${vatCode}`), costCenter: null, vatCode, amountMinor: selfAssessedMinor, baseMinor },
            { part: 'tax', glAccount: glOf(`selfAssessedVat.${vatCode}`), costCenter: null, vatCode, amountMinor: -selfAssessedMinor, baseMinor: -baseMinor },
          ],
    ),
    ...(document.roundingMinor === 0n ? [] : [{ part: 'rounding' as const, glAccount: glOf('rounding'), costCenter: null, vatCode: null, amountMinor: document.roundingMinor }]),
    { part: 'party' as const, glAccount: glOf(payableKey), costCenter: null, vatCode: null, amountMinor: -document.payableMinor },
  ].filter((l) => l.part === 'party' || l.amountMinor !== 0n);
}
