import { type IssueCode, remedyOf } from '../core/issues.ts';
import { type SourceFigures, Sources } from './collecting.tsx';
import { count, grouped, kWh, link, monthName, recordPath, runPath, words } from './format.ts';
import { WaitList } from './home-page.tsx';
import { Count, Facts, Figure, Kwh, Money, State, Table, When } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';
import { isWorking, waitsOf } from './waits.ts';

export type RunFigures = {
  readonly runId: string;
  readonly workflowId: string;
  readonly entityId: string;
  readonly period: string;
  readonly kind: string;
  readonly state: string;
  readonly paused: boolean;
  readonly problem: string | null;
  readonly cutOffAt: string;
  readonly setClosedAt: string | null;
  readonly closedAt: string | null;
  readonly contentHash: string | null;
  readonly groups: readonly { readonly name: string; readonly state: string; readonly documents: number; readonly approvedBy: readonly string[]; readonly waitsForSecond: boolean }[];
  readonly byStrategy: readonly {
    readonly strategy: string;
    readonly currency: string;
    readonly documents: number;
    readonly net: string;
    readonly vat: string;
    readonly payable: string;
    readonly energyWh: string;
  }[];
  readonly accounts: { readonly ready: number; readonly pending: number };
  readonly parked: readonly { readonly accountId: string; readonly reason: string | null }[];
  readonly waiting: readonly { readonly state: string; readonly code: string | null; readonly records: number; readonly energyWh: string; readonly signed: number }[];
  readonly late: { readonly charges: number; readonly energyWh: string };
  readonly findings: { readonly blocks: number; readonly warns: number; readonly info: number; readonly unsigned: number };
  readonly postings: Readonly<Record<string, number>>;
};
type Life = { readonly id: string; readonly reason: string; readonly author: string; readonly createdAt: string; readonly withdrawnAt: string | null };
type Props = {
  readonly viewer: Viewer;
  readonly run: RunFigures;
  readonly entity: { readonly name: string; readonly timeZone: string };
  readonly exclusions: readonly (Life & { readonly scope: string; readonly subjectId: string; readonly outcome: string })[];
  readonly adjustments: readonly (Life & { readonly accountId: string; readonly amount: string; readonly currency: string; readonly vatCode: string; readonly description: string })[];
  readonly approvals: readonly { readonly decision: string; readonly actor: string; readonly comment: string; readonly at: string; readonly contentHash: string }[];
  readonly late: readonly { readonly accountId: string; readonly accountName: string; readonly charges: number; readonly energyWh: string; readonly net: string; readonly currency: string }[];
  readonly pulledIn: readonly { readonly author: string; readonly charges: number; readonly energyWh: string }[];
  /** How complete each source is, while the run waits for them; else null. */
  readonly sources: readonly SourceFigures[] | null;
  /** What the viewer may order now. */
  readonly actions: readonly { readonly href: string; readonly text: string }[];
  readonly mayShape: boolean;
  readonly workflowUrl: string | null;
};

const steps = ['planned', 'collecting', 'previewing', 'inReview', 'approved', 'canary', 'issuing', 'handingOver', 'reconciled', 'closed'];

/** A run: where it stands, what it bills, what was changed by whom, and what the viewer may do. */
export function RunPage(props: Props) {
  const { viewer, run, entity, actions, workflowUrl } = props;
  return (
    <Shell title={`${monthName(run.period)}, ${entity.name}`} viewer={viewer} trail={[['/', 'Runs']]} refreshAfterS={isWorking(run) ? 3 : undefined}>
      <p>
        <State code={run.state} /> {run.paused ? <State code="paused" /> : null} {run.kind} run <code>{run.runId}</code>
      </p>
      <Progress state={run.state} />
      <section class="card" aria-labelledby="waits">
        <h2 id="waits">{run.state === 'closed' ? 'Closed' : 'What it waits for'}</h2>
        {run.state === 'closed' ? <p>Every document is issued, posted and read back.</p> : <WaitList waits={waitsOf(run)} />}
        {isWorking(run) ? <p class="hint">This page loads itself again every three seconds until that is done.</p> : null}
        {actions.length === 0 ? null : (
          <nav class="buttons" aria-label="What you can do">
            {actions.map((a) => (
              <a class="button" href={a.href}>
                {a.text}
              </a>
            ))}
          </nav>
        )}
      </section>
      <Facts
        items={[
          [
            'Content hash',
            run.contentHash === null ? (
              run.state === 'cancelled' ? (
                'none'
              ) : run.setClosedAt === null ? (
                'none before the cut-off'
              ) : (
                'none while documents are being built'
              )
            ) : (
              <code class="hash">{run.contentHash}</code>
            ),
          ],
          ['Cut-off', <When at={run.cutOffAt} timeZone={entity.timeZone} />],
          ['Set closed', run.setClosedAt === null ? 'not yet' : <When at={run.setClosedAt} timeZone={entity.timeZone} />],
          ['Closed', run.closedAt === null ? 'not yet' : <When at={run.closedAt} timeZone={entity.timeZone} />],
          ['Accounts', `${grouped(String(run.accounts.ready))} built, ${grouped(String(run.accounts.pending))} to be built`],
          ...(run.groups.length < 2 && !run.groups.some((g) => g.waitsForSecond) ? [] : run.groups).map((g): [string, string] => [
            `Release group ${g.name}`,
            `${words(g.state)}, ${g.documents} documents${g.waitsForSecond ? `; approved by ${g.approvedBy.join(', ')}, waits for a second` : ''}`,
          ]),
          ...run.parked.map((a): [string, string] => ['Parked', `${a.accountId}: ${a.reason ?? 'its documents could not be built'}`]),
          [
            'ERP postings',
            Object.entries(run.postings).length === 0
              ? 'none yet'
              : Object.entries(run.postings)
                  .map(([state, n]) => `${n} ${words(state)}`)
                  .join(', '),
          ],
          ['Workflow', workflowUrl === null ? <code>{run.workflowId}</code> : <a href={workflowUrl}>{run.workflowId}</a>],
        ]}
      />
      <Looks run={run} />
      {props.sources === null ? null : <Sources sources={props.sources} timeZone={entity.timeZone} />}
      <Totals run={run} />
      <Waiting run={run} />
      <Late {...props} />
      <Shapes {...props} />
      <Approvals {...props} />
    </Shell>
  );
}

