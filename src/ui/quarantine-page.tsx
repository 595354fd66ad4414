import type { QuarantineCause } from '../contracts/quarantine-cause.ts';
import { grouped, link, recordPath, words } from './format.ts';
import { Count, Figure, Kwh, Pager, State, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

type WaitingRecord = {
  readonly recordId: string;
  readonly sourceId: string;
  readonly recordKey: string;
  readonly state: string;
  readonly energyWh: string;
  readonly waitingFor: string | null;
  readonly serviceMonth: string | null;
  readonly atRisk: { readonly currency: string; readonly net: string } | null;
  readonly issues: readonly { readonly text: string }[];
};

/** Money at risk, a line a currency, and how many records have no price yet. */
export const AtRisk = ({ cause }: { readonly cause: Pick<QuarantineCause, 'atRisk' | 'unpriced'> }) => (
  <td class="figure">
    {cause.atRisk.map((m) => (
      <div>
        {grouped(m.net)} {m.currency}
      </div>
    ))}
    {cause.unpriced === 0 ? null : <div class="hint">{grouped(String(cause.unpriced))} without a price yet</div>}
  </td>
);

/** The quarantine by cause, with what is at risk and what mends it. */
export function QuarantinePage({
  viewer,
  causes,
  mayDecide,
  mayRetry,
}: {
  readonly viewer: Viewer;
  readonly causes: readonly QuarantineCause[];
  readonly mayDecide: boolean;
  readonly mayRetry: boolean;
}) {
  return (
    <Shell title="Quarantine" viewer={viewer} trail={[['/', 'Runs']]}>
      <p>What cannot be billed as it is. Most energy first.</p>
      {causes.length === 0 ? <p>Nothing waits.</p> : null}
      {causes.length === 0 ? null : (
        <Table
          label="Quarantine by cause"
          head={
            <>
              <th scope="col">Cause and remedy</th>
              <th scope="col">Source</th>
              <th scope="col">First with</th>
              <Figure>Records</Figure>
              <Figure>kWh</Figure>
              <Figure>At risk, net</Figure>
              <th scope="col">Do</th>
            </>
          }
        >
          {causes.map((c) => (
            <tr>
              <td>
                <a href={link('/quarantine/records', { cause: c.cause, sourceId: c.sourceId })}>{words(c.cause)}</a>
                <div class="hint">
                  {c.remedy} Waits for {words(c.waitingFor)}
                  {c.awaitingSecond === 0 ? '' : `; ${c.awaitingSecond} decided by one person, and need a second`}; oldest since {c.oldest.slice(0, 10)}.
                </div>
              </td>
              <td>{c.sourceId}</td>
              <td>{c.owner}</td>
              <Count n={c.records} />
              <Kwh wh={c.energyWh} />
              <AtRisk cause={c} />
              <td class="nowrap">
                {mayDecide ? <a href={link('/quarantine/decide', { cause: c.cause, sourceId: c.sourceId, expected: String(c.records) })}>decide on all</a> : null}
                {mayDecide && mayRetry ? <br /> : null}
                {mayRetry ? <a href={link('/quarantine/retry', { cause: c.cause, sourceId: c.sourceId })}>try again</a> : null}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Shell>
  );
}

type RecordsProps = {
  readonly viewer: Viewer;
  readonly cause: string;
  readonly sourceId: string | undefined;
  readonly records: readonly WaitingRecord[];
  readonly mayDecide: boolean;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
};

/** The records that wait for one cause; those chosen go on to a decision. */
export function QuarantinedRecordsPage({ viewer, cause, sourceId, records, mayDecide, firstPage, nextPage }: RecordsProps) {
  return (
    <Shell
      title={`Waiting: ${words(cause)}${sourceId === undefined ? '' : `, ${sourceId}`}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        ['/quarantine', 'Quarantine'],
      ]}
    >
      {records.length === 0 ? <p>No record waits for this.</p> : null}
      <form method="get" action="/quarantine/decide">
        <Table
          label="Waiting records"
          head={
            <>
              {mayDecide ? <th scope="col">Choose</th> : null}
              <th scope="col">Record</th>
              <th scope="col">Month</th>
              <th scope="col">State</th>
              <Figure>kWh</Figure>
              <Figure>At risk, net</Figure>
              <th scope="col">Why</th>
            </>
          }
        >
          {records.map((r) => (
            <tr>
              {mayDecide ? (
                <td>
                  <input type="checkbox" name="recordIds" value={r.recordId} aria-label={`Choose record ${r.recordId}`} />
                </td>
              ) : null}
              <td>
                <a href={recordPath(r.recordId)}>{r.recordId}</a>
                {mayDecide && r.state === 'quarantined' ? (
                  <>
                    {' '}
                    <a href={link('/quarantine/correct', { recordId: r.recordId })}>correct</a>
                  </>
                ) : null}
                <div class="hint">
                  {r.sourceId}/{r.recordKey}
                </div>
              </td>
              <td>{r.serviceMonth ?? '-'}</td>
              <td>
                <State code={r.state} />
              </td>
              <Kwh wh={r.energyWh} />
              <td class="figure">{r.atRisk === null ? '-' : `${grouped(r.atRisk.net)} ${r.atRisk.currency}`}</td>
              <td>
                {r.issues.map((i) => (
                  <div>{i.text}</div>
                ))}
              </td>
            </tr>
          ))}
        </Table>
        {mayDecide && records.length > 0 ? <button type="submit">Decide on the chosen</button> : null}
      </form>
      <Pager first={firstPage} next={nextPage} />
    </Shell>
  );
}
