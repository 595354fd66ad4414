import type { CardPaymentView, PaymentView } from '../contracts/payment-overview.ts';
import { documentPath, grouped, link, words } from './format.ts';
import { Facts, Figure, Pager, State, Table } from './parts.tsx';
import { Shell, type Viewer } from './shell.tsx';

export const paymentPath = (paymentId: string) => `/payments/${encodeURIComponent(paymentId)}`;

type CardList = { readonly label: string; readonly items: readonly CardPaymentView[]; readonly firstPage: string | null; readonly nextPage: string | null };

/** What we pay ourselves, and what is asked of cards. */
export function PaymentsPage(props: {
  readonly viewer: Viewer;
  readonly payments: readonly PaymentView[];
  readonly firstPage: string | null;
  readonly nextPage: string | null;
  /** Lists of card payments that turn apart. */
  readonly cards: readonly CardList[];
  readonly entityIds: readonly string[];
  readonly mayPropose: boolean;
  readonly mayRetry: boolean;
}) {
  const { viewer, payments, firstPage, nextPage, cards, entityIds, mayPropose, mayRetry } = props;
  return (
    <Shell title="Payments" viewer={viewer} trail={[['/', 'Runs']]}>
      <p>What site owners are paid by us, where we are the authority for it. Somebody else than who proposes a payment approves it, and then it is one file for the bank.</p>
      {mayPropose ? (
        <nav class="buttons" aria-label="What you can do">
          <a class="button" href="/payments/propose">
            Propose a payment
          </a>
        </nav>
      ) : null}
      {payments.length === 0 ? (
        <p>{firstPage === null ? 'Nothing was proposed yet.' : 'No more was proposed.'}</p>
      ) : (
        <Table
          label="Payments"
          head={
            <>
              <th scope="col">Payment</th>
              <th scope="col">State</th>
              <Figure>Amount</Figure>
              <Figure>Payees</Figure>
              <th scope="col">To be carried out on</th>
              <th scope="col">Proposed by</th>
              <th scope="col">Decided by</th>
            </>
          }
        >
          {payments.map((p) => (
            <tr>
              <td>
                <a href={paymentPath(p.paymentId)}>{p.paymentId}</a>
                <div class="hint">{p.entityId}</div>
              </td>
              <td>
                <State code={p.state} />
              </td>
              <td class="figure">
                {grouped(p.amount)} {p.currency}
              </td>
              <td class="figure">
                {p.items.length}
                {p.items.some((i) => i.returned !== null) ? <div class="hint">{p.items.filter((i) => i.returned !== null).length} sent back</div> : null}
              </td>
              <td>{p.executeOn}</td>
              <td>{p.author}</td>
              <td>{p.decidedBy ?? '-'}</td>
            </tr>
          ))}
        </Table>
      )}
      <Pager first={firstPage} next={nextPage} />
      <h2>Cards</h2>
      <p>
        What the payment provider has to carry out, and what failed.{' '}
        {entityIds.map((entityId) => (
          <>
            <a href={link('/payments/cards.csv', { entityId })}>Requests of {entityId} as a file</a>{' '}
          </>
        ))}
      </p>
      {cards.every(({ items, firstPage: first }) => items.length === 0 && first === null) ? <p>Nothing is asked of a card.</p> : null}
      {cards.map((list) => (
        <>
          {list.items.length === 0 ? null : <CardTable {...list} mayRetry={mayRetry} />}
          <Pager first={list.firstPage} next={list.nextPage} />
        </>
      ))}
    </Shell>
  );
}

