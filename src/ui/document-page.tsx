import type { DocumentDetail } from '../contracts/document-view.ts';
import { formatMinor } from '../core/money.ts';
import { type ChargeRow, ChargeTable } from './charge-rows.tsx';
import { count, documentPath, grouped, kWh, link, recordPath, runPath, words } from './format.ts';
import { Count, Facts, Figure, Kwh, Money, Pager, State, Table } from './parts.tsx';
import { paymentPath } from './payment-pages.tsx';
import { Shell, type Viewer } from './shell.tsx';

type Props = {
  readonly viewer: Viewer;
  readonly document: DocumentDetail;
  readonly isEInvoice: boolean;
  readonly delivery: { readonly channel: string; readonly state: string; readonly attempt: number; readonly detail: string | null; readonly problem: string | null } | undefined;
  readonly charges: readonly ChargeRow[];
  readonly firstPage: string | null;
  readonly nextPage: string | null;
  /** What the viewer may order about this account in its run. */
  readonly actions: readonly { readonly href: string; readonly text: string }[];
};

/** A line's quantity as its charges say it: a share is a percentage of money. */
function quantityOf({ quantity, quantityUnit }: DocumentDetail['lines'][number], currency: string): string {
  if (quantityUnit === 'Wh') return `${kWh(quantity)} kWh`;
  if (quantityUnit === 'minorUnits') return `${grouped(formatMinor(BigInt(quantity), currency))} ${currency}`;
  return `${grouped(quantity)} ${quantityUnit}`;
}

