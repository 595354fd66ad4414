import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { formatMinor } from '../../core/money.ts';
import { accrueMonth } from '../../store/commands/accrue-month.ts';
import { setPeriodState } from '../../store/commands/set-period-state.ts';
import { accountingPeriods, accrualAgainstActual, erpProof } from '../../store/reads/accounting-periods.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { ofKnownEntity } from '../known-entity.ts';
import { body, entityId, idempotencyHeader, json, money, monthText, problems, reason, whyBody } from '../schemas.ts';
import { byOf, type RunDeps } from './run-context.ts';

const tags = ['Accounting periods'];
const state = z.enum(['open', 'softClosed', 'closed']);
const month = entityId.extend({
  month: monthText.openapi({ param: { name: 'month', in: 'path' }, example: '2019-12' }),
});
const place = { currency: z.string(), glAccount: z.string().nullable(), costCenter: z.string().nullable() };
const line = z.object({ kind: z.string(), ...place, amount: money.openapi({ description: 'Debit positive.' }) });
const proofRow = z.object({
  ...place,
  ledger: money,
  erpDocuments: money,
  erpAccruals: money.openapi({ description: 'The accrual of the month less that of the one before.' }),
  difference: money.openapi({ description: 'Zero, or something is missing in the ERP.' }),
});
const againstActual = z.object({ kind: z.string(), ...place, accrued: money, invoiced: money, writtenOff: money, open: money });

/** Accounting periods of an entity: their state, what is accrued at their end, and the proof that the ERP holds what the sub-ledger does. */
export function accountingPeriodRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  const known = <Of extends { readonly entityId: string }>(of: Of) => ofKnownEntity(store.pool, of);
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/entities/{entityId}/accounting-periods',
      tags,
      summary: 'Accounting periods, newest first, with who closed or reopened them',
      middleware: allow(...readers),
      request: { params: entityId },
      responses: {
        200: json(
          z.object({
            items: z
              .array(
                z.object({
                  month: z.string(),
                  state,
                  transactions: z.int(),
                  accruals: z.int(),
                  events: z.array(z.object({ action: z.string(), actor: z.string(), reason: z.string(), at: z.string() })).readonly(),
                }),
              )
              .readonly(),
          }),
          'One per month.',
        ),
        ...problems,
      },
    }),
    async (c) => c.json({ items: await accountingPeriods(store.pool, (await known(c.req.valid('param'))).entityId) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/entities/{entityId}/accounting-periods/{month}/state',
      tags,
      summary: 'Soft-close, close or reopen a month',
      description:
        'Nothing is posted into a closed month: what comes later counts for the next open one, keeping its service date. Closing makes what is left of the accrual first. A closed month is reopened by two: the first request asks, that of another person does it.',
      middleware: allow('finance-approver', 'admin'),
      request: { params: month, headers: idempotencyHeader, body: body(z.strictObject({ action: z.enum(['softClose', 'close', 'reopen']), reason })) },
      responses: { 200: json(z.object({ state, waitsForSecond: z.boolean() }), 'What it is now.'), ...problems },
    }),
    async (c) => {
      const { connections, ...outcome } = await store.tx((db) => setPeriodState(db, { ...c.req.valid('param'), ...c.req.valid('json') }, byOf(c)));
      for (const id of connections) await orders.wakeErp(id);
      return c.json(outcome, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/entities/{entityId}/accounting-periods/{month}/accruals',
      tags,
      summary: 'Accrue a month that has ended, without waiting for its run',
      description:
        'Unbilled sales, shares of site owners and roaming costs per account and cost center, and apart from them an estimate for sessions without a CDR, go to the ERP as journals of the last day and are taken back on the first day of the next month. Again: what changed since.',
      middleware: allow('finance-preparer', 'finance-approver', 'admin'),
      request: { params: month, headers: idempotencyHeader, body: whyBody },
      responses: {
        200: json(z.object({ accrualId: z.string().nullable(), n: z.int(), lines: z.array(line).readonly(), unpricedExpectations: z.int() }), 'What was accrued; nothing where all is.'),
        ...problems,
      },
    }),
    async (c) => {
      const { accrualId, n, lines, unpriced, connections } = await store.tx((db) => accrueMonth(db, { ...c.req.valid('param'), reason: c.req.valid('json').reason }, byOf(c)));
      for (const id of connections) await orders.wakeErp(id);
      return c.json({ accrualId, n, lines: lines.map(({ amountMinor, ...l }) => ({ ...l, amount: formatMinor(amountMinor, l.currency) })), unpricedExpectations: unpriced }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/entities/{entityId}/accounting-periods/{month}/proof',
      tags,
      summary: 'What the ERP was handed in a month against the sub-ledger, per currency, GL account and cost center',
      middleware: allow(...readers),
      request: { params: month },
      responses: {
        200: json(
          z.object({
            fromMonth: z.string().nullable().openapi({ description: 'It begins after this month, the last one accrued before it.' }),
            month: z.string(),
            holds: z.boolean(),
            unverified: z.int().openapi({ description: 'Postings that the ERP has not read back equal yet.' }),
            rows: z.array(proofRow).readonly(),
          }),
          'Documents + change in accruals = ledger.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const { entityId: entity, month: of } = await known(c.req.valid('param'));
      const { rows, ...proof } = await erpProof(store.pool, entity, of);
      return c.json(
        {
          ...proof,
          rows: rows.map(({ currency, glAccount, costCenter, ledgerMinor, documentsMinor, accrualsMinor, differenceMinor }) => ({
            ...{ currency, glAccount, costCenter },
            ledger: formatMinor(ledgerMinor, currency),
            erpDocuments: formatMinor(documentsMinor, currency),
            erpAccruals: formatMinor(accrualsMinor, currency),
            difference: formatMinor(differenceMinor, currency),
          })),
        },
        200,
      );
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/entities/{entityId}/accounting-periods/{month}/accrual-against-actual',
      tags,
      summary: 'What was accrued for a month, and what came of it',
      description: 'Of sales and costs what was invoiced, written off or is open since; of the estimate (kind `estimate`) what its sessions came to, as invoiced.',
      middleware: allow(...readers),
      request: { params: month },
      responses: { 200: json(z.object({ items: z.array(againstActual).readonly() }), 'Per kind, currency, GL account and cost center.'), ...problems },
    }),
    async (c) => {
      const { entityId: entity, month: of } = await known(c.req.valid('param'));
      const items = (await accrualAgainstActual(store.pool, entity, of)).map(({ kind, currency, glAccount, costCenter, accruedMinor, invoicedMinor, writtenOffMinor, openMinor }) => ({
        ...{ kind, currency, glAccount, costCenter },
        accrued: formatMinor(accruedMinor, currency),
        invoiced: formatMinor(invoicedMinor, currency),
        writtenOff: formatMinor(writtenOffMinor, currency),
        open: formatMinor(openMinor, currency),
      }));
      return c.json({ items }, 200);
    },
  );
}
