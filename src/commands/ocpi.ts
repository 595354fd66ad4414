import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from '../client.ts';
import type { CdrDelivery, PeerOverview } from '../contracts/ocpi-overview.ts';
import { withApi } from '../stack/with-api.ts';
import { allPages } from './all-pages.ts';
import { command, fileAt, group, jsonArg, say, UsageError } from './command.ts';

const ops = 'sample-ops';
const pollMs = 500;
const peer = { peer: { type: 'positional', description: 'OCPI connection', required: true } } as const;
const pathOf = (id: string, more = '') => `/v1/ocpi/peers/${encodeURIComponent(id)}${more}`;

/** `wattledger ocpi …`: connections to OCPI peers and hubs. */
export const ocpiCommands = group('ocpi', 'OCPI connections', {
  list: command('list', 'Connections: state, last sweep, what waits to be sent', { ...jsonArg }, ({ json }) =>
    withApi(ops, async (api) => {
      const { items } = await api<{ items: readonly PeerOverview[] }>('GET', '/v1/ocpi/peers');
      if (json) say(JSON.stringify(items, null, 2));
      else if (items.length === 0) say('there is no OCPI connection yet; `wattledger ocpi set` makes one');
      else for (const line of items.flatMap(linesOf)) say(line);
      return items.every((p) => p.problem === null && p.deliveries.refused === 0 && p.deliveries.held === 0 && p.tariffs.every((t) => t.state !== 'refused' && t.state !== 'notTakenBack'));
    }),
  ),
  set: command(
    'set',
    'Set a connection up, or change it, from a JSON file',
    { ...peer, file: { type: 'positional', description: 'Body of PUT /v1/ocpi/peers/{peerId}', required: true } },
    async ({ peer: id, file }) => {
      const json = await jsonOf(file);
      return withApi(ops, async (api) => {
        say(linesOf(await api<PeerOverview>('PUT', pathOf(id), { json })).join('\n'));
        return true;
      });
    },
  ),
  invite: command('invite', 'Let a peer register here: prints the token, once, and our versions URL', { ...peer, ...jsonArg }, ({ peer: id, json }) =>
    withApi(ops, async (api) => {
      const invitation = await api<{ token: string; versionsUrl: string }>('POST', pathOf(id, '/invitation'));
      say(json ? JSON.stringify(invitation) : `token ${invitation.token}\nversions ${invitation.versionsUrl}`);
      return true;
    }),
  ),
  register: command(
    'register',
    'Register at a peer that invited us; without its URL and token, rotate the tokens of a registered one',
    { ...peer, url: { type: 'string', description: 'Its versions URL' }, token: { type: 'string', description: 'The token it gave us' } },
    ({ peer: id, url: versionsUrl, token }) => withApi(ops, (api) => register(api, id, { versionsUrl, token })),
  ),
  unregister: command('unregister', 'End the registration on both sides', { ...peer }, ({ peer: id }) =>
    withApi(ops, async (api) => {
      const { told } = await api<{ told: boolean }>('DELETE', pathOf(id, '/registration'));
      say(told ? `${id} is unregistered on both sides` : `${id} is unregistered here; it did not take our word for it`);
      return told;
    }),
  ),
  count: command(
    'count',
    'Ask a peer how many CDRs it has of each day, and hold that against what is here',
    { ...peer, from: { type: 'string', description: 'First day, YYYY-MM-DD; the last closed days unless told' }, to: { type: 'string', description: 'Last day' }, ...jsonArg },
    ({ peer: id, from, to, json }) => {
      if ((from === undefined) !== (to === undefined)) throw new UsageError('--from and --to belong together');
      return withApi(ops, (api) => countAt(api, id, from === undefined || to === undefined ? undefined : { from, to }, json));
    },
  ),
  deliveries: command(
    'deliveries',
    'Our CDRs for a peer, newest first, and why one is refused or held',
    { ...peer, state: { type: 'string', description: 'Only those queued, sent, refused, held, withheld, pullOnly or withdrawn' }, ...jsonArg },
    ({ peer: id, state, json }) =>
      withApi(ops, async (api) => {
        const items = await allPages<CdrDelivery>(api, pathOf(id, '/deliveries'), { state });
        if (json) say(JSON.stringify(items, null, 2));
        for (const d of json ? [] : items) say([`${d.cdrId}: ${d.state}${d.answer === null ? '' : `; ${d.answer}`}`, ...d.issues.map((found) => `  ${found.text}`)].join('\n'));
        return items.every((d) => d.state !== 'refused' && d.state !== 'held');
      }),
  ),
  'by-document': command(
    'by-document',
    'Settle a CDR that is held by the partner’s document alone',
    { ...peer, cdr: { type: 'positional', description: 'Id of the CDR', required: true }, reason: { type: 'string', description: 'Why', required: true } },
    ({ peer: id, cdr, reason }) =>
      withApi(ops, async (api) => {
        const { withheld } = await api<{ withheld: number }>('POST', pathOf(id, '/by-document'), { json: { cdrIds: [cdr], reason } });
        say(`${withheld} CDR is settled by document`);
        return true;
      }),
  ),
  retry: command('retry', 'Send again what a peer refused, and go on after its failure', { ...peer }, ({ peer: id }) =>
    withApi(ops, async (api) => {
      const { requeued, workflowId } = await api<{ requeued: number; workflowId: string }>('POST', pathOf(id, '/retry'));
      say(`${requeued} CDRs are queued again; ${workflowId} sends them`);
      return true;
    }),
  ),
});

