import type { Child } from 'hono/jsx';
import type { ShadowFigures, ShadowFlow } from '../contracts/exclusion-overview.ts';
import { exclusionPath, monthName, runPath, words } from './format.ts';
import { Figure, Kwh, Money, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

const parts = ['opening', 'added', 'moved', 'billed', 'writtenOff', 'closing'] as const;
const headings = ['Carried before', 'Left out anew', 'Moved between rules', 'Billed', 'Written off', 'Carried on'];

type FlowRow = { readonly name: Child; readonly flow: ShadowFlow; readonly ageMonths: number | null };

/** What was left out and how it went on, each row in money and in kWh. */
export function FlowTable({ label, of, rows }: { readonly label: string; readonly of: string; readonly rows: readonly FlowRow[] }) {
  return (
    <Table
      label={label}
      head={
        <>
          <th scope="col">{of}</th>
          <th scope="col">In</th>
          {headings.map((text) => (
            <Figure>{text}</Figure>
          ))}
          <Figure>Oldest, months</Figure>
        </>
      }
    >
      {rows.flatMap(({ name, flow, ageMonths }) => {
        const rowOf = (figure: (f: ShadowFigures) => string) => parts.map((part) => figure(flow[part]));
        return [
          <tr>
            <td rowspan={2}>{name}</td>
            <td>{flow.currency}</td>
            {rowOf((f) => f.net).map((amount) => (
              <Money amount={amount} />
            ))}
            <td class="figure" rowspan={2}>
              {ageMonths ?? ''}
            </td>
          </tr>,
          <tr>
            <td>kWh</td>
            {rowOf((f) => f.energyWh).map((wh) => (
              <Kwh wh={wh} />
            ))}
          </tr>,
        ];
      })}
    </Table>
  );
}

const causes: Readonly<Record<string, string>> = {
  standing: 'standing rule',
  own: 'exclusion of this run',
  parked: 'account parked',
  smallSession: 'small sessions',
  none: 'goes with what it takes back',
  late: 'late differences, too small yet',
  minimum: 'invoice too small yet',
  zero: 'invoice of nothing yet',
  originalNotIssued: 'what it corrects is not issued yet',
  purchaseOrder: 'purchase order missing',
};

/** What a run leaves out, by cause, rule and month: the shadow balance. */
export function LeftOutPage(props: {
  readonly viewer: Viewer;
  readonly run: { readonly runId: string; readonly period: string };
  readonly rows: readonly (ShadowFlow & { readonly cause: string; readonly ruleId: string | null; readonly serviceMonth: string; readonly ageMonths: number })[];
  readonly totals: readonly ShadowFlow[];
}) {
  const { viewer, run, rows, totals } = props;
  return (
    <Shell
      title={`What is left out, ${monthName(run.period)}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        [runPath(run.runId), monthName(run.period)],
      ]}
    >
      <p>Of sessions, without VAT. What was carried before, is left out anew or came from another rule comes to what is billed, written off and carried on.</p>
      {rows.length === 0 ? (
        <p>Nothing is left out, and nothing was carried into this run.</p>
      ) : (
        <>
          <FlowTable label="Together" of="Together" rows={totals.map((flow) => ({ name: 'All', flow, ageMonths: null }))} />
          <h2>By cause and month</h2>
          <FlowTable
            label="By cause and month"
            of="Why"
            rows={rows.map((r) => ({
              name: (
                <>
                  {r.cause === 'standing' && r.ruleId !== null ? <a href={exclusionPath(r.ruleId)}>{causes[r.cause]}</a> : (causes[r.cause] ?? words(r.cause))}
                  <div class="hint">{monthName(r.serviceMonth)}</div>
                </>
              ),
              flow: r,
              ageMonths: r.ageMonths,
            }))}
          />
        </>
      )}
    </Shell>
  );
}
