import { count, kWh } from './format.ts';
import { Kwh, Table, When } from './parts.tsx';

export type SourceFigures = {
  readonly sourceId: string;
  readonly name: string;
  readonly completeUntil: string | null;
  readonly lastArrivalAt: string | null;
  readonly expectations: { readonly open: number; readonly energyWh: string; readonly signed: number; readonly atRisk: readonly { readonly currency: string; readonly amount: string }[] };
  readonly controlTotals: { readonly days: number; readonly equal: number; readonly tolerated: number; readonly accepted: number; readonly differs: number; readonly missing: number };
  readonly complete: boolean;
  readonly waitsFor: readonly string[];
};

/** How complete each source is: what it says, what it owes, and how its totals compare with what arrived. */
export function Sources({ sources, timeZone }: { readonly sources: readonly SourceFigures[]; readonly timeZone: string }) {
  return (
    <section aria-labelledby="sources">
      <h2 id="sources">What is known to be missing</h2>
      <Table
        label="What is known to be missing"
        head={
          <>
            <th scope="col">Source</th>
            <th scope="col">Complete until</th>
            <th scope="col">Last arrival</th>
            <th scope="col">CDRs that have not come</th>
            <th scope="col">kWh</th>
            <th scope="col">Daily totals</th>
          </>
        }
      >
        {sources.map((s) => (
          <tr>
            <td>
              {s.name}
              <div>{s.complete ? <span class="state good">complete</span> : <span class="state waits">not complete</span>}</div>
            </td>
            <td>{s.completeUntil === null ? 'never said' : <When at={s.completeUntil} timeZone={timeZone} />}</td>
            <td>{s.lastArrivalAt === null ? 'none' : <When at={s.lastArrivalAt} timeZone={timeZone} />}</td>
            <td>
              {s.expectations.open === 0 ? 'none known' : `${count(s.expectations.open, 'CDR')}, ${s.expectations.signed} signed`}
              {s.expectations.atRisk.map((a) => (
                <div class="hint">
                  some {a.amount} {a.currency}
                </div>
              ))}
            </td>
            <Kwh wh={s.expectations.energyWh} />
            <td>{totalsText(s.controlTotals)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function totalsText(t: SourceFigures['controlTotals']): string {
  if (t.days === 0) return 'none stated';
  const parts = [
    `${count(t.days, 'day')}: ${t.equal} equal`,
    ...(t.tolerated > 0 ? [`${t.tolerated} within the tolerance`] : []),
    ...(t.accepted > 0 ? [`${t.accepted} signed`] : []),
    ...(t.differs > 0 ? [`${t.differs} differ`] : []),
    ...(t.missing > 0 ? [`${t.missing} without a total`] : []),
  ];
  return parts.join(', ');
}

type Figures = { readonly count: number; readonly energyWh: string | null };
type Day = {
  readonly sourceId: string;
  readonly on: string;
  readonly origin: string;
  /** Reports of before there were totals by party have none. */
  readonly party?: string | null;
  readonly stated: Figures | null;
  readonly received: Figures;
  readonly status: string;
};

/** Days whose total is not exactly what arrived. */
export function DaysApart({ days }: { readonly days: readonly Day[] }) {
  if (days.length === 0) return null;
  return (
    <ul>
      {days.map((d) => (
        <li>
          {d.sourceId}, {d.on}
          {d.party == null ? '' : ` for ${d.party}`}: {d.stated === null ? 'no total' : `${figures(d.stated)} stated`}; {figures(d.received)} arrived ({d.status})
        </li>
      ))}
    </ul>
  );
}

function figures({ count: cdrs, energyWh }: Figures): string {
  return energyWh === null ? count(cdrs, 'CDR') : `${count(cdrs, 'CDR')}, ${kWh(energyWh)} kWh`;
}
