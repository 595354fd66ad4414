import { link, runPath, words } from './format.ts';
import { Count, Figure, Kwh, Money, Table } from './parts.tsx';

export type StrategyFigures = {
  readonly strategy: string;
  readonly currency: string;
  readonly documents: number;
  readonly net: string;
  readonly vat: string;
  readonly payable: string;
  readonly energyWh: string;
};

/** What a run bills, by strategy and currency; the close report shows the same. */
export function Totals({ run }: { readonly run: { readonly runId: string; readonly byStrategy: readonly StrategyFigures[] } }) {
  return (
    <section aria-labelledby="totals">
      <h2 id="totals">Documents by strategy</h2>
      {run.byStrategy.length === 0 ? (
        <p>There are no documents yet.</p>
      ) : (
        <Table
          label="Documents by strategy"
          head={
            <>
              <th scope="col">Strategy</th>
              <Figure>Documents</Figure>
              <Figure>kWh</Figure>
              <Figure>Net</Figure>
              <Figure>VAT</Figure>
              <Figure>Payable</Figure>
              <th scope="col">Currency</th>
            </>
          }
        >
          {run.byStrategy.map((s) => (
            <tr>
              <td>
                <a href={link(`${runPath(run.runId)}/documents`, { strategy: s.strategy })}>{words(s.strategy)}</a>
              </td>
              <Count n={s.documents} />
              <Kwh wh={s.energyWh} />
              <Money amount={s.net} />
              <Money amount={s.vat} />
              <Money amount={s.payable} />
              <td>{s.currency}</td>
            </tr>
          ))}
        </Table>
      )}
      <p>
        <a href={`${runPath(run.runId)}/documents`}>All documents</a>
      </p>
    </section>
  );
}
