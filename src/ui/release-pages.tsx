import type { ReleaseRules } from '../contracts/release-rules.ts';
import type { StandingApprovalView } from '../contracts/standing-approval.ts';
import { formatMinor } from '../core/money.ts';
import { count, grouped, link, words } from './format.ts';
import { Count, Facts, Figure, Pager, State, Table } from './parts.tsx';
import { RuleTabs } from './rule-tabs.tsx';
import { Shell, type Viewer } from './shell.tsx';

const releasePath = (entityId: string) => `/rules/release/${encodeURIComponent(entityId)}`;
const standingPath = (id: string) => `/rules/standing-approvals/${encodeURIComponent(id)}`;

export type SecondApprover = ReleaseRules['secondApprover'][number];
export type EntityRelease = { readonly entityId: string; readonly name: string; readonly currency: string; readonly version: number; readonly rules: ReleaseRules };

/** A limit of a rule, in minor units, as decimal text. One that names no currency is the same figure in each; it is written as one of the entity's own. */
export const limitText = (minor: number, currency: string | undefined, own: string) => `${grouped(formatMinor(BigInt(minor), currency ?? own))} ${currency ?? 'in each currency'}`;

/** Which documents a second approver is asked for. */
export const whoseDocuments = (rule: SecondApprover) =>
  [rule.strategy === undefined ? 'all strategies' : words(rule.strategy), rule.category === undefined ? '' : words(rule.category), rule.currency ?? ''].filter((part) => part !== '').join(', ');
export const goesOn = (release: 'auto' | 'wait') => (release === 'auto' ? 'goes on by itself' : 'waits to be released');

/** How each entity releases its groups. */
export function ReleaseRulesPage({ viewer, entities, mayChange }: { readonly viewer: Viewer; readonly entities: readonly EntityRelease[]; readonly mayChange: boolean }) {
  return (
    <Shell title="Rules" viewer={viewer} trail={[['/', 'Runs']]}>
      <RuleTabs at="/rules/release" />
      <p>
        When two have to approve a release group, which of its documents are issued first as its canary, and when a run that waits for approval says so. Whoever set the present version does not
        approve runs that are released by it.
      </p>
      {entities.map((e) => (
        <OfEntity of={e} mayChange={mayChange} />
      ))}
    </Shell>
  );
}

function OfEntity({ of: { entityId, name, currency, version, rules }, mayChange }: { readonly of: EntityRelease; readonly mayChange: boolean }) {
  const { canary, reminders, secondApprover } = rules;
  const path = releasePath(entityId);
  const form = (name: string, values: Readonly<Record<string, string>> = {}) => link(`${path}/${name}`, { version: String(version), ...values });
  const ofStrategies = Object.entries(canary.strategies);
  return (
    <section aria-labelledby={entityId}>
      <h2 id={entityId}>
        {name} <span class="hint">{version === 0 ? 'the defaults' : `version ${version}`}</span>
      </h2>
      <h3>A second approver</h3>
      {secondApprover.length === 0 ? (
        <p>One person approves, whatever the amount.</p>
      ) : (
        <Table
          label={`Second approver, ${name}`}
          head={
            <>
              <th scope="col">Documents</th>
              <Figure>Group above</Figure>
              <Figure>One document above</Figure>
              {mayChange ? <th scope="col">Decide</th> : null}
            </>
          }
        >
          {secondApprover.map((rule, i) => (
            <tr>
              <td>{whoseDocuments(rule)}</td>
              <td class="figure">{rule.groupAbove === undefined ? '-' : limitText(rule.groupAbove, rule.currency, currency)}</td>
              <td class="figure">{rule.documentAbove === undefined ? '-' : limitText(rule.documentAbove, rule.currency, currency)}</td>
              {mayChange ? (
                <td>
                  <a href={form('drop-approver', { index: String(i) })}>take it out</a>
                </td>
              ) : null}
            </tr>
          ))}
        </Table>
      )}
      <h3>Canary</h3>
      <Facts
        items={[
          ['Documents of each strategy and currency', canary.documents === 0 ? 'none' : grouped(String(canary.documents))],
          ['Smallest group that has one', count(canary.smallestGroup, 'document')],
          ['After it', `the group ${goesOn(canary.release)}`],
          ...ofStrategies.map(([strategy, s]): [string, string] => [
            words(strategy),
            `${s.documents === undefined ? 'as all others' : count(s.documents, 'document')}, ${s.release === undefined ? 'as all others' : goesOn(s.release)}`,
          ]),
        ]}
      />
      <h3>Reminders</h3>
      <p>
        A run that waits for approval says so after {count(reminders.afterHours, 'hour')}, and again every {count(reminders.everyHours, 'hour')}.
      </p>
      {mayChange ? (
        <nav class="buttons" aria-label={`What you can do, ${name}`}>
          <a class="button" href={form('second-approver')}>
            Ask for a second approver
          </a>
          <a class="button" href={form('canary', { documents: String(canary.documents), smallestGroup: String(canary.smallestGroup), release: canary.release })}>
            Change the canary
          </a>
          <a class="button" href={form('canary-of-strategy')}>
            Canary of one strategy
          </a>
          <a class="button" href={form('reminders', { afterHours: String(reminders.afterHours), everyHours: String(reminders.everyHours) })}>
            Change the reminders
          </a>
        </nav>
      ) : null}
    </section>
  );
}

