import type { QuarantineCause } from '../contracts/quarantine-cause.ts';
import { count, link, monthName, runPath, words } from './format.ts';
import { Count, Figure, Kwh, Pager, State, Table, When } from './parts.tsx';
import { AtRisk } from './quarantine-page.tsx';
import { Shell, type Viewer } from './shell.tsx';
import type { Wait } from './waits.ts';

type Run = { readonly runId: string; readonly entityName: string; readonly period: string; readonly kind: string; readonly state: string; readonly paused: boolean };
/** A run that is not over. */
type OpenRun = Run & { readonly cutOffAt: string; readonly timeZone: string; readonly waits: readonly Wait[] };
type Props = {
  readonly viewer: Viewer;
  readonly open: readonly OpenRun[];
  /** How many there are, of which `open` are the first. */
  readonly openCount: number;
  readonly runs: readonly Run[];
  readonly firstPage: string | null;
  readonly nextPage: string | null;
  readonly causes: readonly QuarantineCause[];
  readonly mayPlan: boolean;
};

/** The first page: what waits for whom, and every run. */
export function HomePage({ viewer, open, openCount, runs, firstPage, nextPage, causes, mayPlan }: Props) {
  return (
    <Shell title="Billing runs" viewer={viewer}>
      <section aria-labelledby="open">
        <h2 id="open">What waits, and for whom</h2>
        {open.length === 0 ? <p>No run is open.</p> : null}
        {open.map((run) => (
          <article class="card">
            <h3>
              <a href={runPath(run.runId)}>
                {monthName(run.period)}, {run.entityName}
              </a>{' '}
              <State code={run.state} /> {run.paused ? <State code="paused" /> : null}
            </h3>
            <p class="hint">
              Cut-off <When at={run.cutOffAt} timeZone={run.timeZone} />
            </p>
            <WaitList waits={run.waits} />
          </article>
        ))}
        {openCount > open.length ? <p>{count(openCount - open.length, 'more open run')}: see all runs below.</p> : null}
        {mayPlan ? (
          <nav class="buttons" aria-label="Planning">
            <a class="button" href="/runs/plan">
              Plan a run
            </a>
            <a class="button" href="/runs/plan-dry">
              Plan a dry run
            </a>
          </nav>
        ) : null}
      </section>
      <section aria-labelledby="quarantine">
        <h2 id="quarantine">Quarantine by cause</h2>
        {causes.length === 0 ? (
          <p>Nothing waits.</p>
        ) : (
          <Table
            label="Quarantine by cause"
            head={
              <>
                <th scope="col">Cause</th>
                <th scope="col">Source</th>
                <th scope="col">Looks at it first</th>
                <Figure>Records</Figure>
                <Figure>kWh</Figure>
                <Figure>At risk, net</Figure>
              </>
            }
          >
            {causes.map((c) => (
              <tr>
                <td>
                  <a href={link('/quarantine/records', { cause: c.cause, sourceId: c.sourceId })}>{words(c.cause)}</a>
                </td>
                <td>{c.sourceId}</td>
                <td>{c.owner}</td>
                <Count n={c.records} />
                <Kwh wh={c.energyWh} />
                <AtRisk cause={c} />
              </tr>
            ))}
          </Table>
        )}
      </section>
      <section aria-labelledby="all">
        <h2 id="all">All runs</h2>
        {runs.length === 0 ? (
          <p>None was planned yet.</p>
        ) : (
          <Table
            label="All runs"
            head={
              <>
                <th scope="col">Month</th>
                <th scope="col">Entity</th>
                <th scope="col">Kind</th>
                <th scope="col">State</th>
                <th scope="col">Run</th>
                <th scope="col">See</th>
              </>
            }
          >
            {runs.map((r) => (
              <tr>
                <td class="nowrap">
                  <a href={runPath(r.runId)}>{monthName(r.period)}</a>
                </td>
                <td>{r.entityName}</td>
                <td>{r.kind}</td>
                <td>
                  <State code={r.state} /> {r.paused ? <State code="paused" /> : null}
                </td>
                <td>
                  <code>{r.runId}</code>
                </td>
                <td>
                  <a href={`${runPath(r.runId)}/documents`}>documents</a>, <a href={`${runPath(r.runId)}/report`}>close report</a>
                </td>
              </tr>
            ))}
          </Table>
        )}
        <Pager first={firstPage} next={nextPage} />
      </section>
    </Shell>
  );
}

export const WaitList = ({ waits }: { readonly waits: readonly Wait[] }) =>
  waits.length === 0 ? null : (
    <ul class="wait-list">
      {waits.map((w) => (
        <li>
          <strong>{w.who === 'nobody' ? 'By itself' : w.who}</strong> {w.what}
        </li>
      ))}
    </ul>
  );