function Progress({ state }: { readonly state: string }) {
  const at = steps.indexOf(state);
  return (
    <ol class="steps" aria-label="Progress">
      {steps.map((step, i) => (
        <li class={i < at ? 'past' : i === at ? 'now' : 'ahead'} {...(i === at ? { 'aria-current': 'step' } : {})}>
          {words(step)}
        </li>
      ))}
    </ol>
  );
}

/** Where to look at the preview from other sides. */
function Looks({ run }: { readonly run: RunFigures }) {
  if (run.setClosedAt === null) return null;
  const { blocks, warns, unsigned } = run.findings;
  const found = [
    ...(blocks === 0 ? [] : [`${blocks} that block${blocks === 1 ? 's' : ''}${unsigned === 0 ? ', all signed' : `, ${unsigned} not signed`}`]),
    ...(warns === 0 ? [] : [count(warns, 'warning')]),
  ];
  const path = runPath(run.runId);
  return (
    <section aria-labelledby="looks">
      <h2 id="looks">Look at it</h2>
      <ul class="looks">
        <li>
          <a href={`${path}/findings`}>What looks wrong</a>
          <div class="hint">{found.length === 0 ? 'nothing was found' : found.join('; ')}</div>
        </li>
        <li>
          <a href={`${path}/diff?against=lastMonth`}>Difference to last month</a>
          <div class="hint">by cause, and by account</div>
        </li>
        <li>
          <a href={`${path}/diff?against=previousPreview`}>Difference to the preview before</a>
          <div class="hint">what the last change did</div>
        </li>
        <li>
          <a href={`${path}/totals?by=site`}>Totals</a>
          <div class="hint">by site, cost center, GL account and more</div>
        </li>
        <li>
          <a href={`${path}/report`}>Report</a>
          <div class="hint">{run.state === 'closed' ? 'as it was closed' : 'as it stands'}</div>
        </li>
      </ul>
    </section>
  );
}

