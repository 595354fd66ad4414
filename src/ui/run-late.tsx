import { count, kWh, link, runPath } from './format.ts';
import { Count, Figure, Kwh, Money, Pager, Table } from './parts.tsx';

/** What came after the set was closed, and what of it was pulled in by whom. */
export type LateOfRun = {
  readonly late: readonly { readonly accountId: string; readonly accountName: string; readonly charges: number; readonly energyWh: string; readonly net: string; readonly currency: string }[];
  /** The pages of late arrivals. */
  readonly ofLate: { readonly firstPage: string | null; readonly nextPage: string | null };
  readonly pulledIn: readonly { readonly author: string; readonly charges: number; readonly energyWh: string }[];
};
type Props = LateOfRun & {
  readonly run: { readonly runId: string; readonly state: string; readonly setClosedAt: string | null; readonly late: { readonly charges: number; readonly energyWh: string } };
  readonly mayShape: boolean;
};

/** Late arrivals beside the closed set. */
export function Late({ run, late, ofLate, pulledIn, mayShape }: Props) {
  if (run.setClosedAt === null) return null;
  return (
    <section aria-labelledby="late">
      <h2 id="late">Late arrivals beside the set</h2>
      {pulledIn.map((p) => (
        <p>
          {p.author} pulled in {count(p.charges, 'charge')}, {kWh(p.energyWh)} kWh.
        </p>
      ))}
      {run.late.charges === 0 ? (
        <p>Nothing came after the set was closed.</p>
      ) : (
        <>
          <p>
            {count(run.late.charges, 'charge')}, {kWh(run.late.energyWh)} kWh: not in the documents; for the next run{run.state === 'closed' ? '' : ', unless pulled in'}.
          </p>
          {late.length === 0 ? null : (
            <Table
              label="Late arrivals"
              head={
                <>
                  <th scope="col">Account</th>
                  <Figure>Charges</Figure>
                  <Figure>kWh</Figure>
                  <Figure>Net</Figure>
                  <th scope="col">Currency</th>
                  {mayShape ? <th scope="col">Do</th> : null}
                </>
              }
            >
              {late.map((l) => (
                <tr>
                  <td>
                    {l.accountName} <small>{l.accountId}</small>
                  </td>
                  <Count n={l.charges} />
                  <Kwh wh={l.energyWh} />
                  <Money amount={l.net} />
                  <td>{l.currency}</td>
                  {mayShape ? (
                    <td>
                      <a href={link(`${runPath(run.runId)}/pull-in`, { accountId: l.accountId })}>pull in</a>
                    </td>
                  ) : null}
                </tr>
              ))}
            </Table>
          )}
          <Pager first={ofLate.firstPage} next={ofLate.nextPage} />
        </>
      )}
    </section>
  );
}
