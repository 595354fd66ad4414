import type { DocumentView } from '../contracts/document-view.ts';
import { documentPath, link, monthName, runPath, words } from './format.ts';
import { Count, Figure, Kwh, Money, Pager, State, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

type Props = {
  readonly viewer: Viewer;
  readonly run: { readonly runId: string; readonly period: string };
  readonly documents: readonly DocumentView[];
  readonly filter: { readonly account?: string | undefined; readonly strategy?: string | undefined };
  readonly strategies: readonly string[];
  readonly firstPage: string | null;
  readonly nextPage: string | null;
};

/** A page of a run's documents, filtered by account and strategy. */
export function DocumentsPage({ viewer, run, documents, filter, strategies, firstPage, nextPage }: Props) {
  const path = `${runPath(run.runId)}/documents`;
  return (
    <Shell
      title={`Documents, ${monthName(run.period)}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        [runPath(run.runId), monthName(run.period)],
      ]}
    >
      <form class="filter" method="get" action={path}>
        <label for="account">Account, or a part of its name</label>
        <input id="account" name="account" value={filter.account ?? ''} />
        <label for="strategy">Strategy</label>
        <select id="strategy" name="strategy">
          <option value="">all</option>
          {strategies.map((s) => (
            <option value={s} selected={s === filter.strategy}>
              {words(s)}
            </option>
          ))}
        </select>
        <button type="submit">Show</button>
        {filter.account === undefined && filter.strategy === undefined ? null : <a href={link(path)}>all documents</a>}
      </form>
      {documents.length === 0 ? (
        <p>No document.</p>
      ) : (
        <Table
          label="Documents"
          head={
            <>
              <th scope="col">Account</th>
              <th scope="col">Strategy</th>
              <th scope="col">Number</th>
              <th scope="col">State</th>
              <Figure>Charges</Figure>
              <Figure>kWh</Figure>
              <Figure>Net</Figure>
              <Figure>VAT</Figure>
              <Figure>Payable</Figure>
              <th scope="col">Currency</th>
              <th scope="col">ERP</th>
            </>
          }
        >
          {documents.map((d) => (
            <tr>
              <td>
                <a href={documentPath(d.documentId)}>{d.accountName}</a>
                <div class="hint">{d.accountId}</div>
              </td>
              <td>{words(d.strategy)}</td>
              <td>{d.legalNumber ?? 'preview'}</td>
              <td>
                <State code={d.state} />
              </td>
              <Count n={d.chargeCount} />
              <Kwh wh={d.energyWh} />
              <Money amount={d.net} />
              <Money amount={d.vat} />
              <Money amount={d.payable} />
              <td>{d.currency}</td>
              <td>{d.erp === null ? '-' : <State code={d.erp.state} />}</td>
            </tr>
          ))}
        </Table>
      )}
      <Pager first={firstPage} next={nextPage} />
    </Shell>
  );
}