/** What a run bills, by strategy and currency; the close report shows the same. */
export function Totals({ run }: { readonly run: Pick<RunFigures, 'runId' | 'byStrategy'> }) {
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

function Waiting({ run }: { readonly run: RunFigures }) {
  if (run.waiting.length === 0) return null;
  return (
    <section aria-labelledby="waiting">
      <h2 id="waiting">Records parked or waiting</h2>
      <p>Records of its months that are not billed as they are. Before the close each is decided, or signed to be carried.</p>
      <Table
        label="Records parked or waiting"
        head={
          <>
            <th scope="col">State</th>
            <th scope="col">Cause and remedy</th>
            <Figure>Records</Figure>
            <Figure>kWh</Figure>
            <Figure>Signed to carry</Figure>
          </>
        }
      >
        {run.waiting.map((w) => (
          <tr>
            <td>
              <State code={w.state} />
            </td>
            <td>
              {w.code === null ? (
                'no cause'
              ) : (
                <>
                  <a href={link('/quarantine/records', { cause: w.code })}>{words(w.code)}</a>
                  <div class="hint">{remedyOf(w.code as IssueCode)}</div>
                </>
              )}
            </td>
            <Count n={w.records} />
            <Kwh wh={w.energyWh} />
            <Count n={w.signed} />
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Late({ run, late, pulledIn, mayShape }: Props) {
  if (run.setClosedAt === null) return null;
  return (
    <section aria-labelledby="late">
      <h2 id="late">Late arrivals beside the set</h2>
      {pulledIn.map((p) => (
        <p>
          {p.author} pulled in {count(p.charges, 'charge')}, {kWh(p.energyWh)} kWh.
        </p>
      ))}
      {run.late.charges === 0 ? (
        <p>Nothing came after the set was closed.</p>
      ) : (
        <>
          <p>
            {count(run.late.charges, 'charge')}, {kWh(run.late.energyWh)} kWh: not in the documents; for the next run{run.state === 'closed' ? '' : ', unless pulled in'}.
          </p>
          {late.length === 0 ? null : (
            <Table
              label="Late arrivals"
              head={
                <>
                  <th scope="col">Account</th>
                  <Figure>Charges</Figure>
                  <Figure>kWh</Figure>
                  <Figure>Net</Figure>
                  <th scope="col">Currency</th>
                  {mayShape ? <th scope="col">Do</th> : null}
                </>
              }
            >
              {late.map((l) => (
                <tr>
                  <td>
                    {l.accountName} <small>{l.accountId}</small>
                  </td>
                  <Count n={l.charges} />
                  <Kwh wh={l.energyWh} />
                  <Money amount={l.net} />
                  <td>{l.currency}</td>
                  {mayShape ? (
                    <td>
                      <a href={link(`${runPath(run.runId)}/pull-in`, { accountId: l.accountId })}>pull in</a>
                    </td>
                  ) : null}
                </tr>
              ))}
            </Table>
          )}
        </>
      )}
    </section>
  );
}

function Shapes({ run, entity, exclusions, adjustments, mayShape }: Props) {
  const life = (x: Life, kind: 'exclusions' | 'adjustments') => (
    <>
      <td>{x.reason}</td>
      <td>
        {x.author}
        <div class="hint">
          <When at={x.createdAt} timeZone={entity.timeZone} />
        </div>
      </td>
      <td class="nowrap">
        {x.withdrawnAt !== null ? (
          <span class="hint">
            withdrawn <When at={x.withdrawnAt} timeZone={entity.timeZone} />
          </span>
        ) : mayShape ? (
          <a href={`${runPath(run.runId)}/${kind}/${encodeURIComponent(x.id)}/withdraw`}>take back</a>
        ) : (
          'in effect'
        )}
      </td>
    </>
  );
  return (
    <section aria-labelledby="shapes">
      <h2 id="shapes">Exclusions and adjustments</h2>
      {exclusions.length === 0 && adjustments.length === 0 ? <p>None.</p> : null}
      {exclusions.length === 0 ? null : (
        <Table
          label="Exclusions"
          head={
            <>
              <th scope="col">Left out</th>
              <th scope="col">Outcome</th>
              <th scope="col">Reason</th>
              <th scope="col">Author</th>
              <th scope="col">Effect</th>
            </>
          }
        >
          {exclusions.map((x) => (
            <tr class={x.withdrawnAt === null ? '' : 'off'}>
              <td>
                {x.scope} {x.scope === 'record' ? <a href={recordPath(x.subjectId)}>{x.subjectId}</a> : x.subjectId}
              </td>
              <td>{words(x.outcome)}</td>
              {life(x, 'exclusions')}
            </tr>
          ))}
        </Table>
      )}
      {adjustments.length === 0 ? null : (
        <Table
          label="Adjustments"
          head={
            <>
              <th scope="col">Account and text</th>
              <Figure>Amount</Figure>
              <th scope="col">VAT</th>
              <th scope="col">Reason</th>
              <th scope="col">Author</th>
              <th scope="col">Effect</th>
            </>
          }
        >
          {adjustments.map((a) => (
            <tr class={a.withdrawnAt === null ? '' : 'off'}>
              <td>
                {a.accountId}
                <div class="hint">{a.description}</div>
              </td>
              <td class="figure">
                {grouped(a.amount)} {a.currency}
              </td>
              <td>{a.vatCode}</td>
              {life(a, 'adjustments')}
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function Approvals({ approvals, entity, run }: Props) {
  return (
    <section aria-labelledby="approvals">
      <h2 id="approvals">Approvals</h2>
      {approvals.length === 0 ? (
        <p>Nobody has decided yet.</p>
      ) : (
        <Table
          label="Approvals"
          head={
            <>
              <th scope="col">Decision</th>
              <th scope="col">By</th>
              <th scope="col">Comment</th>
              <th scope="col">When</th>
              <th scope="col">Content</th>
            </>
          }
        >
          {approvals.map((a) => (
            <tr>
              <td>
                <State code={a.decision} />
              </td>
              <td>{a.actor}</td>
              <td>{a.comment}</td>
              <td>
                <When at={a.at} timeZone={entity.timeZone} />
              </td>
              <td>
                <code title={a.contentHash}>{a.contentHash.slice(0, 12)}…</code> {a.contentHash === run.contentHash ? 'the present one' : 'an earlier one'}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
