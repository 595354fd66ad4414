import { count, documentPath, grouped, link, runPath, words } from './format.ts';
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
  readonly awaitsNumber: boolean;
  readonly numberTakenBy: string | null;
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
  readonly periods: readonly { readonly month: string; readonly here: string; readonly there: string; readonly words: string | null; readonly foundAt: string }[];
};
type Drift = {
  readonly driftId: string;
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
  /** How many are refused or held, and whether those alone are shown. */
  readonly waiting: number;
  readonly undecided: boolean;
  readonly connections: readonly Connection[];
  readonly drifts: readonly Drift[];
  /** The pages of what drifted. */
  readonly ofDrifts: { readonly firstPage: string | null; readonly nextPage: string | null };
  readonly mayRetry: boolean;
  readonly maySkip: boolean;
  readonly maySign: boolean;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
};

/** What is on its way to the ERP, and what waits for a decision. */
export function ErpPage({ viewer, postings, waiting, undecided, connections, drifts, ofDrifts, mayRetry, maySkip, maySign, firstPage, nextPage }: Props) {
  return (
    <Shell title="ERP" viewer={viewer} trail={[['/', 'Runs']]}>
      <p>
        Documents and journals that are not in the ERP yet. What is refused or held, or has a number that another document bears, waits for a decision; the others go on without it. Where the ERP does
        not say whether it has something, it is asked again until it does, or until somebody decides.
      </p>
      {waiting === 0 && !undecided ? null : (
        <p>
          {count(waiting, 'posting')} to decide on: <a href={link('/erp', { only: undecided ? undefined : 'undecided' })}>{undecided ? 'show all that is not there yet' : 'show these alone'}</a>.
        </p>
      )}
      {postings.length === 0 ? (
        <p>{firstPage !== null ? 'Nothing more: see the first page.' : undecided ? 'Nothing waits for a decision.' : 'Everything is in the ERP, read back and equal.'}</p>
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
                {p.numberTakenBy !== null ? (
                  <>
                    its number is that of <a href={documentPath(p.numberTakenBy)}>another document</a> {maySkip ? <a href={`/erp/${encodeURIComponent(p.key)}/number`}>state its number</a> : null}
                  </>
                ) : p.state !== 'refused' && p.state !== 'held' && p.state !== 'unknown' ? null : (
                  <>
                    {mayRetry ? <a href={`/erp/${encodeURIComponent(p.key)}/retry`}>send again</a> : null}{' '}
                    {!maySkip ? null : p.awaitsNumber ? <a href={`/erp/${encodeURIComponent(p.key)}/number`}>state its number</a> : <a href={`/erp/${encodeURIComponent(p.key)}/skip`}>skip</a>}
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
      {connections.every((c) => c.periods.length === 0) ? null : (
        <>
          <h2>Periods</h2>
          <p>Months that are closed here or in the ERP alone. What is closed there keeps documents of it waiting; what is still open there can be posted into by others.</p>
          <Table
            label="Periods"
            head={
              <>
                <th scope="col">Month</th>
                <th scope="col">Here</th>
                <th scope="col">In the ERP</th>
                <th scope="col">Since</th>
              </>
            }
          >
            {connections.flatMap((c) =>
              c.periods.map((p) => (
                <tr>
                  <td>
                    {p.month}
                    <div class="hint">{c.connectionId}</div>
                  </td>
                  <td>
                    <State code={p.here} />
                  </td>
                  <td>
                    <State code={p.there} />
                    {p.words === null ? null : <div class="hint">{p.words}</div>}
                  </td>
                  <td>{p.foundAt}</td>
                </tr>
              )),
            )}
          </Table>
        </>
      )}
      {drifts.length === 0 && ofDrifts.firstPage === null ? null : (
        <>
          <h2>Drift</h2>
          <p>
            What an ERP holds otherwise than it was handed over. It is never overwritten there: mend it and have it compared again, or sign that it may stay so. Until then its run and its month do not
            close.
          </p>
          <Table
            label="Drift"
            head={
              <>
                <th scope="col">Posting</th>
                <th scope="col">What</th>
                <th scope="col">How</th>
                <th scope="col">Since</th>
                <th scope="col">Decide</th>
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
                <td>{maySign && d.signedBy === null ? <a href={`/erp/drift/${encodeURIComponent(d.driftId)}/sign`}>sign</a> : null}</td>
              </tr>
            ))}
          </Table>
          <Pager first={ofDrifts.firstPage} next={ofDrifts.nextPage} />
        </>
      )}
    </Shell>
  );
}
