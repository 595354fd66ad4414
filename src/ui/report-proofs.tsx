import type { ErpTotal, RevenueProof, SeriesAudit, UnbilledProof } from '../contracts/run-proofs.ts';
import { gapsOf } from '../core/cycle/close-report.ts';
import { DaysApart, type SourceFigures, Sources } from './collecting.tsx';
import { count, grouped, kWh, words } from './format.ts';
import { Figure, Kwh, Money, Table } from './parts.tsx';

type EquationRow = { readonly sourceId: string; readonly unit: string; readonly difference: string } & { readonly [Name in (typeof equationColumns)[number]]: string };
/** What a report of an earlier close may lack. */
export type Proofs = {
  readonly series?: readonly SeriesAudit[];
  readonly parkedAccounts?: readonly { readonly accountId: string; readonly reason: string | null; readonly energyWh: string; readonly net: string; readonly currency: string }[];
  readonly missing?: { readonly sources: readonly SourceFigures[]; readonly days: Parameters<typeof DaysApart>[0]['days'] };
  readonly erpTotals?: readonly ErpTotal[];
  readonly revenue?: readonly RevenueProof[];
  readonly unbilled?: readonly UnbilledProof[];
  readonly equation?: { readonly since: string | null; readonly rows: readonly EquationRow[] };
};
const equationColumns = ['opening', 'received', 'billed', 'billedByOthers', 'free', 'excluded', 'rejected', 'billedElsewhere', 'closing'] as const;

const Verdict = ({ difference }: { readonly difference: string }) => (Number(difference) === 0 ? <span class="state good">agrees</span> : <span class="state bad">off by {grouped(difference)}</span>);

/** What a close report proves: the run's own balance, what is missing, revenue, series, and what the ERP holds. */
export function ReportProofs({ proofs, timeZone }: { readonly proofs: Proofs; readonly timeZone: string }) {
  const { series = [], parkedAccounts = [], missing, erpTotals = [], revenue = [], unbilled = [], equation } = proofs;
  return (
    <>
      {equation === undefined ? null : <Equation rows={equation.rows} />}
      {missing === undefined ? null : (
        <>
          <Sources sources={missing.sources} timeZone={timeZone} />
          <DaysApart days={missing.days} />
        </>
      )}
      {parkedAccounts.length === 0 ? null : (
        <section aria-labelledby="parked-accounts">
          <h2 id="parked-accounts">Parked accounts</h2>
          <ul>
            {parkedAccounts.map((p) => (
              <li>
                {p.accountId}: {kWh(p.energyWh)} kWh, {grouped(p.net)} {p.currency} net: {p.reason ?? 'its documents could not be built'}
              </li>
            ))}
          </ul>
        </section>
      )}
      <section aria-labelledby="series">
        <h2 id="series">Numbers by series</h2>
        <ul>
          {series.map((s) => (
            <li>
              {words(s.documentType)} <code>{s.seriesId}</code>: {s.first} to {s.last}, {count(s.count, 'document')}; {gapsOf(s) === null ? 'no gaps' : `missing: ${gapsOf(s)}`}
            </li>
          ))}
        </ul>
      </section>
      <section aria-labelledby="revenue">
        <h2 id="revenue">Revenue by account and cost center</h2>
        <p>Revenue = issued + unbilled + written off.</p>
        <Table
          label="Revenue by account and cost center"
          head={
            <>
              <th scope="col">Month</th>
              <th scope="col">Account</th>
              <th scope="col">Cost center</th>
              <Figure>Revenue</Figure>
              <Figure>Issued</Figure>
              <Figure>Unbilled</Figure>
              <Figure>Written off</Figure>
              <th scope="col">Currency</th>
              <th scope="col">Proof</th>
            </>
          }
        >
          {revenue.map((r) => (
            <tr>
              <td class="nowrap">{r.month}</td>
              <td>{r.glAccount}</td>
              <td>{r.costCenter}</td>
              <Money amount={r.revenue} />
              <Money amount={r.issued} />
              <Money amount={r.unbilled} />
              <Money amount={r.writtenOff} />
              <td>{r.currency}</td>
              <td>
                <Verdict difference={r.difference} />
              </td>
            </tr>
          ))}
        </Table>
        {unbilled.map((u) => (
          <p>
            Unbilled receivable: {grouped(u.ledger)} {u.currency} in the ledger, {grouped(u.charges)} of charges. <Verdict difference={u.difference} />
          </p>
        ))}
      </section>
      <section aria-labelledby="erp-totals">
        <h2 id="erp-totals">ERP control totals</h2>
        <Table
          label="ERP control totals"
          head={
            <>
              <th scope="col">Kind</th>
              <th scope="col">Account</th>
              <th scope="col">Cost center</th>
              <th scope="col">VAT code</th>
              <Figure>Handed over</Figure>
              <Figure>In the ERP</Figure>
              <th scope="col">Currency</th>
              <th scope="col">Proof</th>
            </>
          }
        >
          {erpTotals.map((t) => (
            <tr>
              <td>{words(t.kind)}</td>
              <td>{t.glAccount}</td>
              <td>{t.costCenter}</td>
              <td>{t.vatCode}</td>
              <Money amount={t.handedOver} />
              <Money amount={t.inErp} />
              <td>{t.currency}</td>
              <td>
                <Verdict difference={t.difference} />
              </td>
            </tr>
          ))}
        </Table>
      </section>
    </>
  );
}

/** Energy in kWh, money net in minor units. */
function Equation({ rows }: { readonly rows: readonly EquationRow[] }) {
  return (
    <section aria-labelledby="equation">
      <h2 id="equation">What the run found, took in and left</h2>
      <p>Opening + received = billed + free + excluded + rejected + billed elsewhere + closing. Energy in kWh, money in its smallest unit.</p>
      <Table
        label="What the run found, took in and left"
        head={
          <>
            <th scope="col">Source</th>
            <th scope="col">Unit</th>
            {equationColumns.map((c) => (
              <Figure>{words(c)}</Figure>
            ))}
            <th scope="col">Balance</th>
          </>
        }
      >
        {rows.map((r) => (
          <tr>
            <td>{r.sourceId === '' ? 'no session' : r.sourceId}</td>
            <td>{r.unit === 'Wh' ? 'kWh' : r.unit}</td>
            {equationColumns.map((c) => (r.unit === 'Wh' ? <Kwh wh={r[c]} /> : <Money amount={r[c]} />))}
            <td>
              <Verdict difference={r.difference} />
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
