import type { ExclusionReach, ExclusionRuleView, ReachedAccounts, RuleHits } from '../contracts/exclusion-overview.ts';
import { count, exclusionPath, grouped, kWh, link, monthName, recordPath, runPath, words } from './format.ts';
import { FlowTable } from './left-out-page.tsx';
import { Count, Facts, Figure, Kwh, Pager, State, Table } from './parts.tsx';
import { RuleTabs } from './rule-tabs.tsx';
import { Shell, type Viewer } from './shell.tsx';

export const exclusionStates = ['proposed', 'inForce', 'expired', 'ended', 'withdrawn'] as const;

/** What becomes of what a rule meets. */
export function outcomeText({ outcome, maxAgeMonths, atOurCost }: Pick<ExclusionRuleView, 'outcome' | 'maxAgeMonths' | 'atOurCost'>): string {
  if (outcome === 'carry') return `carried, for ${count(maxAgeMonths ?? 0, 'month')} at most`;
  if (outcome === 'writeOff') return `written off${atOurCost ? ', at our cost' : ''}`;
  return 'billed after all';
}

/** To what a rule is narrowed; empty where it meets all of its subject. */
export function narrowedTo(p: Readonly<Record<string, unknown>>): string {
  const of = (name: string, say: (value: string) => string) => (p[name] === undefined ? [] : [say(String(p[name]))]);
  return [
    ...of('energyBelowWh', (wh) => `sessions below ${kWh(wh)} kWh`),
    ...of('energyFromWh', (wh) => `sessions from ${kWh(wh)} kWh`),
    ...of('amountAbove', (amount) => `above ${grouped(amount)} ${p['currency']}`),
    ...of('amountUpTo', (amount) => `up to ${grouped(amount)} ${p['currency']}`),
    ...of('serviceFrom', (day) => `ended from ${day}`),
    ...of('serviceTo', (day) => `ended before ${day}`),
    ...of('segment', (segment) => `${words(segment)}s only`),
  ].join(', ');
}

const subject = (rule: Pick<ExclusionRuleView, 'scope' | 'subjectId'>) => (
  <>
    {rule.scope} {rule.scope === 'record' ? <a href={recordPath(rule.subjectId)}>{rule.subjectId}</a> : rule.subjectId}
  </>
);
const heldFor = ({ validFrom, validTo }: Pick<ExclusionRuleView, 'validFrom' | 'validTo'>) => (
  <>
    <span class="nowrap">from {validFrom}</span>
    {validTo === null ? null : <span class="nowrap"> until before {validTo}</span>}
  </>
);

/** Standing rules on what is left out of every run of their time. */
export function ExclusionRulesPage(props: {
  readonly viewer: Viewer;
  readonly rules: readonly ExclusionRuleView[];
  readonly state: string | undefined;
  readonly mayPropose: boolean;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
}) {
  const { viewer, rules, state, mayPropose, firstPage, nextPage } = props;
  return (
    <Shell title="Rules" viewer={viewer} trail={[['/', 'Runs']]}>
      <RuleTabs at="/rules" />
      <p>
        What every run of a rule’s time leaves out, or bills after all out of a wider rule. A second person signs it, and neither of the two approves a run in which it takes effect. What is left out
        stays in the shadow balance until it is billed or written off.
      </p>
      {mayPropose ? (
        <nav class="buttons" aria-label="What you can do">
          <a class="button" href="/rules/exclusions/propose">
            Propose a rule
          </a>
        </nav>
      ) : null}
      <nav class="tabs" aria-label="State">
        {[undefined, ...exclusionStates].map((s) => (
          <a href={link('/rules', { state: s })} {...(s === state ? { 'aria-current': 'page' } : {})}>
            {s === undefined ? 'all' : words(s)}
          </a>
        ))}
      </nav>
      {rules.length === 0 ? (
        <p>No rule of that kind.</p>
      ) : (
        <Table
          label="Exclusion rules"
          head={
            <>
              <th scope="col">Left out</th>
              <th scope="col">Narrowed to</th>
              <th scope="col">What becomes of it</th>
              <th scope="col">Holds</th>
              <th scope="col">To be looked at on</th>
              <th scope="col">State</th>
              <th scope="col">Proposed by</th>
              <th scope="col">Signed by</th>
            </>
          }
        >
          {rules.map((r) => (
            <tr class={r.endedAt === null ? '' : 'off'}>
              <td>
                <a href={exclusionPath(r.id)}>
                  {r.scope} {r.subjectId}
                </a>
                <div class="hint">{r.reason}</div>
              </td>
              <td>{narrowedTo(r.predicate) || 'all of it'}</td>
              <td>{outcomeText(r)}</td>
              <td>{heldFor(r)}</td>
              <td class="nowrap">{r.reviewOn}</td>
              <td>
                <State code={r.state} />
              </td>
              <td>{r.author}</td>
              <td>{r.signedBy ?? '-'}</td>
            </tr>
          ))}
        </Table>
      )}
      <Pager first={firstPage} next={nextPage} />
    </Shell>
  );
}

