import type { TraceRow } from '../contracts/trace.ts';
import { documentPath, grouped, kWh, recordPath, runPath, words } from './format.ts';
import { Figure, Pager, State, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

export const traceStarts = [
  ['record', 'record', 'its number, or source/key such as csms/se*wlt*4482'],
  ['document', 'document', 'its legal number, or its id'],
  ['account', 'account', 'its id'],
  ['erp', 'ERP id', 'as the ERP gave it'],
] as const;

type Props = {
  readonly viewer: Viewer;
  readonly from: string;
  readonly id: string;
  readonly rows: readonly TraceRow[] | null;
  readonly refusal: string | null;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
};

/** From any end to the others: energy, record, charge, document line, journal, ERP. */
export function TracePage({ viewer, from, id, rows, refusal, firstPage, nextPage }: Props) {
  return (
    <Shell title="Trace" viewer={viewer} trail={[['/', 'Runs']]}>
      <p>From any end to the others: energy, record, charge, document line, journals, ERP.</p>
      <form class="filter" method="get" action="/trace">
        <label for="from">From a</label>
        <select id="from" name="from">
          {traceStarts.map(([value, text, what]) => (
            <option value={value} selected={value === from}>
              {text} ({what})
            </option>
          ))}
        </select>
        <label for="id">of the id</label>
        <input id="id" name="id" value={id} required autocomplete="off" />
        <button type="submit">Trace</button>
      </form>
      {refusal === null ? null : <p class="refusal">{refusal}</p>}
      {rows === null ? null : rows.length === 0 ? (
        <p>No charge hangs on it.</p>
      ) : (
        <Table
          label="Charges all the way"
          head={
            <>
              <th scope="col">Record</th>
              <Figure>kWh</Figure>
              <th scope="col">Charge</th>
              <Figure>Net</Figure>
              <th scope="col">GL account and cost center</th>
              <th scope="col">Account and run</th>
              <th scope="col">Document</th>
              <th scope="col">Journals</th>
              <th scope="col">ERP</th>
            </>
          }
        >
          {rows.map((r) => (
            <tr>
              <td>
                {r.recordId === null ? 'of the month' : <a href={recordPath(r.recordId)}>{r.recordId}</a>}
                {r.sessionKey === null ? null : (
                  <div class="hint">
                    {r.sessionKey}
                    {r.revision === null || r.revision === 1 ? '' : `, revision ${r.revision}`}
                  </div>
                )}
              </td>
              <td class="figure">{kWh(r.energyWh)}</td>
              <td>
                {words(r.role)}
                <div class="hint">
                  {r.component}, charge {r.chargeId}
                </div>
              </td>
              <td class="figure">
                {grouped(r.net)} {r.currency}
              </td>
              <td>
                {r.glAccount}
                <div class="hint">{r.costCenter}</div>
              </td>
              <td>
                {r.accountId ?? '-'}
                {r.runId === null ? (
                  <div class="hint">not claimed by a run</div>
                ) : (
                  <div class="hint">
                    <a href={runPath(r.runId)}>{r.runId}</a>
                  </div>
                )}
              </td>
              <td>
                {r.documentId === null ? (
                  r.disposition === null ? (
                    'none yet'
                  ) : (
                    words(r.disposition)
                  )
                ) : (
                  <a class="nowrap" href={documentPath(r.documentId)}>
                    {r.legalNumber ?? 'preview'}
                  </a>
                )}
                {r.lineNo === null ? null : <div class="hint">line {r.lineNo}</div>}
              </td>
              <td>
                <code>{r.ratedJournal}</code>
                {r.issueJournal === null ? null : (
                  <div>
                    <code>{r.issueJournal}</code>
                  </div>
                )}
              </td>
              <td>
                {r.erpState === null ? '-' : <State code={r.erpState} />}
                {r.erpId === null ? null : <div class="hint">{r.erpId}</div>}
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Pager first={firstPage} next={nextPage} />
    </Shell>
  );
}