/** Throws an Error that names the file. */
async function jsonOf(file: string): Promise<unknown> {
  const text = await readFile(await fileAt(file), 'utf8');
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`${file} is no JSON: ${(error as Error).message}`);
  }
}

async function register(api: Api, id: string, invitation: { readonly versionsUrl: string | undefined; readonly token: string | undefined }): Promise<boolean> {
  const { version } = await api<{ version: string }>('POST', pathOf(id, '/registration'), { json: invitation });
  say(`${id} is registered in OCPI ${version}`);
  return true;
}

function linesOf(p: PeerOverview): string[] {
  const { waiting, queued, refused, held, withheld, sent, hubAcknowledged, seen, agreed } = p.deliveries;
  const last = p.sweep?.last;
  const counts = p.sweep?.counts;
  return [
    `${p.peerId}: ${p.kind} ${p.them.countryCode}*${p.them.partyId}, ${p.state}${p.version === null ? '' : `, OCPI ${p.version}`}`,
    ...(p.problem === null ? [] : [`  problem: ${p.problem}`]),
    ...(last == null
      ? []
      : [`  swept ${last.startedAt}: ${last.state}, ${last.pulled} CDRs${last.stated === null ? '' : ` of ${last.stated}`}, ${last.fresh} new${last.problem === null ? '' : `; ${last.problem}`}`]),
    ...(counts == null ? [] : [`  counted ${counts.at}: ${countsText(counts)}`]),
    `  CDRs: ${waiting + queued} to send, ${refused} refused, ${held} held, ${withheld} withheld, ${sent} sent, ${hubAcknowledged} acknowledged by the hub, ${seen} seen, ${agreed} agreed`,
    ...(p.tariffs.length === 0 ? [] : [`  our tariffs there: ${p.tariffs.map((t) => `${t.tariffId} ${t.state}`).join(', ')}`]),
    ...p.waitingFor.map((w) => `  ${w.sales} wait for ${w.what}`),
  ];
}

type Counts = NonNullable<NonNullable<PeerOverview['sweep']>['counts']>;

function countsText({ days, stated, problem }: Counts): string {
  return problem ?? (stated === 0 ? `${days} days asked of, and it sends no X-Total-Count` : `${stated} of ${days} days`);
}

/** Has the peer asked, and waits for how it went; true when it answered. */
async function countAt(api: Api, id: string, window: { readonly from: string; readonly to: string } | undefined, json: boolean): Promise<boolean> {
  const look = async () => api<PeerOverview>('GET', pathOf(id));
  const { sourceId, sweep: before } = await look();
  if (sourceId === null) throw new UsageError(`${id} only buys: it has no CDRs for us to count`);
  const { workflowId } = await api<{ workflowId: string }>('POST', `/v1/sources/${encodeURIComponent(sourceId)}/counts`, { json: window === undefined ? {} : { window } });
  // Longer than all its tries take.
  for (const deadline = Date.now() + 45 * 60_000; Date.now() < deadline; ) {
    const counts = (await look()).sweep?.counts;
    if (counts != null && counts.at !== before?.counts?.at) {
      say(json ? JSON.stringify(counts, null, 2) : `${id}: ${countsText(counts)}`);
      return counts.problem === null;
    }
    await sleep(pollMs);
  }
  throw new Error(`${workflowId} has not ended: look at it in the Temporal UI`);
}
