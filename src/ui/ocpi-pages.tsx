import type { CdrDelivery, PeerOverview } from '../contracts/ocpi-overview.ts';
import { count, link, recordPath, words } from './format.ts';
import { Count, Facts, Figure, Pager, State, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

const pathOf = (peerId: string) => `/ocpi-peers/${encodeURIComponent(peerId)}`;
/** UTC, to the minute. */
const minute = (at: string | null) => (at === null ? '' : at.slice(0, 16).replace('T', ' '));

function lastSweep({ sweep }: PeerOverview): string {
  if (sweep === null) return 'not pulled';
  if (sweep.last === null) return 'not yet';
  const { state, startedAt, pulled, fresh, stated, problem } = sweep.last;
  return `${minute(startedAt)}: ${words(state)}, ${count(pulled, 'CDR')}${stated === null ? '' : ` of ${stated}`}, ${fresh} new${problem === null ? '' : `; ${problem}`}`;
}

/** How it was asked for its daily counts: by these its control totals stand. */
function dailyCounts({ sweep }: PeerOverview): string {
  if (sweep === null || sweep.counts === null) return 'not asked for yet';
  const { at, days, stated, problem } = sweep.counts;
  return `${minute(at)}: ${problem ?? (stated === 0 ? 'it sends no X-Total-Count' : `${stated} of ${count(days, 'day')} counted`)}`;
}

/** Of a tariff that the partner would not take, or give back: what it has instead. */
function standsThere({ state, thereVersion }: PeerOverview['tariffs'][number]): string {
  if (state !== 'refused' && state !== 'notTakenBack') return '';
  return thereVersion === null ? ', none stands there' : `, version ${thereVersion} may stand there`;
}

/** OCPI connections: state, last sweep, what waits to be sent. */
export function OcpiPeersPage({ viewer, peers, mayConnect }: { readonly viewer: Viewer; readonly peers: readonly PeerOverview[]; readonly mayConnect: boolean }) {
  return (
    <Shell title="OCPI" viewer={viewer} trail={[['/', 'Runs']]}>
      {peers.length === 0 ? <p>No connection is set up: PUT /v1/ocpi/peers/… or wattledger ocpi set.</p> : null}
      {peers.length === 0 ? null : (
        <Table
          label="OCPI connections; times in UTC"
          head={
            <>
              <th scope="col">Connection</th>
              <th scope="col">State</th>
              <th scope="col">Last sweep, UTC</th>
              <Figure>To send</Figure>
              <Figure>Refused</Figure>
              <Figure>Held</Figure>
              <Figure>Sent</Figure>
              <Figure>Seen</Figure>
              <Figure>Agreed</Figure>
              <th scope="col">Do</th>
            </>
          }
        >
          {peers.map((p) => (
            <tr>
              <td>
                <a href={pathOf(p.peerId)}>{p.name}</a>
                <div class="hint">
                  {words(p.kind)} {p.them.countryCode}*{p.them.partyId}
                  {p.problem === null ? '' : `; ${p.problem}`}
                  {p.waitingFor.map((w) => `; ${w.sales} wait for ${w.what}`)}
                  {p.moreWaitingFor === 0 ? '' : `; others for ${p.moreWaitingFor} more`}
                </div>
              </td>
              <td>
                <State code={p.state} /> {p.version}
              </td>
              <td>{lastSweep(p)}</td>
              <Count n={p.deliveries.waiting + p.deliveries.queued} />
              <Count n={p.deliveries.refused} />
              <Count n={p.deliveries.held} />
              <Count n={p.deliveries.sent} />
              <Count n={p.deliveries.seen} />
              <Count n={p.deliveries.agreed} />
              <td>{mayConnect ? <a href={link('/ocpi-peers/retry', { peerId: p.peerId })}>send again</a> : null}</td>
            </tr>
          ))}
        </Table>
      )}
    </Shell>
  );
}

type PeerProps = {
  readonly viewer: Viewer;
  readonly peer: PeerOverview;
  readonly deliveries: readonly CdrDelivery[];
  readonly mayConnect: boolean;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
};

/** One connection, and our CDRs for it with how far each has come. */
export function OcpiPeerPage({ viewer, peer, deliveries, mayConnect, firstPage, nextPage }: PeerProps) {
  const { waiting, queued, refused, held, withheld, sent, hubAcknowledged, seen, agreed } = peer.deliveries;
  return (
    <Shell title={`OCPI: ${peer.name}`} viewer={viewer} trail={[['/ocpi-peers', 'OCPI']]}>
      <Facts
        items={[
          ['State', <State code={peer.state} />],
          ['Version', peer.version ?? ''],
          ['Their versions', peer.versionsUrl ?? ''],
          ['Registered, UTC', minute(peer.registeredAt)],
          ['Problem', peer.problem ?? 'none'],
          ['CDRs go into', peer.sourceId ?? 'no source: they only buy'],
          ['Last sweep, UTC', lastSweep(peer)],
          ['Daily counts, UTC', dailyCounts(peer)],
          ['Partners', peer.partners.map((p) => `${p.accountId} as ${p.countryCode}*${p.partyId} from ${p.sendFrom}`).join('; ')],
          ['Our CDRs', `${waiting + queued} to send, ${refused} refused, ${held} held, ${withheld} withheld, ${sent} sent, ${hubAcknowledged} acknowledged by the hub, ${seen} seen, ${agreed} agreed`],
          [
            'Our tariffs',
            peer.tariffs.map((t) => `${t.tariffId} version ${t.version} ${words(t.state)}${standsThere(t)}${t.answer === null ? '' : `: ${t.answer}`}`).join('; ') || 'it was told of none',
          ],
          ['Waiting', [...peer.waitingFor.map((w) => `${w.sales} for ${w.what}`), ...(peer.moreWaitingFor === 0 ? [] : [`others for ${peer.moreWaitingFor} more`])].join('; ') || 'none'],
        ]}
      />
      {mayConnect ? (
        <p>
          <a href={link('/ocpi-peers/retry', { peerId: peer.peerId })}>Send again</a>
        </p>
      ) : null}
      <Table
        label="Our CDRs for this connection; times in UTC"
        head={
          <>
            <th scope="col">CDR</th>
            <th scope="col">Record</th>
            <th scope="col">Account</th>
            <th scope="col">State</th>
            <Figure>Tries</Figure>
            <th scope="col">Sent</th>
            <th scope="col">Hub</th>
            <th scope="col">Seen</th>
            <th scope="col">Agreed</th>
          </>
        }
      >
        {deliveries.map((d) => (
          <tr>
            <td>
              {d.cdrId} {d.kind === 'credit' ? <small>credit</small> : null}
              {d.answer === null ? null : <div class="hint">{d.answer}</div>}
              {d.issues.map((found) => (
                <div class="hint">{found.text}</div>
              ))}
            </td>
            <td>
              <a href={recordPath(d.recordId)}>{d.recordId}</a>
            </td>
            <td>{d.accountId}</td>
            <td>
              <State code={d.state} />
            </td>
            <Count n={d.attempts} />
            <td>{minute(d.sentAt)}</td>
            <td>{minute(d.hubAcknowledgedAt)}</td>
            <td>{minute(d.seenAt)}</td>
            <td>{minute(d.agreedAt)}</td>
          </tr>
        ))}
      </Table>
      <Pager first={firstPage} next={nextPage} />
    </Shell>
  );
}