/** `isOver`: its time has passed, in the days of its entity. */
export type ListedStandingApproval = StandingApprovalView & { readonly isOver: boolean };
const stateOf = (s: ListedStandingApproval) => (s.revokedBy !== null ? 'revoked' : s.isOver ? 'expired' : s.signedBy === null ? 'proposed' : 'inForce');

/** Approvals given in advance, by two, for small receipts. */
export function StandingApprovalsPage(props: {
  readonly viewer: Viewer;
  readonly approvals: readonly ListedStandingApproval[];
  readonly mayDecide: boolean;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
}) {
  const { viewer, approvals, mayDecide, firstPage, nextPage } = props;
  return (
    <Shell title="Rules" viewer={viewer} trail={[['/', 'Runs']]}>
      <RuleTabs at="/rules/standing-approvals" />
      <p>Receipts per session can be approved in advance: by two, for a year at most, each receipt within its cap and a day’s within theirs, and only without an open finding.</p>
      {mayDecide ? (
        <nav class="buttons" aria-label="What you can do">
          <a class="button" href="/rules/standing-approvals/propose">
            Propose one
          </a>
        </nav>
      ) : null}
      {approvals.length === 0 ? (
        <p>Nothing is approved in advance.</p>
      ) : (
        <Table
          label="Standing approvals"
          head={
            <>
              <th scope="col">Of</th>
              <th scope="col">State</th>
              <Figure>A document up to</Figure>
              <Figure>A day up to</Figure>
              <th scope="col">Holds</th>
              <th scope="col">Reason</th>
              <th scope="col">Proposed by</th>
              <th scope="col">Signed by</th>
              <Figure>Groups approved</Figure>
              {mayDecide ? <th scope="col">Decide</th> : null}
            </>
          }
        >
          {approvals.map((s) => (
            <tr class={s.revokedBy === null && !s.isOver ? '' : 'off'}>
              <td>
                {words(s.strategy)}
                <div class="hint">{s.entityId}</div>
              </td>
              <td>
                <State code={stateOf(s)} />
                {s.revokedBy === null ? null : <div class="hint">by {s.revokedBy}</div>}
              </td>
              <td class="figure">
                {grouped(s.documentCap)} {s.currency}
              </td>
              <td class="figure">
                {grouped(s.dayCap)} {s.currency}
              </td>
              <td>
                <span class="nowrap">from {s.validFrom}</span> <span class="nowrap">until before {s.validTo}</span>
              </td>
              <td>{s.reason}</td>
              <td>{s.proposedBy}</td>
              <td>{s.signedBy ?? '-'}</td>
              <Count n={s.approved} />
              {mayDecide ? (
                <td>
                  {stateOf(s) === 'proposed' && s.proposedBy !== viewer.actor ? <a href={`${standingPath(s.id)}/sign`}>sign</a> : null}{' '}
                  {s.revokedBy === null && !s.isOver ? <a href={`${standingPath(s.id)}/revoke`}>end it</a> : null}
                  {stateOf(s) === 'proposed' && s.proposedBy === viewer.actor ? <div class="hint">somebody else has to sign</div> : null}
                </td>
              ) : null}
            </tr>
          ))}
        </Table>
      )}
      <Pager first={firstPage} next={nextPage} />
    </Shell>
  );
}
