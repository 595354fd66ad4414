import type { CloseFacts, ExclusionRow } from '../core/cycle/close-report.ts';
import { count, grouped, kWh, monthName, runPath, words } from './format.ts';
import { Count, Facts, Figure, Kwh, State, Table, When } from './parts.tsx';
import { type Proofs, ReportProofs } from './report-proofs.tsx';
import type { RunFigures } from './run-page.tsx';
import { Shell, type Viewer } from './shell.tsx';
import { Totals } from './strategy-totals.tsx';

type Props = {
  readonly viewer: Viewer;
  readonly entity: { readonly name: string; readonly timeZone: string; readonly currency: string };
  readonly report: Pick<CloseFacts, 'smallSessions' | 'adjustments' | 'heldBack' | 'manualLeft' | 'carried' | 'ledger'> & {
    readonly run: RunFigures;
    readonly numbers: { readonly first: string | null; readonly last: string | null; readonly count: number };
    readonly approvals: readonly { readonly group?: string; readonly decision: string; readonly actor: string; readonly comment: string; readonly at: string }[];
    readonly exclusions: readonly (ExclusionRow & { readonly oldestOn?: string | null })[];
    readonly erp: CloseFacts['erp'] & { readonly skipped: number; readonly attempts: number };
    /** A report of an earlier close keeps the columns of its day: what it lacks was nothing then. */
    readonly energyBalance: Energy;
  } & Proofs;
  /** The energy balance to show: the report's, or as of an instant that was asked for. */
  readonly energy: Energy;
  readonly asOf: Date | undefined;
};
type Energy = readonly (Readonly<Partial<Record<(typeof energyColumns)[number] | 'included' | 'linked', string>>> & { readonly month: string; readonly difference: string })[];
const energyColumns = ['received', 'billed', 'open', 'carried', 'parked', 'held', 'free', 'excluded', 'rejected', 'billedElsewhere'] as const;
const noWh = '0';

