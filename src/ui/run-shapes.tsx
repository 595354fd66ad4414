import { grouped, recordPath, runPath, words } from './format.ts';
import { Figure, Table, When } from './parts.tsx';

type Life = { readonly id: string; readonly reason: string; readonly author: string; readonly createdAt: string; readonly withdrawnAt: string | null };
/** What finance changed of a run. */
export type ShapesOfRun = {
  readonly exclusions: readonly (Life & { readonly scope: string; readonly subjectId: string; readonly outcome: string })[];
  readonly adjustments: readonly (Life & {
    readonly accountId: string;
    readonly amount: string;
    readonly currency: string;
    readonly vatCode: string;
    readonly description: string;
    readonly signedBy: string | null;
    readonly leftBy: readonly { readonly runId: string; readonly why: string }[];
  })[];
};
type Props = ShapesOfRun & {
  readonly viewer: { readonly actor: string };
  readonly run: { readonly runId: string };
  readonly entity: { readonly timeZone: string };
  readonly mayShape: boolean;
  readonly maySign: boolean;
};

/** Exclusions and adjustments, each to be taken back as long as it may be, and adjustments to be signed by a second person. */
export function Shapes({ viewer, run, entity, exclusions, adjustments, mayShape, maySign }: Props) {
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
                {a.signedBy !== null ? (
                  <div class="hint">signed by {a.signedBy}</div>
                ) : maySign && a.withdrawnAt === null && a.author !== viewer.actor ? (
                  <a href={`${runPath(run.runId)}/adjustments/${encodeURIComponent(a.id)}/sign`}>sign</a>
                ) : null}
                {a.leftBy.map((l) => (
                  <div class="hint">
                    left by {l.runId}: {l.why}
                  </div>
                ))}
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
