import { randomUUID } from 'node:crypto';
import type { Context, Hono, MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Role } from '../../store/reads/api-keys.ts';
import { ConfirmPage, type Field, type OrderForm, OrderPage, type Values } from '../../ui/order-page.tsx';
import type { Refusal } from '../../ui/problem-page.tsx';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { viewerOf } from './viewer.ts';

/** An order of the API as a form. What it does, who may and what is refused is the route's own: the console sends it there. */
export type ConsoleOrder = OrderForm & {
  readonly roles: readonly Role[];
  /** What its fields hold at first, where the query says nothing. */
  readonly initial?: Values;
  /** What the confirmation shows instead of the fields. A Problem is thrown for what cannot be done. */
  readonly changes?: (values: Values) => OrderForm['about'];
  /** The request to the API. A Problem is thrown for what cannot be written as one. */
  readonly request: (values: Values) => { readonly method: 'POST' | 'PUT' | 'DELETE'; readonly path: string; readonly json?: unknown };
  /** What it would come to, asked of the API before the confirmation, and shown there. */
  readonly preview?: {
    readonly request: (values: Values) => { readonly path: string; readonly json: unknown };
    readonly shown: (answer: Readonly<Record<string, unknown>>) => readonly (readonly [string, string])[];
  };
  readonly done: (answer: Readonly<Record<string, unknown>>) => string;
  /** The page to go on with. */
  readonly next: (answer: Readonly<Record<string, unknown>>) => string;
};

/** Sends a request to the API inside this process. */
export type Send = (path: string, init: { readonly method: string; readonly headers: Record<string, string>; readonly body?: string }) => Response | Promise<Response>;

/**
 * An order at a path: GET shows its form with what the query says filled in, POST checks that nothing is missing and asks for
 * confirmation, then carries it out. A refusal shows above the form, which keeps what was typed.
 */
export function serveOrder(app: Hono<ApiEnv>, path: string, guard: MiddlewareHandler<ApiEnv>, send: Send, orderOf: (c: Context<ApiEnv>) => Promise<ConsoleOrder> | ConsoleOrder): void {
  const allowed = async (c: Context<ApiEnv>) => {
    const order = await orderOf(c);
    const { roles } = c.get('caller');
    if (!roles.some((role) => order.roles.includes(role))) throw new Problem(403, 'forbidden', `This needs one of the roles ${order.roles.join(', ')}; yours: ${roles.join(', ')}.`);
    return order;
  };
  app.get(path, guard, async (c) => {
    const form = await allowed(c);
    const values = valuesOf(form, {
      ...form.initial,
      ...Object.fromEntries(Object.entries(c.req.queries()).map(([name, given]) => [name, given.join(',')])),
    });
    return c.html(OrderPage({ viewer: viewerOf(c), form, path: c.req.path, values, onceKey: randomUUID() }));
  });
  app.post(path, guard, async (c) => {
    const form = await allowed(c);
    const given = await c.req.parseBody();
    const values = valuesOf(form, given);
    const onceKey = String(given['onceKey'] || randomUUID());
    const page = { viewer: viewerOf(c), form, path: c.req.path, values, onceKey };
    const resumed = c.get('resumed');
    const refuse = (refusal: Refusal) => c.html(OrderPage({ ...page, refusal }), refusal.status as ContentfulStatusCode);
    if (resumed?.refusal !== undefined) return refuse(resumed.refusal);
    if (given['step'] === 'edit' || resumed !== undefined) return c.html(OrderPage(page));
    const missing = form.fields.filter((f) => f.required === true && values[f.name]?.trim() === '');
    if (missing.length > 0) {
      const fields = Object.fromEntries(missing.map((f) => [f.name, 'Fill this in.']));
      return refuse({ status: 422, code: 'invalid', detail: `Fill in: ${missing.map((f) => f.label).join(', ')}.`, fields });
    }
    if (given['step'] !== 'carryOut') {
      const changes = orRefusal(form, () => form.changes?.(values));
      if ('detail' in changes) return refuse(changes);
      if (form.preview === undefined) return c.html(ConfirmPage({ ...page, shown: changes.of }));
      const { request, shown } = form.preview;
      const found = await askApi(c, form, () => ({ method: 'POST', ...request(values) }), send);
      return 'detail' in found ? refuse(found) : c.html(ConfirmPage({ ...page, form: { ...form, about: [...form.about, ...shown(found.body)] } }));
    }
    const answer = await askApi(c, form, () => form.request(values), send, onceKey);
    if ('detail' in answer) {
      if (answer.code !== 'idempotencyKeyReused') return refuse(answer);
      // By the browser's way back, and changed since: sent once more it is an order of its own.
      const refusal = { ...answer, detail: 'This form was carried out already, and was changed since: nothing more was done. Look at what came of it; sent once more, it is carried out beside that.' };
      return c.html(OrderPage({ ...page, onceKey: randomUUID(), refusal }), refusal.status as ContentfulStatusCode);
    }
    c.get('session').notice = form.done(answer.body);
    return c.redirect(form.next(answer.body), 303);
  });
}

async function askApi(
  c: Context<ApiEnv>,
  form: OrderForm,
  requestOf: () => { readonly method: string; readonly path: string; readonly json?: unknown },
  send: Send,
  onceKey?: string,
): Promise<Refusal | { readonly body: Record<string, unknown> }> {
  const request = orRefusal(form, requestOf);
  if ('detail' in request) return request;
  const { method, path, json } = request.of;
  const headers = {
    authorization: `Bearer ${c.get('session').token}`,
    'x-request-id': c.get('requestId'),
    ...(onceKey === undefined ? {} : { 'idempotency-key': `console-${onceKey}`.slice(0, 200) }),
  };
  const answer = await send(path, json === undefined ? { method, headers } : { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(json) });
  const body = (await answer.json()) as Record<string, unknown>;
  return answer.ok ? { body } : refusalOf(form, answer.status, body);
}

/** What is made, or the Problem with it as a refusal. */
function orRefusal<T>(form: OrderForm, make: () => T): Refusal | { readonly of: T } {
  try {
    return { of: make() };
  } catch (error) {
    if (error instanceof Problem) return refusalOf(form, error.status, { code: error.code, detail: error.message, ...error.more });
    throw error;
  }
}

/** What was refused, with the form's fields called as the form calls them, and each told beside its field. */
function refusalOf(form: OrderForm, status: number, { code, detail, errors }: Readonly<Record<string, unknown>>): Refusal {
  if (!Array.isArray(errors)) return { status, code: String(code), detail: String(detail) };
  const fieldOf = (path: string) => form.fields.find((f) => path === f.name || path.endsWith(`.${f.name}`));
  const found = (errors as readonly { readonly path: string; readonly message: string }[]).map(({ path, message }) => ({ field: fieldOf(path), path, message }));
  return {
    status,
    code: String(code),
    detail: found.map(({ field, path, message }) => (path === '' ? message : `${field === undefined ? path : nameOf(field)}: ${message}`)).join('; '),
    fields: Object.fromEntries(found.flatMap(({ field, message }) => (field === undefined ? [] : [[field.name, message]]))),
  };
}

const nameOf = ({ group, label }: Field) => (group === undefined ? label : `${group.name}, ${label}`);

function valuesOf(form: OrderForm, given: Readonly<Record<string, unknown>>): Values {
  return Object.fromEntries(form.fields.map((f) => [f.name, typeof given[f.name] === 'string' ? String(given[f.name]) : '']));
}
