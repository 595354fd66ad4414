import type { Siblings, WhatIf } from '../contracts/dry-run.ts';
import { type SourceFigures, Sources } from './collecting.tsx';
import { count, grouped, link, monthName, runPath, words } from './format.ts';
import { WaitList } from './home-page.tsx';
import { Facts, State, Table, When } from './parts.tsx';
import { Late, type LateOfRun } from './run-late.tsx';
import { Shapes, type ShapesOfRun } from './run-shapes.tsx';
import { Waiting, type WaitingRecords } from './run-waiting.tsx';
import { Shell, type Viewer } from './shell.tsx';
import { moreSiblingsText, siblingText, supposedText } from './sibling-runs.ts';
import { type StrategyFigures, Totals } from './strategy-totals.tsx';
import { isWorking, waitsOf } from './waits.ts';

export type RunFigures = {
  readonly runId: string;
  readonly workflowId: string;
  readonly entityId: string;
  readonly period: string;
  readonly calendarId: string;
  readonly kind: string;
  readonly selection: { readonly accountIds: readonly string[] } | null;
  readonly baseRunId: string | null;
  readonly whatIf: WhatIf | null;
  readonly state: string;
  readonly paused: boolean;
  readonly problem: string | null;
  readonly cutOffAt: string;
  readonly setClosedAt: string | null;
  readonly closedAt: string | null;
  readonly contentHash: string | null;
  readonly groups: readonly { readonly name: string; readonly state: string; readonly documents: number; readonly approvedBy: readonly string[]; readonly waitsForSecond: boolean }[];
  readonly byStrategy: readonly StrategyFigures[];
  readonly accounts: { readonly ready: number; readonly pending: number };
  readonly parked: readonly { readonly accountId: string; readonly reason: string | null }[];
  readonly held: readonly { readonly accountId: string; readonly reason: string }[];
  readonly waiting: readonly WaitingRecords[];
  readonly late: { readonly charges: number; readonly energyWh: string };
  readonly findings: { readonly blocks: number; readonly warns: number; readonly info: number; readonly unsigned: number };
  readonly postings: Readonly<Record<string, number>>;
};
type Props = ShapesOfRun &
  LateOfRun &
  Siblings & {
    readonly viewer: Viewer;
    /** `toSign`: what keeps it from closing and nobody has signed. */
    readonly run: RunFigures & { readonly toSign: readonly string[] };
    readonly entity: { readonly name: string; readonly timeZone: string };
    readonly approvals: readonly { readonly decision: string; readonly actor: string; readonly comment: string; readonly at: string; readonly contentHash: string; readonly isPresent: boolean }[];
    /** How complete each source is, while the run waits for them; else null. */
    readonly sources: readonly SourceFigures[] | null;
    /** What the viewer may order now. */
    readonly actions: readonly { readonly href: string; readonly text: string }[];
    readonly mayShape: boolean;
    readonly maySign: boolean;
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
      <Progress run={run} />
      <section class="card" aria-labelledby="waits">
        <h2 id="waits">{run.state === 'closed' ? 'Closed' : 'What it waits for'}</h2>
        {run.state === 'closed' ? (
          <p>{run.kind === 'live' ? 'Every document is issued, posted and read back.' : 'Nothing of it was issued: it shows what would be.'}</p>
        ) : (
          <WaitList waits={waitsOf(run)} />
        )}
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
          ...run.held.map((a): [string, string] => ['Invoice held', `${a.accountId}: ${a.reason}`]),
          [
            'ERP postings',
            Object.entries(run.postings).length === 0
              ? 'none yet'
              : Object.entries(run.postings)
                  .map(([state, n]) => `${n} ${words(state)}`)
                  .join(', '),
          ],
          ['Calendar', run.calendarId],
          ...(run.selection === null ? [] : [['Of these accounts alone', run.selection.accountIds.join(', ')] as const]),
          ...(run.kind === 'live'
            ? []
            : [
                ['Shows again', run.baseRunId === null ? 'what a live run would take' : <a href={runPath(run.baseRunId)}>{run.baseRunId}</a>] as const,
                ['Supposes', supposedText(run.whatIf) || 'nothing'] as const,
              ]),
          ['Workflow', workflowUrl === null ? <code>{run.workflowId}</code> : <a href={workflowUrl}>{run.workflowId}</a>],
        ]}
      />
      <Looks run={run} siblings={props.siblings} moreSiblings={props.moreSiblings} />
      {props.sources === null || run.kind !== 'live' ? null : <Sources sources={props.sources} timeZone={entity.timeZone} />}
      <Totals run={run} />
      <Waiting run={run} />
      {run.kind === 'live' ? (
        <>
          <Late {...props} />
          <Shapes {...props} />
          <Approvals {...props} />
        </>
      ) : null}
    </Shell>
  );
}

/** The steps of a run of which nothing leaves. */
const drySteps = ['planned', 'collecting', 'previewing', 'inReview', 'closed'];

function Progress({ run: { state, kind } }: { readonly run: RunFigures }) {
  const own = kind === 'live' ? steps : drySteps;
  const at = own.indexOf(state);
  return (
    <ol class="steps" aria-label="Progress">
      {own.map((step, i) => (
        <li class={i < at ? 'past' : i === at ? 'now' : 'ahead'} {...(i === at ? { 'aria-current': 'step' } : {})}>
          {words(step)}
        </li>
      ))}
    </ol>
  );
}

/** Where to look at the preview from other sides. */
function Looks({ run, siblings, moreSiblings }: Pick<Props, 'run' | 'siblings' | 'moreSiblings'>) {
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
        {siblings.map((s) => (
          <li>
            <a href={link(`${path}/diff`, { against: s.runId })}>Difference to the {s.kind} run</a>
            <div class="hint">{siblingText(s)}</div>
          </li>
        ))}
        {moreSiblings === 0 ? null : <li>{moreSiblingsText(moreSiblings)}</li>}
        <li>
          <a href={`${path}/totals?by=site`}>Totals</a>
          <div class="hint">by site, cost center, GL account and more</div>
        </li>
        <li>
          <a href={`${path}/left-out`}>What is left out</a>
          <div class="hint">carried, written off, held back</div>
        </li>
        <li>
          <a href={`${path}/report`}>Report</a>
          <div class="hint">{run.state === 'closed' ? 'as it was closed' : 'as it stands'}</div>
        </li>
        {run.state !== 'closed' || run.kind !== 'live' ? null : (
          <li>
            Files: <a href={`${path}/files/sie`}>SIE 4I</a>, <a href={`${path}/files/journal`}>journal (CSV)</a>, <a href={`${path}/files/manifest`}>manifest</a>,{' '}
            <a href={`${path}/files/report`}>report (PDF)</a>
            <div class="hint">for bookkeeping; import once</div>
          </li>
        )}
      </ul>
    </section>
  );
}

function Approvals({ approvals, entity }: Props) {
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
                <code title={a.contentHash}>{a.contentHash.slice(0, 12)}…</code> {a.isPresent ? 'the present one' : 'an earlier one'}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
