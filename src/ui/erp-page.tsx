import { documentPath, grouped, runPath, words } from './format.ts';
import { Count, Figure, Pager, State, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

type Posting = {
  readonly key: string;
  readonly connectionId: string;
  readonly runId: string | null;
  readonly documentId: string | null;
  readonly legalNumber: string | null;
  readonly kind: string;
  readonly state: string;
  readonly heldFor: string | null;
  readonly attempt: number;
  readonly answer: string | null;
  readonly amount: string;
  readonly currency: string;
};
type Connection = {
  readonly connectionId: string;
  readonly adapter: string;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly comparedAt: string | null;
  readonly drifts: number;
};
type Drift = {
  readonly connectionId: string;
  readonly key: string;
  readonly kind: string;
  readonly words: string;
  readonly foundAt: string;
  readonly signedBy: string | null;
  readonly signedReason: string | null;
};
type Props = {
  readonly viewer: Viewer;
  readonly postings: readonly Posting[];
  readonly connections: readonly Connection[];
  readonly drifts: readonly Drift[];
  readonly mayRetry: boolean;
  readonly maySkip: boolean;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
};

/** What is on its way to the ERP, and what waits for a decision. */
export function ErpPage({ viewer, postings, connections, drifts, mayRetry, maySkip, firstPage, nextPage }: Props) {
  return (
    <Shell title="ERP" viewer={viewer} trail={[['/', 'Runs']]}>
      <p>Documents and journals that are not in the ERP yet. What is refused or held waits for a decision; the others go on without it.</p>
      {postings.length === 0 ? (
        <p>Everything is in the ERP, read back and equal.</p>
      ) : (
        <Table
          label="Postings"
          head={
            <>
              <th scope="col">Posting</th>
              <th scope="col">Run</th>
              <Figure>Amount</Figure>
              <th scope="col">State</th>
              <Figure>Attempts</Figure>
              <th scope="col">What the ERP says</th>
              <th scope="col">Decide</th>
            </>
          }
        >
          {postings.map((p) => (
            <tr>
              <td>
                {words(p.kind)} {p.documentId === null ? p.key : <a href={documentPath(p.documentId)}>{p.legalNumber ?? p.key}</a>}
                <div class="hint">{p.connectionId}</div>
              </td>
              <td>{p.runId === null ? '-' : <a href={runPath(p.runId)}>{p.runId}</a>}</td>
              <td class="figure">
                {grouped(p.amount)} {p.currency}
              </td>
              <td>
                <State code={p.state} />
                {p.heldFor === null ? null : <div class="hint">{p.heldFor === 'period' ? 'a closed period' : 'the document it follows'}</div>}
              </td>
              <Count n={p.attempt} />
              <td>{p.answer ?? '-'}</td>
              <td>
                {p.state !== 'refused' && p.state !== 'held' ? null : (
                  <>
                    {mayRetry ? <a href={`/erp/${encodeURIComponent(p.key)}/retry`}>send again</a> : null} {maySkip ? <a href={`/erp/${encodeURIComponent(p.key)}/skip`}>skip</a> : null}
                  </>
                )}
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Pager first={firstPage} next={nextPage} />
      <h2>Connections</h2>
      <Table
        label="Connections"
        head={
          <>
            <th scope="col">Connection</th>
            <th scope="col">Holds</th>
            <th scope="col">Last compared</th>
            <Figure>Drifted</Figure>
          </>
        }
      >
        {connections.map((c) => (
          <tr>
            <td>
              {c.connectionId}
              <div class="hint">{words(c.adapter)}</div>
            </td>
            <td>
              from {c.validFrom}
              {c.validTo === null ? '' : ` until ${c.validTo}`}
            </td>
            <td>{c.comparedAt ?? 'not yet'}</td>
            <Count n={c.drifts} />
          </tr>
        ))}
      </Table>
      {drifts.length === 0 ? null : (
        <>
          <h2>Drift</h2>
          <p>What an ERP holds otherwise than it was handed over. It is shown, and never overwritten there.</p>
          <Table
            label="Drift"
            head={
              <>
                <th scope="col">Posting</th>
                <th scope="col">What</th>
                <th scope="col">How</th>
                <th scope="col">Since</th>
              </>
            }
          >
            {drifts.map((d) => (
              <tr>
                <td>
                  {d.key}
                  <div class="hint">{d.connectionId}</div>
                </td>
                <td>{words(d.kind)}</td>
                <td>
                  {d.words}
                  {d.signedBy === null ? null : (
                    <div class="hint">
                      signed by {d.signedBy}: {d.signedReason}
                    </div>
                  )}
                </td>
                <td>{d.foundAt}</td>
              </tr>
            ))}
          </Table>
        </>
      )}
    </Shell>
  );
}
