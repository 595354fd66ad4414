import { type ChargeRow, ChargeTable } from './charge-rows.tsx';
import { grouped, kWh, link, localTime, recordPath, words } from './format.ts';
import { Facts, State, Table } from './parts.tsx';
import { type SessionIdRows, SessionIdTable } from './session-ids.tsx';
import { Shell, type Viewer } from './shell.tsx';

type Props = {
  readonly viewer: Viewer;
  readonly timeZone: string;
  readonly record: {
    readonly recordId: string;
    readonly sourceId: string;
    readonly recordKey: string;
    readonly state: string;
    readonly revision: number;
    readonly siteId: string | null;
    readonly accountId: string | null;
    readonly token: string | null;
    readonly serviceMonth: string | null;
    readonly energyWh: string;
    readonly waitingFor: string | null;
    readonly atRisk: { readonly currency: string; readonly net: string } | null;
    readonly linkedTo: string | null;
    readonly issues: readonly { readonly code: string; readonly severity: string; readonly text: string }[];
  };
  readonly answer: string;
  readonly events: readonly { readonly at: string; readonly event: string; readonly text: string }[];
  readonly charges: readonly ChargeRow[];
  readonly margin: { readonly currency: string; readonly sold: string; readonly bought: string; readonly shared: string; readonly margin: string } | null;
  readonly mayDecide: boolean;
  readonly ids: SessionIdRows;
};

/** A record: why it is (not) on an invoice, what happened to it, and what it was billed. */
export function RecordPage({ viewer, timeZone, record: r, answer, events, charges, margin, mayDecide, ids }: Props) {
  return (
    <Shell
      title={`Record ${r.recordId}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        ['/quarantine', 'Quarantine'],
      ]}
    >
      <p>
        <State code={r.state} /> <code>{`${r.sourceId}/${r.recordKey}`}</code>
      </p>
      <p class="card answer">{answer}</p>
      {mayDecide && r.waitingFor !== null ? (
        <p class="buttons">
          <a class="button" href={link('/quarantine/decide', { recordIds: r.recordId })}>
            Decide on it
          </a>
          {r.state === 'quarantined' ? (
            <a class="button" href={link('/quarantine/correct', { recordId: r.recordId })}>
              Correct it
            </a>
          ) : null}
        </p>
      ) : null}
      <p>
        <a href={link('/trace', { from: 'record', id: r.recordId })}>Trace it to its document and the ERP</a>
      </p>
      <Facts
        items={[
          ['Energy', `${kWh(r.energyWh)} kWh`],
          ['Month', r.serviceMonth ?? 'unknown'],
          ['Revision', String(r.revision)],
          ['Site', r.siteId ?? '-'],
          ['Account', r.accountId ?? '-'],
          ['Token', r.token ?? '-'],
          ['Waits for', r.waitingFor === null ? 'nothing' : words(r.waitingFor)],
          ['At risk, net', r.atRisk === null ? '-' : `${grouped(r.atRisk.net)} ${r.atRisk.currency}`],
          ...(r.linkedTo === null ? [] : [['Billed as', <a href={recordPath(r.linkedTo)}>record {r.linkedTo}</a>] as const]),
        ]}
      />
      {r.issues.length === 0 ? null : (
        <section aria-labelledby="findings">
          <h2 id="findings">Findings</h2>
          <ul>
            {r.issues.map((i) => (
              <li>
                <State code={i.severity} /> {i.text}
              </li>
            ))}
          </ul>
        </section>
      )}
      <SessionIdTable ids={ids} />
      <section aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        <Table
          label="Timeline"
          head={
            <>
              <th scope="col">When ({timeZone})</th>
              <th scope="col">Event</th>
              <th scope="col">What</th>
            </>
          }
        >
          {events.map((e) => (
            <tr>
              <td class="nowrap">
                <time datetime={e.at}>{localTime(e.at, timeZone)}</time>
              </td>
              <td>{words(e.event)}</td>
              <td>{e.text}</td>
            </tr>
          ))}
        </Table>
      </section>
      <section aria-labelledby="charges">
        <h2 id="charges">Charges</h2>
        {charges.length === 0 ? <p>None: nothing is booked.</p> : <ChargeTable charges={charges} />}
        {margin === null ? null : (
          <p>
            Sold {grouped(margin.sold)}, bought {grouped(margin.bought)}, shared {grouped(margin.shared)}: a margin of {grouped(margin.margin)} {margin.currency}, net.
          </p>
        )}
      </section>
    </Shell>
  );
}