function CardTable({ label, items, mayRetry }: { readonly label: string; readonly items: readonly CardPaymentView[]; readonly mayRetry: boolean }) {
  return (
    <Table
      label={label}
      head={
        <>
          <th scope="col">Document</th>
          <th scope="col">What</th>
          <th scope="col">Reference</th>
          <Figure>Amount</Figure>
          <th scope="col">State</th>
          <Figure>Attempt</Figure>
          <th scope="col">Why</th>
          <th scope="col">Decide</th>
        </>
      }
    >
      {items.map((c) => (
        <tr>
          <td>
            <a href={documentPath(c.documentId)}>{c.legalNumber}</a>
          </td>
          <td>
            {words(c.kind)}
            <div class="hint">{c.origin === 'terminal' ? 'at a terminal' : 'of a stored card'}</div>
          </td>
          <td>{c.reference ?? '-'}</td>
          <td class="figure">
            {grouped(c.amount)} {c.currency}
          </td>
          <td>
            <State code={c.state} />
          </td>
          <td class="figure">{c.attempt}</td>
          <td>{c.words ?? '-'}</td>
          <td>{c.state === 'failed' && mayRetry ? <a href={`/payments/cards/${encodeURIComponent(c.documentId)}/retry`}>ask again</a> : null}</td>
        </tr>
      ))}
    </Table>
  );
}

/** One payment with its payees, for whoever approves it. */
export function PaymentPage(props: {
  readonly viewer: Viewer;
  readonly payment: PaymentView;
  readonly mayDecide: boolean;
  readonly mayDownload: boolean;
  /** Whether the viewer may state what the bank sent back. */
  readonly mayState: boolean;
}) {
  const { viewer, payment: p, mayDecide, mayDownload, mayState } = props;
  const decide = (decision: string) => link(`${paymentPath(p.paymentId)}/${decision}`, { contentHash: p.contentHash });
  return (
    <Shell
      title={`Payment of ${grouped(p.amount)} ${p.currency}`}
      viewer={viewer}
      trail={[
        ['/', 'Runs'],
        ['/payments', 'Payments'],
      ]}
    >
      <p>
        <State code={p.state} /> {p.reason}
      </p>
      {p.state === 'proposed' && mayDecide && viewer.actor !== p.author ? (
        <nav class="buttons" aria-label="What you can do">
          <a class="button" href={decide('approve')}>
            Approve
          </a>
          <a class="button" href={decide('reject')}>
            Reject
          </a>
        </nav>
      ) : null}
      {p.state === 'proposed' && viewer.actor === p.author ? <p class="hint">You proposed it: somebody else has to decide.</p> : null}
      {p.state === 'approved' && mayDownload ? (
        <nav class="buttons" aria-label="What you can do">
          <a class="button" href={`${paymentPath(p.paymentId)}/file`}>
            File for the bank ({p.format})
          </a>
        </nav>
      ) : null}
      {p.state === 'approved' && mayState && p.items.every((i) => i.returned === null) ? (
        <p>
          <a href={link(`${paymentPath(p.paymentId)}/returns`, { amount: p.amount })}>The bank sent all of it back</a>
        </p>
      ) : null}
      <Facts
        items={[
          ['Payment', <code>{p.paymentId}</code>],
          ['To be carried out on', p.executeOn],
          ['Documents due until', p.dueUntil],
          ['Format', p.format],
          ['Proposed by', p.author],
          ['Decided by', p.decidedBy === null ? 'nobody yet' : `${p.decidedBy}: ${p.comment ?? ''}`],
          ['Content', <code>{p.contentHash}</code>],
        ]}
      />
      <h2>Payees</h2>
      <Table
        label="Payees"
        head={
          <>
            <th scope="col">Payee</th>
            <th scope="col">Bank account</th>
            <Figure>Amount {p.currency}</Figure>
            <th scope="col">For</th>
            <th scope="col">EndToEndId</th>
          </>
        }
      >
        {p.items.map((i) => (
          <tr>
            <td>
              {i.name}
              <div class="hint">{i.accountId}</div>
              {i.returned === null ? null : (
                <div class="hint">
                  sent back on {i.returned.on}: {i.returned.reason} ({i.returned.by})
                </div>
              )}
              {i.returned === null && p.state === 'approved' && mayState ? (
                <a href={link(`${paymentPath(p.paymentId)}/returns`, { endToEndId: i.endToEndId, amount: i.amount })}>was sent back</a>
              ) : null}
            </td>
            <td>{i.bankAccount}</td>
            <td class="figure">{grouped(i.amount)}</td>
            <td>{i.remittance}</td>
            <td>
              <code>{i.endToEndId}</code>
            </td>
          </tr>
        ))}
      </Table>
    </Shell>
  );
}
