import { grouped, kWh, words } from './format.ts';
import { Figure, State, Table } from './parts.tsx';

export type ChargeRow = {
  readonly chargeId: string;
  readonly recordId: string | null;
  readonly lineNo?: number | null;
  readonly role: string;
  readonly component: string;
  readonly payerAccountId: string | null;
  readonly payeeAccountId: string | null;
  readonly energyWh: string;
  readonly serviceOn: string;
  readonly live: boolean;
  readonly explanation: { readonly sentence: string; readonly price: { readonly currency: string }; readonly rounding: { readonly net: string } };
};

/** Charges, each with the one sentence that explains it. */
export function ChargeTable({ charges, recordPath }: { readonly charges: readonly ChargeRow[]; readonly recordPath?: (recordId: string) => string }) {
  return (
    <Table
      label="Charges"
      head={
        <>
          <th scope="col">Charge</th>
          <th scope="col">Day</th>
          <th scope="col">What</th>
          <th scope="col">Account</th>
          <Figure>kWh</Figure>
          <Figure>Net</Figure>
          <th scope="col">How it came about</th>
        </>
      }
    >
      {charges.map((c) => (
        <tr class={c.live ? '' : 'off'}>
          <td>
            {c.chargeId}
            <div class="hint">
              {c.lineNo === undefined || c.lineNo === null ? null : `line ${c.lineNo} `}
              {recordPath === undefined || c.recordId === null ? null : <a href={recordPath(c.recordId)}>record {c.recordId}</a>}
            </div>
          </td>
          <td class="nowrap">{c.serviceOn}</td>
          <td>
            {words(c.role)}
            <div class="hint">
              {c.component}
              {c.live ? null : (
                <>
                  {' '}
                  <State code="reversed" />
                </>
              )}
            </div>
          </td>
          <td>{c.payerAccountId ?? c.payeeAccountId ?? '-'}</td>
          <td class="figure">{kWh(c.energyWh)}</td>
          <td class="figure nowrap">
            {grouped(c.explanation.rounding.net)} {c.explanation.price.currency}
          </td>
          <td class="sentence">{c.explanation.sentence}</td>
        </tr>
      ))}
    </Table>
  );
}
