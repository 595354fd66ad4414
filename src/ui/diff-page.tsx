import type { Siblings } from '../contracts/dry-run.ts';
import type { RunDiff } from '../contracts/run-diff.ts';
import { grouped, kWh, monthName, runPath, words } from './format.ts';
import { Count, Figure, Kwh, Money, Pager, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';
import { moreSiblingsText, siblingText } from './sibling-runs.ts';

type Props = Siblings & {
  readonly viewer: Viewer;
  readonly run: { readonly runId: string; readonly period: string };
  /** As it was asked for. */
  readonly against: string;
  readonly diff: Pick<RunDiff, 'build' | 'against' | 'totals' | 'items'> | null;
  /** Why there is nothing to compare. */
  readonly refusal: string | null;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
};

const explained: Readonly<Record<string, string>> = {
  volume: 'more or less was charged, at the same prices',
  price: 'the same costs more or less',
  late: 'sessions of earlier months',
  correction: 'corrected records, and what they take back',
  newCustomer: 'had nothing before',
  customerGone: 'has nothing now',
  period: 'fees, allowances, tiers, caps, minimums',
  manual: 'adjustments by hand',
  exclusion: 'left out by hand, or let in again',
  vatAndRounding: 'VAT and rounding of whole documents',
  other: 'none of these',
};

/** A signed figure: a difference shows its sign. */
const signed = (text: string) => (/^-|^0(\.0+)?$/.test(text) ? text : `+${text}`);
const Change = ({ children }: { readonly children: string }) => <td class="figure">{signed(children)}</td>;

/** How a preview differs from another one: in total by cause, and by account. */
export function DiffPage({ viewer, run, against, siblings, moreSiblings, diff, refusal, firstPage, nextPage }: Props) {
  const path = `${runPath(run.runId)}/diff`;
  const isNamed = against === 'lastMonth' || against === 'previousPreview' || siblings.some((s) => s.runId === against);
  return (
    <Shell
      title={`Difference, ${monthName(run.period)}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        [runPath(run.runId), monthName(run.period)],
      ]}
    >
      <form class="filter" method="get" action={path}>
        <label for="against">Compared with</label>
        <select id="against" name="against">
          <option value="lastMonth" selected={against === 'lastMonth'}>
            last month
          </option>
          <option value="previousPreview" selected={against === 'previousPreview'}>
            the preview before
          </option>
          {siblings.map((s) => (
            <option value={s.runId} selected={against === s.runId}>
              {siblingText(s)}
            </option>
          ))}
          <option value="" selected={!isNamed}>
            another run:
          </option>
        </select>
        <label for="runId">its id</label>
        <input id="runId" name="runId" value={isNamed ? '' : against} autocomplete="off" />
        <button type="submit">Compare</button>
        {moreSiblings === 0 ? null : <span class="hint">{moreSiblingsText(moreSiblings)}</span>}
      </form>
      {refusal === null ? null : <p class="refusal">{refusal}</p>}
      {diff === null ? null : (
        <>
          <p>
            Before: {diff.against.runId === run.runId ? `build ${diff.against.build} of this run` : `${monthName(diff.against.period)}, build ${diff.against.build} of `}
            {diff.against.runId === run.runId ? null : <a href={runPath(diff.against.runId)}>{diff.against.runId}</a>}. Now: build {diff.build}.
          </p>
          {diff.totals.length === 0 ? <p>Neither has a document.</p> : null}
          {diff.totals.map((t) => (
            <Side total={t} />
          ))}
          <Accounts diff={diff} />
          <Pager first={firstPage} next={nextPage} />
        </>
      )}
    </Shell>
  );
}

type Diff = NonNullable<Props['diff']>;

function Side({ total: t }: { readonly total: Diff['totals'][number] }) {
  const id = `${t.side}-${t.currency}`;
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{`${t.side === 'owed' ? 'Owed to others' : 'Billed'}, ${t.currency}`}</h2>
      <Table
        label={`Before and now, ${t.side} ${t.currency}`}
        head={
          <>
            <th scope="col"> </th>
            <Figure>Documents</Figure>
            <Figure>Lines</Figure>
            <Figure>kWh</Figure>
            <Figure>Net</Figure>
            <Figure>VAT</Figure>
            <Figure>Payable</Figure>
          </>
        }
      >
        {(['before', 'after'] as const).map((when) => (
          <tr>
            <th scope="row">{when === 'after' ? 'Now' : 'Before'}</th>
            <Count n={t[when].documents} />
            <Count n={t[when].lines} />
            <Kwh wh={t[when].energyWh} />
            <Money amount={t[when].net} />
            <Money amount={t[when].vat} />
            <Money amount={t[when].payable} />
          </tr>
        ))}
        <tr class="sum">
          <th scope="row">Difference</th>
          <Change>{grouped(String(t.difference.documents))}</Change>
          <Change>{grouped(String(t.difference.lines))}</Change>
          <Change>{kWh(t.difference.energyWh)}</Change>
          <Change>{grouped(t.difference.net)}</Change>
          <Change>{grouped(t.difference.vat)}</Change>
          <Change>{grouped(t.difference.payable)}</Change>
        </tr>
      </Table>
      {t.causes.length === 0 ? (
        <p>There is no difference.</p>
      ) : (
        <Table
          label={`Causes, ${t.side} ${t.currency}`}
          head={
            <>
              <th scope="col">Cause</th>
              <Figure>kWh</Figure>
              <Figure>Payable</Figure>
            </>
          }
        >
          {t.causes.map((c) => (
            <tr>
              <td>
                {words(c.cause)} <span class="hint">{explained[c.cause] ?? ''}</span>
              </td>
              <Change>{kWh(c.energyWh)}</Change>
              <Change>{grouped(c.payable)}</Change>
            </tr>
          ))}
          <tr class="sum">
            <td>Together</td>
            <Change>{kWh(t.difference.energyWh)}</Change>
            <Change>{grouped(t.difference.payable)}</Change>
          </tr>
        </Table>
      )}
    </section>
  );
}

function Accounts({ diff }: { readonly diff: Diff }) {
  if (diff.items.length === 0) return null;
  return (
    <section aria-labelledby="accounts">
      <h2 id="accounts">By account</h2>
      <Table
        label="Difference by account"
        head={
          <>
            <th scope="col">Account</th>
            <th scope="col">Strategy</th>
            <Figure>kWh before</Figure>
            <Figure>kWh now</Figure>
            <Figure>Payable before</Figure>
            <Figure>Payable now</Figure>
            <Figure>Difference</Figure>
            <th scope="col">Causes</th>
          </>
        }
      >
        {diff.items.map((a) => (
          <tr class={a.causes.length === 0 ? 'off' : ''}>
            <td>
              {a.accountName}
              <div class="hint">{a.accountId}</div>
            </td>
            <td>{words(a.strategy)}</td>
            <Kwh wh={a.before.energyWh} />
            <Kwh wh={a.after.energyWh} />
            <Money amount={a.before.payable} />
            <Money amount={a.after.payable} />
            <td class="figure">
              {signed(grouped(a.difference.payable))} {a.currency}
            </td>
            <td>
              {a.causes.length === 0 ? (
                'none'
              ) : (
                <ul class="causes">
                  {a.causes.map((c) => (
                    <li class="nowrap">
                      {words(c.cause)} {signed(grouped(c.payable))}
                      {c.energyWh === '0' ? '' : `, ${signed(kWh(c.energyWh))} kWh`}
                    </li>
                  ))}
                </ul>
              )}
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
