import type { EntityView } from '../../store/reads/entities.ts';
import type { RunSummary } from '../../store/reads/run-summary.ts';
import { count, grouped, kWh, localTime, monthName, runPath, words } from '../../ui/format.ts';
import type { Field } from '../../ui/order-page.tsx';
import { may } from '../auth.ts';
import { instantOf } from './form-values.ts';
import type { ConsoleOrder } from './order.ts';

/** `toSign`: what keeps it from closing and nobody has signed, in sentences. */
export type RunToSign = RunSummary & { readonly toSign: readonly string[] };
/** An order of a run; `states` are those in which it is offered. The API decides whether it is taken. */
export type RunOrder = ConsoleOrder & { readonly states: readonly string[]; readonly offered?: boolean };

const reason: Field = { name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why; kept in the audit trail for good.' };
const open = ['collecting', 'previewing', 'inReview'];
const unfinished = ['planned', 'collecting', 'previewing', 'inReview', 'approved', 'canary', 'issuing', 'handingOver', 'reconciled'];

/** What can be ordered of a run, by the last part of its path. `seenHash`: the content that was looked at, when a decision on it is being written. */
export function runOrders(run: RunToSign, entity: EntityView, seenHash: string | null = run.contentHash): Readonly<Record<string, RunOrder>> {
  const api = `/v1/runs/${encodeURIComponent(run.runId)}`;
  const base = {
    about: [
      ['Run', `${monthName(run.period)}, ${entity.name} (${run.runId})`],
      ['State', `${words(run.state)}${run.paused ? ', paused' : ''}`],
    ] as (readonly [string, string])[],
    trail: [
      ['/', 'Runs'],
      [runPath(run.runId), `${monthName(run.period)}, ${entity.name}`],
    ] as const,
    next: () => runPath(run.runId),
  };
  const figures = run.byStrategy.map((s): readonly [string, string] => [
    words(s.strategy),
    `${count(s.documents, 'document')}, net ${grouped(s.net)}, payable ${grouped(s.payable)} ${s.currency}, ${kWh(s.energyWh)} kWh`,
  ]);
  const attention =
    seenHash === run.contentHash
      ? undefined
      : `The content has changed since you looked at it; its present hash is ${run.contentHash ?? 'none: documents are being built'}. Review the run again: a decision on the earlier content is refused.`;
  const inReview = run.groups.filter((g) => g.state === 'inReview' && g.contentHash !== null);
  // The choice carries the hash the group had when the form was written.
  const group: Field = {
    name: 'group',
    label: 'Release group',
    kind: 'choice',
    hint: 'Groups are approved and issued apart.',
    choices: [['', 'all that are in review'], ...inReview.map((g): readonly [string, string] => [`${g.contentHash} ${g.name}`, `${g.name}: ${count(g.documents, 'document')}`])],
  };
  const ofGroup = (v: Readonly<Record<string, string>>) => {
    const [contentHash, ...name] = (v['group'] ?? '').split(' ');
    return name.length === 0 ? { contentHash: v['contentHash'] } : { contentHash, group: name.join(' ') };
  };
  const held = run.groups.filter((g) => g.state === 'canary' && g.problem !== null);
  const unsigned = run.waiting.reduce((sum, w) => sum + w.records - w.signed, 0);
  const steer = (verb: 'pause' | 'resume' | 'cancel', title: string, explain: string, done: string, states: readonly string[], offered = true): RunOrder => ({
    ...base,
    title,
    explain,
    fields: [reason],
    verb: title,
    roles: may.steer,
    states,
    offered,
    request: (v) => ({ method: 'POST', path: `${api}/${verb}`, json: { reason: v['reason'] } }),
    done: () => done,
  });
  const decide = (decision: 'approve' | 'reject', title: string, explain: string, done: string): RunOrder => ({
    ...base,
    about: [...base.about, ...figures],
    attention,
    title,
    explain,
    fields: [
      { name: 'contentHash', label: 'Content hash', kind: 'shown' },
      ...(run.groups.length > 1 ? [group] : []),
      { name: 'comment', label: 'Reason', kind: 'long', required: true, hint: 'What was checked, or what is wrong; kept with the decision.' },
    ],
    verb: title,
    roles: may.approve,
    states: ['inReview'],
    offered: run.contentHash !== null,
    request: (v) => ({ method: 'POST', path: `${api}/approval`, json: { ...ofGroup(v), decision, comment: v['comment'] } }),
    done: () => done,
  });
  return {
    approve: decide(
      'approve',
      'Approve',
      'Fixes exactly the documents of this content hash; they are issued and handed over to the ERP. If anything changes meanwhile, the approval is refused.',
      'Approved: the documents are being issued.',
    ),
    reject: decide('reject', 'Reject', 'Sends the preview back. Nothing is issued; the run stays in review until it is changed or approved after all.', 'Rejected.'),
    exclude: {
      ...base,
      title: 'Exclude',
      explain: 'Leaves an account, a site or a record out of this run. What it touches is built again and the content hash changes. It can be taken back before the approval.',
      fields: [
        {
          name: 'scope',
          label: 'What',
          kind: 'choice',
          required: true,
          choices: [
            ['account', 'an account'],
            ['site', 'a site'],
            ['record', 'a record'],
          ],
        },
        { name: 'subjectId', label: 'Its id', kind: 'text', required: true, hint: 'Such as acc_driver_17, or a record’s number.' },
        {
          name: 'outcome',
          label: 'What becomes of it',
          kind: 'choice',
          required: true,
          choices: [
            ['carry', 'carried: the next run bills it'],
            ['writeOff', 'written off: never billed'],
          ],
        },
        reason,
      ],
      verb: 'Exclude',
      roles: may.shape,
      states: open,
      request: (v) => ({ method: 'POST', path: `${api}/exclusions`, json: { scope: v['scope'], subjectId: v['subjectId']?.trim(), outcome: v['outcome'], reason: v['reason'] } }),
      done: () => 'Excluded; the documents it touches are being built again.',
    },
    adjust: {
      ...base,
      title: 'Adjust',
      explain: 'Adds a line to the document of an account. The account is built again and the content hash changes. It can be taken back before the approval, and somebody else has to approve it.',
      fields: [
        { name: 'accountId', label: 'Account', kind: 'text', required: true, hint: 'Its id, such as acc_fleet_taxi.' },
        {
          name: 'amount',
          label: 'Amount',
          kind: 'text',
          required: true,
          hint: 'In the account’s currency, with a point: net for a business account, with VAT for a consumer. Negative in the customer’s favour, such as -150.00.',
        },
        { name: 'vatCode', label: 'VAT code', kind: 'text', required: true, hint: 'Such as SE25.' },
        { name: 'glKey', label: 'GL key', kind: 'text', required: true, hint: 'A key of the GL mapping, such as revenue.fleetSale or revenueReduction.' },
        { name: 'costCenter', label: 'Cost center', kind: 'text', required: true, hint: 'The seller’s own, or a site’s.' },
        { name: 'serviceMonth', label: 'Month of the revenue', kind: 'text', hint: 'Such as 2019-11; the run’s month when empty.' },
        { name: 'twinPeriod', label: 'Taken back in', kind: 'text', hint: 'A later month whose run takes it back, such as 2020-01; never when empty.' },
        { name: 'description', label: 'Text on the document', kind: 'text', required: true },
        reason,
      ],
      verb: 'Adjust',
      roles: may.shape,
      states: open,
      request: (v) => ({ method: 'POST', path: `${api}/adjustments`, json: Object.fromEntries(Object.entries(v).flatMap(([name, text]) => (text.trim() === '' ? [] : [[name, text.trim()]]))) }),
      done: () => 'Adjusted; the account is being built again.',
    },
    'pull-in': {
      ...base,
      about: [...base.about, ['Late arrivals', `${count(run.late.charges, 'charge')}, ${kWh(run.late.energyWh)} kWh`]],
      title: 'Pull in late arrivals',
      explain: 'Takes what came after the cut-off into the closed set, so that this run bills it. The content hash changes.',
      fields: [{ name: 'accountId', label: 'Only this account', kind: 'text', hint: 'Its id; all accounts when empty.' }, reason],
      verb: 'Pull in',
      roles: may.shape,
      states: ['previewing', 'inReview'],
      offered: run.late.charges > 0,
      request: (v) => ({ method: 'POST', path: `${api}/pull-in${accountQuery(v['accountId'])}`, json: { reason: v['reason'] } }),
      done: (answer) => `Pulled in ${count(Number(answer['charges']), 'charge')}.`,
    },
    'put-out': {
      ...base,
      title: 'Put late arrivals out again',
      explain: 'Takes back what was pulled in; it stands beside the set again.',
      fields: [{ name: 'accountId', label: 'Only this account', kind: 'text', hint: 'Its id; all accounts when empty.' }],
      verb: 'Put out',
      roles: may.shape,
      states: ['previewing', 'inReview'],
      request: (v) => ({ method: 'DELETE', path: `${api}/pull-in${accountQuery(v['accountId'])}` }),
      done: (answer) => `Put out ${count(Number(answer['charges']), 'charge')}.`,
    },
    'cut-off': {
      ...base,
      about: [...base.about, ['Cut-off', `${localTime(run.cutOffAt, entity.timeZone)} ${entity.timeZone}`]],
      title: 'Cut off',
      explain: 'Stops waiting for late CDRs and closes the set, now or at a time you name. What comes later stands beside the set.',
      fields: [{ name: 'at', label: 'At', kind: 'dateTime', hint: `Local time of ${entity.timeZone}; now when empty.` }, reason],
      verb: 'Cut off',
      roles: may.steer,
      states: ['planned', 'collecting'],
      request: (v) => ({ method: 'POST', path: `${api}/cut-off`, json: { ...(v['at'] ? { at: instantOf('At', v['at'], entity.timeZone) } : {}), reason: v['reason'] } }),
      done: (answer) => `Cut-off: ${localTime(String(answer['cutOffAt']), entity.timeZone)} ${entity.timeZone}.`,
    },
    'sign-carry': {
      ...base,
      about: [
        ...base.about,
        ...run.waiting.map((w): readonly [string, string] => [`${words(w.state)}: ${words(w.code ?? 'no cause')}`, `${count(w.records, 'record')}, ${kWh(w.energyWh)} kWh, ${w.signed} signed`]),
        ...[...run.parked, ...run.held].map((a): readonly [string, string] => [a.accountId, a.reason ?? 'its documents could not be built']),
        ...run.toSign.map((what): readonly [string, string] => ['It waits for', what]),
      ],
      title: 'Sign what is carried',
      explain: `Signs that what waits, is missing or blocks and is not signed yet (${count(unsigned, 'record')}, ${count(run.parked.length + run.held.length, 'account')} among it) stays unbilled for now; the next run looks at it again. To decide on some of them otherwise, do that first, in the quarantine.`,
      fields: [reason],
      verb: 'Sign',
      roles: may.approve,
      states: unfinished.filter((state) => state !== 'planned'),
      offered: unsigned + run.parked.length + run.held.length + run.toSign.length > 0,
      request: (v) => ({ method: 'POST', path: `${api}/carry-decisions`, json: { reason: v['reason'] } }),
      done: (answer) => `Signed ${count(Number(answer['signed']), 'carry decision')}.`,
    },
    release: {
      ...base,
      about: [...base.about, ...held.map((g): readonly [string, string] => [g.name, g.problem ?? ''])],
      title: 'Release',
      explain: 'Lets what waits after its canary go on: the rest of its documents are issued.',
      // Named where it is one alone, too: another one may wait by the time it is sent, or this one no more.
      fields: [
        { name: 'group', label: 'Release group', ...(held.length > 1 ? { kind: 'choice', choices: [['', 'all that wait'], ...held.map((g) => [g.name, g.name] as const)] } : { kind: 'shown' }) },
        reason,
      ],
      initial: { group: held.length === 1 ? (held[0]?.name ?? '') : '' },
      verb: 'Release',
      roles: may.steer,
      states: unfinished,
      offered: held.length > 0,
      request: (v) => ({ method: 'POST', path: `${api}/release`, json: { ...(v['group'] ? { group: v['group'] } : {}), reason: v['reason'] } }),
      done: () => 'Released: the rest is being issued.',
    },
    pause: steer('pause', 'Pause', 'Holds the run before its next step.', 'Paused.', unfinished, !run.paused),
    resume: steer('resume', 'Resume', 'Lets the held run go on.', 'Resumed.', unfinished, run.paused),
    retry: {
      ...base,
      title: 'Retry',
      explain: 'Tries again what failed, and only that: what the ERP refused goes back into the queue, and the run is woken.',
      fields: [reason],
      verb: 'Retry',
      roles: may.steer,
      states: unfinished,
      offered: run.problem !== null || run.state === 'planned',
      request: (v) => ({ method: 'POST', path: `${api}/retry`, json: { reason: v['reason'] } }),
      done: (answer) => `Tried again; ${count(Number(answer['requeued']), 'ERP posting')} put back into the queue.`,
    },
    cancel: steer(
      'cancel',
      'Cancel',
      'Ends the run before it issues anything; its charges are open again, and the month can be planned anew. A cancelled run cannot be taken up again.',
      'Cancelled.',
      ['planned', ...open],
    ),
  };
}

/** Takes back one exclusion or adjustment. */
export function withdrawal(run: RunToSign, entity: EntityView, kind: 'exclusions' | 'adjustments', id: string, about: readonly (readonly [string, string])[]): ConsoleOrder {
  return {
    title: kind === 'exclusions' ? 'Take the exclusion back' : 'Take the adjustment back',
    explain: 'The accounts it touches are built again as if it had never been; it stays listed as withdrawn.',
    about,
    fields: [],
    verb: 'Take back',
    trail: [
      ['/', 'Runs'],
      [runPath(run.runId), `${monthName(run.period)}, ${entity.name}`],
    ],
    roles: may.shape,
    request: () => ({ method: 'DELETE', path: `/v1/runs/${encodeURIComponent(run.runId)}/${kind}/${encodeURIComponent(id)}` }),
    done: () => 'Taken back; what it touches is being built again.',
    next: () => runPath(run.runId),
  };
}

/** Signs an adjustment as its second person. */
export function adjustmentSignature(run: RunToSign, entity: EntityView, id: string, about: readonly (readonly [string, string])[]): ConsoleOrder {
  return {
    title: 'Sign the adjustment',
    explain: 'As its second person, which a large one needs before the run can be approved. Whoever signs does not approve the run.',
    about,
    fields: [{ name: 'comment', label: 'Comment', kind: 'long', required: true, hint: 'What you looked at; kept for good.' }],
    verb: 'Sign',
    trail: [
      ['/', 'Runs'],
      [runPath(run.runId), `${monthName(run.period)}, ${entity.name}`],
    ],
    roles: may.signAdjustments,
    request: ({ comment }) => ({ method: 'POST', path: `/v1/runs/${encodeURIComponent(run.runId)}/adjustments/${encodeURIComponent(id)}/signature`, json: { comment } }),
    done: () => 'Signed; the account is being built again.',
    next: () => runPath(run.runId),
  };
}

function accountQuery(accountId: string | undefined): string {
  const id = accountId?.trim() ?? '';
  return id === '' ? '' : `?accountId=${encodeURIComponent(id)}`;
}
