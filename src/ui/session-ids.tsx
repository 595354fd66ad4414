import { kWh, recordPath, words } from './format.ts';
import { Figure, State, Table } from './parts.tsx';

type Named = { readonly side: string; readonly cdrId: string; readonly sessionId: string | null; readonly authorizationId: string | null; readonly state: string };
export type SessionIdRows = {
  readonly received: readonly (Named & { readonly recordId: string; readonly sourceId: string; readonly owner: string; readonly evseId: string | null; readonly energyWh: string })[];
  readonly sent: readonly (Named & { readonly peerId: string; readonly creditOf: string | null })[];
};

/** What each network calls one session: a row for each route it came by, and for each CDR that was made of it. */
export function SessionIdTable({ ids }: { readonly ids: SessionIdRows }) {
  return (
    <section aria-labelledby="ids">
      <h2 id="ids">Ids of the session</h2>
      <Table
        label="Ids of the session"
        head={
          <>
            <th scope="col">Whose</th>
            <th scope="col">By</th>
            <th scope="col">CDR</th>
            <th scope="col">Session</th>
            <th scope="col">Authorization</th>
            <th scope="col">EVSE</th>
            <Figure>kWh</Figure>
            <th scope="col">State</th>
          </>
        }
      >
        {ids.received.map((r) => (
          <tr>
            <td>{words(r.side)}</td>
            <td>
              <a href={recordPath(r.recordId)}>{r.sourceId}</a> {r.owner}
            </td>
            <td>{r.cdrId}</td>
            <td>{r.sessionId ?? ''}</td>
            <td>{r.authorizationId ?? ''}</td>
            <td>{r.evseId ?? ''}</td>
            <td class="figure">{kWh(r.energyWh)}</td>
            <td>
              <State code={r.state} />
            </td>
          </tr>
        ))}
        {ids.sent.map((r) => (
          <tr>
            <td>ours, to the {words(r.side)}</td>
            <td>{r.peerId}</td>
            <td>
              {r.cdrId} {r.creditOf === null ? null : <small>credit</small>}
            </td>
            <td>{r.sessionId ?? ''}</td>
            <td>{r.authorizationId ?? ''}</td>
            <td />
            <td />
            <td>
              <State code={r.state} />
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