type RuleProps = ReachedAccounts & {
  readonly viewer: Viewer;
  readonly rule: ExclusionRuleView;
  readonly earlier: readonly ExclusionRuleView[];
  readonly reach: readonly ExclusionReach[];
  readonly hits: readonly RuleHits[];
  readonly actions: readonly { readonly text: string; readonly href: string }[];
};

/** One rule: what it would meet now, what it did in each run, and what was said before. */
export function ExclusionRulePage({ viewer, rule, earlier, reach, accounts, moreAccounts, hits, actions }: RuleProps) {
  return (
    <Shell
      title={`Exclusion of ${rule.scope} ${rule.subjectId}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        ['/rules', 'Rules'],
      ]}
    >
      <p>
        <State code={rule.state} /> {rule.reason}
      </p>
      {actions.length === 0 ? null : (
        <nav class="buttons" aria-label="What you can do">
          {actions.map((a) => (
            <a class="button" href={a.href}>
              {a.text}
            </a>
          ))}
        </nav>
      )}
      {rule.state === 'proposed' && viewer.actor === rule.author ? <p class="hint">You proposed it: somebody else has to sign.</p> : null}
      <Facts
        items={[
          ['Left out', subject(rule)],
          ['Narrowed to', narrowedTo(rule.predicate) || 'all of it'],
          ['What becomes of it', outcomeText(rule)],
          ['Holds for runs whose last day lies', heldFor(rule)],
          ['To be looked at on', rule.reviewOn],
          ['Entity', rule.entityId],
          ['Rule', <code>{rule.id}</code>],
          ['Proposed by', `${rule.author}, ${rule.proposedAt.slice(0, 10)}`],
          ['Signed by', rule.signedBy === null ? 'nobody yet' : `${rule.signedBy}, ${rule.signedAt?.slice(0, 10)}`],
          ...(rule.endedBy === null ? [] : [['Ended by', `${rule.endedBy}, ${rule.endedAt?.slice(0, 10)}: ${rule.endReason ?? ''}`] as const]),
        ]}
      />
      <h2>What it would meet now</h2>
      <p class="hint">Of all that is not settled yet, whatever narrower rules say of it.</p>
      <Reach reach={reach} accounts={accounts} moreAccounts={moreAccounts} />
      <h2>What it did</h2>
      {hits.length === 0 ? <p>No run has met anything by it.</p> : <Hits hits={hits} />}
      {earlier.length === 0 ? null : (
        <>
          <h2>Versions before</h2>
          <ul>
            {earlier.map((e) => (
              <li>
                <a href={exclusionPath(e.id)}>version {e.version}</a>: {outcomeText(e)}, {narrowedTo(e.predicate) || 'all of it'}, {heldFor(e)} <State code={e.state} />
              </li>
            ))}
          </ul>
        </>
      )}
    </Shell>
  );
}

function Reach({ reach, accounts, moreAccounts }: Pick<RuleProps, 'reach' | 'accounts' | 'moreAccounts'>) {
  if (reach.length === 0) return <p>Nothing.</p>;
  return (
    <div class="side-by-side">
      <Table
        label="By month"
        head={
          <>
            <th scope="col">Month</th>
            <Figure>Accounts</Figure>
            <Figure>Sessions</Figure>
            <Figure>kWh</Figure>
            <Figure>Net</Figure>
          </>
        }
      >
        {reach.map((r) => (
          <tr>
            <td class="nowrap">{monthName(r.serviceMonth)}</td>
            <Count n={r.accounts} />
            <Count n={r.sessions} />
            <Kwh wh={r.energyWh} />
            <td class="figure">
              {grouped(r.net)} {r.currency}
            </td>
          </tr>
        ))}
      </Table>
      <Table
        label="By account, the largest"
        head={
          <>
            <th scope="col">Account</th>
            <Figure>Sessions</Figure>
            <Figure>kWh</Figure>
            <Figure>Net</Figure>
          </>
        }
      >
        {accounts.map((a) => (
          <tr>
            <td>
              {a.accountName}
              <div class="hint">{a.accountId}</div>
            </td>
            <Count n={a.sessions} />
            <Kwh wh={a.energyWh} />
            <td class="figure">
              {grouped(a.net)} {a.currency}
            </td>
          </tr>
        ))}
        {moreAccounts === 0 ? null : (
          <tr>
            <td colspan={4}>and {grouped(String(moreAccounts))} more</td>
          </tr>
        )}
      </Table>
    </div>
  );
}

const Hits = ({ hits }: Pick<RuleProps, 'hits'>) => (
  <FlowTable
    label="By run"
    of="Run"
    rows={hits.map((h) => ({
      name: (
        <>
          <a href={runPath(h.runId)}>{monthName(h.period)}</a> <State code={h.runState} />
        </>
      ),
      flow: h,
      ageMonths: h.ageMonths,
    }))}
  />
);
