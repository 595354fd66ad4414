import { grouped, kWh, recordPath, words } from './format.ts';
import { Count, Figure, Kwh, Money, Pager, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

export type ClaimRow = {
  readonly recordId: string;
  readonly cdrId: string;
  readonly siteId: string;
  readonly energyWh: string;
  readonly class: string;
  readonly claimed: string | null;
  readonly claimCurrency: string | null;
  readonly booked: string;
  readonly currency: string;
  readonly difference: string | null;
  readonly cause: string | null;
};
type Totals = {
  readonly class: string;
  readonly currency: string;
  readonly records: number;
  readonly energyWh: string;
  readonly claimed: string;
  readonly booked: string;
  readonly difference: string;
};
type Props = {
  readonly viewer: Viewer;
  readonly month: string;
  readonly partners: readonly { readonly accountId: string; readonly records: number }[];
  /** One of them, when it was chosen. */
  readonly chosen: {
    readonly accountId: string;
    readonly totals: readonly Totals[];
    readonly held: { readonly records: number; readonly energyWh: string };
    readonly rows: readonly ClaimRow[];
    readonly firstPage: string | null;
    readonly nextPage: string | null;
  } | null;
};

/** What partners charge us in a month, beside our own rating of the same sessions. */
export function PartnerPage({ viewer, month, partners, chosen }: Props) {
  return (
    <Shell title="What partners charge us" viewer={viewer} trail={[['/', 'Runs']]}>
      <form class="filter" method="get" action="/partners">
        <label for="month">Month</label>
        <input id="month" name="month" value={month} pattern="\d{4}-\d{2}" required autocomplete="off" />
        <button type="submit">Show</button>
      </form>
      {partners.length === 0 ? <p>No session of {month} stood at a partner’s charger.</p> : null}
      <ul>
        {partners.map((p) => (
          <li>
            <a href={`/partners?month=${month}&account=${encodeURIComponent(p.accountId)}`}>{p.accountId}</a>: {grouped(String(p.records))} sessions
          </li>
        ))}
      </ul>
      {chosen === null ? null : <Chosen {...chosen} month={month} />}
    </Shell>
  );
}

function Chosen({ accountId, month, totals, held, rows, firstPage, nextPage }: NonNullable<Props['chosen']> & { readonly month: string }) {
  return (
    <>
      <h2>
        {accountId} in {month}
      </h2>
      <p>
        The agreed price is what is booked; a difference is taken up with the partner.{' '}
        {held.records === 0 ? '' : `${held.records} sessions with ${kWh(held.energyWh)} kWh wait and are not among them. `}
        <a href={`/partners/sessions.csv?month=${month}&account=${encodeURIComponent(accountId)}`}>CSV</a>
      </p>
      <Table
        label="By kind of difference"
        head={
          <>
            <th scope="col">Difference</th>
            <Figure>Sessions</Figure>
            <Figure>kWh</Figure>
            <Figure>Claimed</Figure>
            <Figure>Booked</Figure>
            <Figure>Difference</Figure>
            <th scope="col">Currency</th>
          </>
        }
      >
        {totals.map((t) => (
          <tr>
            <td>{words(t.class)}</td>
            <Count n={t.records} />
            <Kwh wh={t.energyWh} />
            <Money amount={t.claimed} />
            <Money amount={t.booked} />
            <Money amount={t.difference} />
            <td>{t.currency}</td>
          </tr>
        ))}
      </Table>
      <h2>Sessions that differ</h2>
      {rows.length === 0 ? (
        <p>None.</p>
      ) : (
        <Table
          label="Sessions that differ"
          head={
            <>
              <th scope="col">Record</th>
              <th scope="col">Site</th>
              <Figure>kWh</Figure>
              <Figure>Claimed</Figure>
              <Figure>Booked</Figure>
              <Figure>Difference</Figure>
              <th scope="col">Why</th>
            </>
          }
        >
          {rows.map((r) => (
            <tr>
              <td>
                <a href={recordPath(r.recordId)}>{r.cdrId}</a>
              </td>
              <td>{r.siteId}</td>
              <Kwh wh={r.energyWh} />
              <td class="figure">{r.claimed === null ? '-' : `${grouped(r.claimed)} ${r.claimCurrency ?? ''}`}</td>
              <td class="figure">
                {grouped(r.booked)} {r.currency}
              </td>
              <td class="figure">{r.difference === null ? '-' : grouped(r.difference)}</td>
              <td>{r.cause ?? words(r.class)}</td>
            </tr>
          ))}
        </Table>
      )}
      <Pager first={firstPage} next={nextPage} />
    </>
  );
}