/** A document: lines, VAT, totals, its place in the ERP, and every charge of its annex. */
export function DocumentPage({ viewer, document: d, isEInvoice, delivery, charges, firstPage, nextPage, actions }: Props) {
  return (
    <Shell
      title={`${words(d.type)} ${d.legalNumber ?? '(preview)'}, ${d.accountName}`.replace(/^./, (first) => first.toUpperCase())}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        [runPath(d.runId), 'Run'],
        [`${runPath(d.runId)}/documents`, 'Documents'],
      ]}
    >
      <p>
        <State code={d.state} /> {words(d.strategy)}, account <code>{d.accountId}</code>, <a href={link('/trace', { from: 'document', id: d.documentId })}>traced to its records and the ERP</a>
      </p>
      {d.state !== 'issued' ? null : (
        <p>
          <a href={`${documentPath(d.documentId)}.pdf`}>PDF</a>
          {!isEInvoice ? null : (
            <>
              {' '}
              <a href={`${documentPath(d.documentId)}.xml`}>E-invoice (UBL)</a>
            </>
          )}{' '}
          <a href={`${documentPath(d.documentId)}.csv`}>Sessions (CSV)</a>
        </p>
      )}
      {actions.length === 0 ? null : (
        <nav class="buttons" aria-label="What you can do">
          {actions.map((a) => (
            <a class="button" href={a.href}>
              {a.text}
            </a>
          ))}
        </nav>
      )}
      <Facts
        items={[
          ['Payable', `${grouped(d.payable)} ${d.currency}`],
          ['Energy', `${kWh(d.energyWh)} kWh`],
          ['Issued on', d.issuedOn ?? 'not issued'],
          ['Due on', d.dueOn ?? '-'],
          ['Reference', d.ocr ?? '-'],
          ['Service', d.serviceFrom === null ? '-' : `${d.serviceFrom} to ${d.serviceTo}`],
          ...(d.credits === null ? [] : [['Credits', <a href={documentPath(d.credits.documentId)}>{d.credits.legalNumber}</a>] as const]),
          ...(d.creditedBy.length === 0 ? [] : [['Credited by', d.creditedBy.map((c) => <CreditingLink {...c} currency={d.currency} />)] as const]),
          ...(d.paidBy.length === 0 ? [] : [['Paid by us', d.paidBy.map((p) => <PaidByLink {...p} />)] as const]),
          ['Payment', d.payment === null ? 'not told yet' : `${words(d.payment.state)}, ${grouped(d.payment.open)} ${d.currency} open`],
          [
            'ERP',
            d.erp === null ? (
              'not handed over'
            ) : (
              <>
                <State code={d.erp.state} /> {d.erp.externalId ?? ''} {d.erp.answer ?? ''}
              </>
            ),
          ],
          [
            'Delivery',
            delivery === undefined ? (
              'not by us'
            ) : (
              <>
                <State code={delivery.state} /> by {delivery.channel}
                {delivery.attempt === 1 ? '' : `, ${delivery.attempt} times`} {delivery.problem === null ? (delivery.detail ?? '') : 'no address that a letter reaches'}
              </>
            ),
          ],
          ['Content hash', <code class="hash">{d.contentHash}</code>],
        ]}
      />
      <section aria-labelledby="lines">
        <h2 id="lines">Lines</h2>
        <Table
          label="Lines"
          head={
            <>
              <Figure>Line</Figure>
              <th scope="col">Text</th>
              <th scope="col">Month</th>
              <th scope="col">Site</th>
              <th scope="col">Cost centers</th>
              <Figure>Quantity</Figure>
              <Figure>Unit price</Figure>
              <Figure>kWh</Figure>
              <Figure>Net</Figure>
              <th scope="col">VAT</th>
              <th scope="col">GL account</th>
            </>
          }
        >
          {d.lines.map((l) => (
            <tr>
              <Count n={l.lineNo} />
              <td>
                {l.description}
                <div class="hint">{l.charges === 0 ? 'adjustment' : count(l.charges, 'charge')}</div>
                {l.credits === null ? null : (
                  <div class="hint">
                    credits <a href={documentPath(l.credits.documentId)}>{l.credits.legalNumber}</a>
                    {l.credits.lineNo === null ? '' : `, line ${l.credits.lineNo}`}
                  </div>
                )}
              </td>
              <td class="nowrap">{l.serviceMonth}</td>
              <td>{l.siteId ?? '-'}</td>
              <td>
                {l.costCenter}
                {l.customerCostCenter === null ? null : <div class="hint">customer’s {l.customerCostCenter}</div>}
              </td>
              <td class="figure nowrap">{quantityOf(l, d.currency)}</td>
              <td class="figure">{l.unitPrice === null ? '-' : l.quantityUnit === 'minorUnits' ? `${l.unitPrice} %` : l.unitPrice}</td>
              <Kwh wh={l.energyWh} />
              <Money amount={l.net} />
              <td>{l.vatCode}</td>
              <td>{l.glAccount}</td>
            </tr>
          ))}
        </Table>
      </section>
      <div class="side-by-side">
        <section aria-labelledby="vat">
          <h2 id="vat">VAT</h2>
          <Table
            label="VAT"
            head={
              <>
                <th scope="col">Code</th>
                <Figure>Percent</Figure>
                <Figure>Base</Figure>
                <Figure>VAT</Figure>
              </>
            }
          >
            {d.vatByCode.map((v) => (
              <tr>
                <td>{v.vatCode}</td>
                <td class="figure">{v.percent}</td>
                <Money amount={v.base} />
                <Money amount={v.vat} />
              </tr>
            ))}
          </Table>
        </section>
        <section aria-labelledby="sums">
          <h2 id="sums">Totals in {d.currency}</h2>
          <Table
            label="Totals"
            head={
              <>
                <th scope="col">What</th>
                <Figure>Amount</Figure>
              </>
            }
          >
            {(
              [
                ['Net', d.net],
                ['VAT', d.vat],
                ['Rounding', d.rounding],
                ['Payable', d.payable],
              ] as const
            ).map(([what, amount]) => (
              <tr class={what === 'Payable' ? 'sum' : ''}>
                <td>{what}</td>
                <Money amount={amount} />
              </tr>
            ))}
          </Table>
        </section>
      </div>
      <section aria-labelledby="annex">
        <h2 id="annex">Annex: {count(d.chargeCount, 'charge')}</h2>
        {charges.length === 0 ? <p>None on this page.</p> : <ChargeTable charges={charges} recordPath={recordPath} />}
        <Pager first={firstPage} next={nextPage} />
      </section>
    </Shell>
  );
}

function PaidByLink({ paymentId, state, executeOn, returned }: DocumentDetail['paidBy'][number]) {
  return (
    <div>
      <a href={paymentPath(paymentId)}>{paymentId}</a>, {state}, to be carried out on {executeOn}
      {returned === null ? null : `, sent back on ${returned.on}: ${returned.reason}`}
    </div>
  );
}

function CreditingLink({ documentId, legalNumber, type, net, currency }: DocumentDetail['creditedBy'][number] & { readonly currency: string }) {
  return (
    <div>
      <a href={documentPath(documentId)}>{legalNumber ?? `${words(type)} (preview)`}</a> {grouped(net)} {currency} net
    </div>
  );
}