/** The close report: as it stood at the close, or as it stands while the run is open. */
export function ReportPage({ viewer, entity, report, energy, asOf }: Props) {
  const { run, erp, numbers } = report;
  return (
    <Shell
      title={`Close report, ${monthName(run.period)}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        [runPath(run.runId), `${monthName(run.period)}, ${entity.name}`],
      ]}
    >
      <p>
        <State code={run.state} /> {run.closedAt === null ? 'As it stands now: the run is open.' : 'As it stood at the close.'}
      </p>
      <Facts
        items={[
          ['Content hash', run.contentHash === null ? 'none' : <code class="hash">{run.contentHash}</code>],
          ['Closed', run.closedAt === null ? 'not yet' : <When at={run.closedAt} timeZone={entity.timeZone} />],
          ['Numbers', numbers.count === 0 ? 'none issued' : `${numbers.first} to ${numbers.last}, ${grouped(String(numbers.count))} documents`],
          ['ERP', erp.connectionId ?? 'nothing handed over'],
          [
            'Posted and read back',
            `${grouped(String(erp.verified))}, in ${grouped(String(erp.attempts))} attempts; ${grouped(String(erp.open))} open${erp.skipped === 0 ? '' : `, ${grouped(String(erp.skipped))} skipped`}`,
          ],
          ['ERP control total', (erp.byCurrency?.length ? erp.byCurrency : [{ ...erp, currency: entity.currency }]).map((c) => `${grouped(c.controlTotal)} ${c.currency}`).join(', ')],
        ]}
      />
      <Totals run={run} />
      <section aria-labelledby="energy">
        <h2 id="energy">Balance of energy in kWh, by service month</h2>
        <form class="filter" method="get" action={`${runPath(run.runId)}/report`}>
          <label for="asOf">As it stood at, in UTC</label>
          <input id="asOf" name="asOf" type="datetime-local" value={asOf === undefined ? '' : asOf.toISOString().slice(0, 16)} />
          <button type="submit">Show</button>
          {asOf === undefined ? null : <a href={`${runPath(run.runId)}/report`}>as in the report</a>}
        </form>
        {asOf === undefined ? null : (
          <p>
            As it stood at <When at={asOf.toISOString()} timeZone={entity.timeZone} />.
          </p>
        )}
        <p>Received = billed + open + carried + parked + held + free + excluded + rejected + billed elsewhere.</p>
        <Table
          label="Balance of energy"
          head={
            <>
              <th scope="col">Month</th>
              {energyColumns.map((c) => (
                <Figure>{words(c)}</Figure>
              ))}
              <th scope="col">Balance</th>
            </>
          }
        >
          {energy.map((row) => (
            <tr>
              <td class="nowrap">{row.month}</td>
              {energyColumns.map((c) => (
                <Kwh wh={row[c] ?? noWh} />
              ))}
              <td>
                {row.difference === '0' ? <span class="state good">balances</span> : <span class="state bad">off by {kWh(row.difference)} kWh</span>}
                <Memo text="in allowances" wh={row.included} />
                <Memo text="same session by another route" wh={row.linked} />
              </td>
            </tr>
          ))}
        </Table>
      </section>
      <section aria-labelledby="ledger">
        <h2 id="ledger">Ledger</h2>
        <Table
          label="Ledger"
          head={
            <>
              <th scope="col">Unit</th>
              <Figure>Rest, in smallest units</Figure>
              <th scope="col">Balance</th>
            </>
          }
        >
          {report.ledger.map((l) => (
            <tr>
              <td>{l.unit}</td>
              <td class="figure">{grouped(l.rest)}</td>
              <td>{l.rest === '0' ? <span class="state good">sums to zero</span> : <span class="state bad">does not sum to zero</span>}</td>
            </tr>
          ))}
        </Table>
      </section>
      <ReportProofs proofs={report} timeZone={entity.timeZone} />
      <section aria-labelledby="left-out">
        <h2 id="left-out">Left out and changed</h2>
        <Table
          label="Left out and changed"
          head={
            <>
              <th scope="col">What</th>
              <th scope="col">Reason</th>
              <th scope="col">By</th>
              <Figure>Records</Figure>
              <Figure>kWh</Figure>
              <Figure>Net</Figure>
            </>
          }
        >
          {report.exclusions.map((x) => (
            <tr>
              <td>
                excluded {x.scope} {x.subjectId} ({words(x.outcome)}){x.oldestOn === null || x.oldestOn === undefined ? null : <div class="hint">its oldest day of service is {x.oldestOn}</div>}
              </td>
              <td>{x.reason}</td>
              <td>{x.author}</td>
              <td class="figure">-</td>
              <Kwh wh={x.energyWh} />
              <td class="figure">
                {grouped(x.net)} {x.currency ?? ''}
              </td>
            </tr>
          ))}
          {report.carried.map((c) => (
            <tr>
              <td>waiting records, signed to be carried</td>
              <td>{c.reason}</td>
              <td>{c.actor}</td>
              <Count n={c.records} />
              <Kwh wh={c.energyWh} />
              <td class="figure">-</td>
            </tr>
          ))}
          <tr>
            <td>small sessions, written off</td>
            <td>below the limit of small sessions</td>
            <td>by rule</td>
            <Count n={report.smallSessions.records} />
            <Kwh wh={report.smallSessions.energyWh} />
            <td class="figure nowrap">
              {grouped(report.smallSessions.net)} {report.smallSessions.currency ?? entity.currency}
            </td>
          </tr>
          <tr>
            <td>late arrivals, for the next run</td>
            <td>came after the set was closed</td>
            <td>-</td>
            <td class="figure">{count(run.late.charges, 'charge')}</td>
            <Kwh wh={run.late.energyWh} />
            <td class="figure">-</td>
          </tr>
          {report.adjustments.map((a) => (
            <tr>
              <td>adjusted account {a.accountId}</td>
              <td>{a.reason}</td>
              <td>{a.author}</td>
              <td class="figure">-</td>
              <td class="figure">-</td>
              <td class="figure nowrap">
                {grouped(a.amount)} {a.currency}
              </td>
            </tr>
          ))}
          {(report.heldBack ?? []).map((h) => (
            <tr>
              <td>held back</td>
              <td>{words(h.reason)}</td>
              <td>{h.signed === null ? 'by rule' : `${h.signed} signed`}</td>
              <td class="figure">{count(h.accounts, 'account')}</td>
              <Kwh wh={h.energyWh} />
              <td class="figure nowrap">
                {grouped(h.net)} {h.currency}
              </td>
            </tr>
          ))}
          {(report.manualLeft ?? []).map((l) => (
            <tr>
              <td>
                {l.kind} of account {l.accountId}, waits for the next run
                <div class="hint">{l.why}</div>
              </td>
              <td>{l.reason}</td>
              <td>{l.author}</td>
              <td class="figure">-</td>
              <td class="figure">-</td>
              <td class="figure nowrap">
                {grouped(l.amount)} {l.currency}
              </td>
            </tr>
          ))}
        </Table>
      </section>
      <section aria-labelledby="approvals">
        <h2 id="approvals">Approvals</h2>
        {report.approvals.length === 0 ? <p>None.</p> : null}
        <ul>
          {report.approvals.map((a) => (
            <li>
              <State code={a.decision} /> {a.group === undefined || a.group === 'all' ? null : `group ${a.group} `}by {a.actor}, <When at={a.at} timeZone={entity.timeZone} />: {a.comment}
            </li>
          ))}
        </ul>
      </section>
    </Shell>
  );
}

/** What is counted within another column, where there is any. */
const Memo = ({ text, wh = noWh }: { readonly text: string; readonly wh?: string | undefined }) =>
  wh === noWh ? null : (
    <div class="hint">
      {kWh(wh)} {text}
    </div>
  );
