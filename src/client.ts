/** A refused request: status, stable code, and what the API says about it. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly body: Readonly<Record<string, unknown>>;
  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(String(body['detail'] ?? `the API answered ${status}`));
    this.status = status;
    this.code = String(body['code'] ?? '');
    this.body = body;
  }
}

export type Call = { readonly query?: Readonly<Record<string, string | undefined>>; readonly json?: unknown; readonly body?: Buffer; readonly type?: string; readonly idempotencyKey?: string };

/** Calls the API as the holder of a token; `file` fetches one with its name. Throws ApiError on whatever is not a success. */
export function apiClient(baseUrl: string, token: string) {
  const call = async <T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, call: Call = {}): Promise<T> => {
    const url = new URL(path, baseUrl);
    for (const [key, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(key, value);
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    const type = call.json === undefined ? call.type : 'application/json';
    if (type !== undefined) headers['content-type'] = type;
    if (call.idempotencyKey !== undefined) headers['idempotency-key'] = call.idempotencyKey;
    const body = call.json === undefined ? (call.body === undefined ? null : new Uint8Array(call.body)) : JSON.stringify(call.json);
    const response = await fetch(url, { method, headers, body });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new ApiError(response.status, answer);
    return answer as T;
  };
  const file = async (path: string): Promise<{ readonly name: string; readonly bytes: Buffer }> => {
    const response = await fetch(new URL(path, baseUrl), { headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) throw new ApiError(response.status, (await response.json()) as Record<string, unknown>);
    const name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? 'file';
    return { name, bytes: Buffer.from(await response.arrayBuffer()) };
  };
  return Object.assign(call, { file });
}

export type Api = ReturnType<typeof apiClient>;
