import { type Exact, exactFromDecimal, exactFromInt, formatMinor, mul, roundToMoney } from '../money.ts';
import { type IssuedLine, itemOf } from './issued-document.ts';

/** What one e-invoice line says. `quantity × price / baseQuantity`, rounded, plus `roundingMinor` is `netMinor`, exactly. */
export type EInvoiceLine = {
  readonly id: number;
  /** Code of what is sold, or the words of an adjustment. */
  readonly item: string;
  readonly serviceMonth: string;
  readonly costCenter: string | null;
  readonly vatCode: string;
  /** Decimal text; negative where something is taken off (D12: the price is never negative). */
  readonly quantity: string;
  /** UN/ECE recommendation 20. */
  readonly unitCode: 'KWH' | 'SEC' | 'C62';
  readonly price: string;
  readonly baseQuantity: number;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  /** Whether quantity times price makes the amount; otherwise it stands as one. */
  readonly hasPrice: boolean;
  /** What rounding each session leaves over against quantity times price (D38); positive is a charge. */
  readonly roundingMinor: bigint;
  readonly energyWh: bigint;
  /** Legal number of the document that the line corrects. */
  readonly corrects: string | null;
};

type Sum = { readonly first: IssuedLine; readonly quantity: bigint; readonly netMinor: bigint; readonly grossMinor: bigint; readonly energyWh: bigint; readonly charges: number };

/**
 * Lines of an e-invoice: those of the document by what is sold, unit price, VAT code, cost center, service month and the document that they correct, with their true
 * quantity and price (D38). `sign` is -1 for credit notes, which carry positive amounts. What nets to nothing is
 * left out. By cost center, those without one last, and month.
 */
export function eInvoiceLines(lines: readonly IssuedLine[], currency: string, sign: 1n | -1n): EInvoiceLine[] {
  const sums = new Map<string, Sum>();
  for (const line of lines) {
    const own = line.kind === 'charge' ? '' : line.lineNo;
    const key = JSON.stringify([line.kind, own, itemOf(line), line.unitPrice, line.quantityUnit, line.vatCode, line.customerCostCenter, line.serviceMonth, line.corrects?.legalNumber ?? null]);
    const sum = sums.get(key) ?? { first: line, quantity: 0n, netMinor: 0n, grossMinor: 0n, energyWh: 0n, charges: 0 };
    sums.set(key, {
      first: sum.first,
      quantity: sum.quantity + line.quantity,
      netMinor: sum.netMinor + line.netMinor * sign,
      grossMinor: sum.grossMinor + line.grossMinor * sign,
      energyWh: sum.energyWh + line.energyWh,
      charges: sum.charges + Math.max(1, line.chargeCount),
    });
  }
  return [...sums.values()]
    .map((sum) => ({ ...sum, order: JSON.stringify([sum.first.customerCostCenter ?? '\uffff', sum.first.serviceMonth]) }))
    .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    .filter((sum) => sum.netMinor !== 0n || sum.quantity !== 0n)
    .map((sum, i): EInvoiceLine => {
      const { first, netMinor, grossMinor, energyWh } = sum;
      const atPrice = atItsPrice(sum, currency);
      return {
        id: i + 1,
        item: itemOf(first),
        serviceMonth: first.serviceMonth,
        costCenter: first.customerCostCenter,
        vatCode: first.vatCode,
        netMinor,
        grossMinor,
        energyWh,
        corrects: first.corrects?.legalNumber ?? null,
        hasPrice: atPrice !== undefined,
        ...(atPrice ?? {
          quantity: netMinor < 0n ? '-1' : '1',
          unitCode: 'C62',
          price: formatMinor(netMinor < 0n ? -netMinor : netMinor, currency),
          baseQuantity: 1,
          roundingMinor: 0n,
        }),
      };
    });
}

/** Quantity and price where these make the amount, but for what rounding each charge can move it; undefined where a line has no one price. */
function atItsPrice({ first, quantity, netMinor, charges }: Sum, currency: string): Pick<EInvoiceLine, 'quantity' | 'unitCode' | 'price' | 'baseQuantity' | 'roundingMinor'> | undefined {
  const measure = measures[first.quantityUnit];
  if (measure === undefined || first.unitPrice === null || quantity === 0n) return undefined;
  const price = first.unitPrice.replace(/^-/, '');
  const perUnit: Exact = mul(exactFromDecimal(price), { n: 1n, d: measure.perPrice });
  // A share of a session's gross may be two öre from its own net: one of rounding, one of the largest remainder.
  const most = 2n * BigInt(charges);
  const magnitude = quantity < 0n ? -quantity : quantity;
  // The price is not negative (BR-27), so the quantity has the sign of the amount.
  const size = netMinor < 0n ? -magnitude : magnitude;
  const roundingMinor = netMinor - roundToMoney(mul(exactFromInt(size), perUnit), currency, 'halfAwayFromZero');
  if (roundingMinor > most || roundingMinor < -most) return undefined;
  return { quantity: scaled(size, measure.digits), unitCode: measure.unitCode, price, baseQuantity: measure.baseQuantity, roundingMinor };
}

const measures: Readonly<Record<string, { readonly unitCode: EInvoiceLine['unitCode']; readonly digits: number; readonly baseQuantity: number; readonly perPrice: bigint }>> = {
  Wh: { unitCode: 'KWH', digits: 3, baseQuantity: 1, perPrice: 1000n },
  // OCPI prices time by the hour.
  s: { unitCode: 'SEC', digits: 0, baseQuantity: 3600, perPrice: 3600n },
  session: { unitCode: 'C62', digits: 0, baseQuantity: 1, perPrice: 1n },
  item: { unitCode: 'C62', digits: 0, baseQuantity: 1, perPrice: 1n },
  month: { unitCode: 'C62', digits: 0, baseQuantity: 1, perPrice: 1n },
};

function scaled(value: bigint, digits: number): string {
  const text = (value < 0n ? -value : value).toString().padStart(digits + 1, '0');
  const whole = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
  return value < 0n ? `-${whole}` : whole;
}
