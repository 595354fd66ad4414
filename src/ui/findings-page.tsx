import type { RunFinding } from '../contracts/run-finding.ts';
import { documentPath, grouped, link, monthName, recordPath, runPath, words } from './format.ts';
import { Pager, State, Table, When } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

type Props = {
  readonly viewer: Viewer;
  readonly run: { readonly runId: string; readonly entityId: string; readonly period: string; readonly findings: { readonly blocks: number; readonly warns: number; readonly info: number } };
  readonly timeZone: string;
  readonly severity: string;
  readonly findings: readonly RunFinding[];
  readonly maySign: boolean;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
};

/** What looks wrong in a preview; those chosen go on to a signature. */
export function FindingsPage({ viewer, run, timeZone, severity, findings, maySign, firstPage, nextPage }: Props) {
  const path = `${runPath(run.runId)}/findings`;
  const rulesOf = link('/rules/previews', { entity: run.entityId });
  const open = findings.filter((f) => f.signed === null);
  return (
    <Shell
      title={`What looks wrong, ${monthName(run.period)}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        [runPath(run.runId), monthName(run.period)],
      ]}
    >
      <p>
        What blocks is mended, or signed as right, before somebody else approves. A finding that comes out otherwise when the preview is built again is a new one. <a href={rulesOf}>The rules</a> say
        what is looked at, how gravely, and within which limits.
      </p>
      <nav class="tabs" aria-label="How grave">
        {(['blocks', 'warns', 'info'] as const).map((s) => (
          <a href={link(path, { severity: s })} {...(s === severity ? { 'aria-current': 'page' } : {})}>
            {s} ({grouped(String(run.findings[s]))})
          </a>
        ))}
      </nav>
      {findings.length === 0 ? (
        <p>Nothing of this kind was found.</p>
      ) : (
        <form method="get" action={`${runPath(run.runId)}/sign-findings`}>
          <Table
            label="Findings"
            head={
              <>
                {maySign ? <th scope="col">Choose</th> : null}
                <th scope="col">Severity</th>
                <th scope="col">Rule and subject</th>
                <th scope="col">What was found, and what mends it</th>
                <th scope="col">Look at</th>
                <th scope="col">Signed</th>
              </>
            }
          >
            {findings.map((f) => (
              <tr class={f.signed === null ? '' : 'off'}>
                {maySign ? (
                  <td>{f.signed === null ? <input type="checkbox" name="findingIds" value={f.findingId} aria-label={`Choose finding ${f.findingId}: ${words(f.rule)}, ${f.subject}`} /> : null}</td>
                ) : null}
                <td>
                  <State code={f.severity} />
                </td>
                <td>
                  <a href={`${rulesOf}#${f.rule}`}>{words(f.rule)}</a>
                  <div class="hint">{f.subject}</div>
                </td>
                <td class="sentence">
                  {f.text}
                  <div class="hint">{f.remedy}</div>
                </td>
                <td class="nowrap">
                  {f.documentId === null ? null : (
                    <div>
                      <a href={documentPath(f.documentId)}>document</a>
                    </div>
                  )}
                  {f.recordId === null ? null : (
                    <div>
                      <a href={recordPath(f.recordId)}>record {f.recordId}</a>
                    </div>
                  )}
                  {f.accountId === null ? null : <div class="hint">{f.accountId}</div>}
                </td>
                <td>
                  {f.signed === null ? (
                    'no'
                  ) : (
                    <>
                      {f.signed.by}: {f.signed.reason}
                      <div class="hint">
                        <When at={f.signed.at} timeZone={timeZone} />
                      </div>
                    </>
                  )}
                </td>
              </tr>
            ))}
          </Table>
          {maySign && open.length > 0 ? <button type="submit">Sign the chosen as right</button> : null}
        </form>
      )}
      <Pager first={firstPage} next={nextPage} />
    </Shell>
  );
}
