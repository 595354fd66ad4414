import type { DeliveryView, PrintBatchView, PrintManifest } from '../contracts/delivery-overview.ts';
import { count, documentPath, grouped, link, words } from './format.ts';
import { Count, Facts, Figure, Pager, State, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

export const batchPath = (batchId: string) => `/deliveries/batches/${encodeURIComponent(batchId)}`;
const states = ['queued', 'sent', 'bounced', 'returned'];
const channels = ['print', 'email', 'peppol'];

/** Whether documents reach their receivers, and what goes to a print house. */
export function DeliveriesPage(props: {
  readonly viewer: Viewer;
  readonly deliveries: readonly DeliveryView[];
  readonly batches: readonly PrintBatchView[];
  /** The pages of print batches. */
  readonly ofBatches: { readonly firstPage: string | null; readonly nextPage: string | null };
  readonly filter: { readonly state?: string | undefined; readonly channel?: string | undefined };
  readonly mayNote: boolean;
  readonly firstPage: string | null;
  readonly nextPage: string | null;
}) {
  const { viewer, deliveries, batches, ofBatches, filter, mayNote, firstPage, nextPage } = props;
  const choice = (name: 'state' | 'channel', values: readonly string[]) => (
    <>
      {['', ...values].map((value) => (
        <>
          {(filter[name] ?? '') === value ? (
            <strong>{value === '' ? 'all' : words(value)}</strong>
          ) : (
            <a href={link('/deliveries', { ...filter, [name]: value === '' ? undefined : value })}>{value === '' ? 'all' : words(value)}</a>
          )}{' '}
        </>
      ))}
    </>
  );
  return (
    <Shell title="Deliveries" viewer={viewer} trail={[['/', 'Runs']]}>
      <p>Issued documents that we deliver. A letter that comes back, or what a channel did not take, can be sent again, by another way if need be.</p>
      <Facts
        items={[
          ['State', choice('state', states)],
          ['By', choice('channel', channels)],
        ]}
      />
      {deliveries.length === 0 ? (
        <p>Nothing of that kind.</p>
      ) : (
        <Table
          label="Deliveries"
          head={
            <>
              <th scope="col">Document</th>
              <th scope="col">By</th>
              <th scope="col">State</th>
              <Figure>Attempt</Figure>
              <th scope="col">Batch</th>
              <th scope="col">What was said</th>
              <th scope="col">Decide</th>
            </>
          }
        >
          {deliveries.map((d) => (
            <tr>
              <td>
                <a href={documentPath(d.documentId)}>{d.legalNumber}</a>
                <div class="hint">{d.accountId}</div>
              </td>
              <td>{words(d.channel)}</td>
              <td>
                <State code={d.state} />
                {d.problem === null ? null : <div class="hint">no address that a letter reaches</div>}
              </td>
              <Count n={d.attempt} />
              <td>{d.batchId === null ? '-' : <a href={batchPath(d.batchId)}>{d.batchId}</a>}</td>
              <td>{d.detail ?? '-'}</td>
              <td>{mayNote ? <a href={`/deliveries/${encodeURIComponent(d.documentId)}/note`}>say what became of it</a> : null}</td>
            </tr>
          ))}
        </Table>
      )}
      <Pager first={firstPage} next={nextPage} />
      <h2>Print batches</h2>
      {mayNote ? (
        <nav class="buttons" aria-label="Printing">
          <a class="button" href="/deliveries/batches/make">
            Gather what is queued for print
          </a>
        </nav>
      ) : null}
      {batches.length === 0 ? (
        <p>None was made yet.</p>
      ) : (
        <Table
          label="Print batches"
          head={
            <>
              <th scope="col">Batch</th>
              <th scope="col">Made</th>
              <Figure>Documents</Figure>
              <th scope="col">Print house</th>
            </>
          }
        >
          {batches.map((b) => (
            <tr>
              <td>
                <a href={batchPath(b.batchId)}>{b.batchId}</a>
                <div class="hint">{b.entityId}</div>
              </td>
              <td>{b.madeAt}</td>
              <Count n={b.documents} />
              <td>{b.sentAt === null ? 'has not taken it yet' : `took it ${b.sentAt}`}</td>
            </tr>
          ))}
        </Table>
      )}
      <Pager first={ofBatches.firstPage} next={ofBatches.nextPage} />
    </Shell>
  );
}

/** What a print house prints and mails. */
export function BatchPage({ viewer, manifest, sentAt, mayNote }: { readonly viewer: Viewer; readonly manifest: PrintManifest; readonly sentAt: string | null; readonly mayNote: boolean }) {
  return (
    <Shell
      title={`Print batch of ${count(manifest.documents, 'document')}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        ['/deliveries', 'Deliveries'],
      ]}
    >
      <nav class="buttons" aria-label="What you can do">
        <a class="button" href={`${batchPath(manifest.batchId)}/manifest.json`}>
          Manifest
        </a>
        {mayNote && sentAt === null ? (
          <a class="button" href={`${batchPath(manifest.batchId)}/sent`}>
            The print house took it
          </a>
        ) : null}
      </nav>
      <Facts
        items={[
          ['Batch', <code>{manifest.batchId}</code>],
          ['Made', manifest.madeAt],
          ['Print house', sentAt === null ? 'has not taken it yet' : `took it ${sentAt}`],
          ['Pages', grouped(String(manifest.pages))],
          ['To be paid', manifest.sums.map((s) => `${grouped(s.payable)} ${s.currency}`).join(', ') || '-'],
        ]}
      />
      <Table
        label="Letters"
        head={
          <>
            <Figure>No.</Figure>
            <th scope="col">Document</th>
            <th scope="col">Addressee</th>
            <Figure>Pages</Figure>
            <Figure>To be paid</Figure>
            <Figure>Attempt</Figure>
          </>
        }
      >
        {manifest.items.map((i) => (
          <tr>
            <Count n={i.no} />
            <td>
              <a href={`${documentPath(i.documentId)}.pdf`}>{i.legalNumber}</a>
            </td>
            <td>{i.addressee.join(', ')}</td>
            <Count n={i.pages} />
            <td class="figure">
              {grouped(i.payable)} {i.currency}
            </td>
            <Count n={i.attempt} />
          </tr>
        ))}
      </Table>
    </Shell>
  );
}
