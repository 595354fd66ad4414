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

/** Calls the API as the holder of a token; `file` fetches one with its name. Throws ApiError on whatever is not a success, and an Error that says where it looked when nobody answers. */
export function apiClient(baseUrl: string, token: string) {
  const remedy = `look whether the API runs at ${baseUrl}, and whether WATTLEDGER_API_URL is its address`;
  const noApi = (status: number) => `what answers there (${status}) is no API of WattLedger: ${remedy}`;
  // What stands before our paths, as behind a proxy, stays: without it the token would go to whatever else is on that host.
  const urlOf = (path: string) => new URL(`${baseUrl.replace(/\/+$/, '')}${path}`);
  const reach = async (url: URL, init: RequestInit) => {
    try {
      return await fetch(url, init);
    } catch (error) {
      const { code, message } = ((error as Error).cause ?? error) as Error & { readonly code?: string };
      throw new Error(`the API cannot be reached (${code ?? message}): ${remedy}`, { cause: error });
    }
  };
  const call = async <T>(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, call: Call = {}): Promise<T> => {
    const url = urlOf(path);
    for (const [key, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(key, value);
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    const type = call.json === undefined ? call.type : 'application/json';
    if (type !== undefined) headers['content-type'] = type;
    if (call.idempotencyKey !== undefined) headers['idempotency-key'] = call.idempotencyKey;
    const body = call.json === undefined ? (call.body === undefined ? null : new Uint8Array(call.body)) : JSON.stringify(call.json);
    const response = await reach(url, { method, headers, body });
    const text = await response.text();
    const answer = parsed(text);
    if (answer === undefined) throw new ApiError(response.status, { detail: noApi(response.status) });
    if (!response.ok) throw new ApiError(response.status, answer);
    return answer as T;
  };
  const file = async (path: string): Promise<{ readonly name: string; readonly bytes: Buffer }> => {
    const response = await reach(urlOf(path), { headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) throw new ApiError(response.status, parsed(await response.text()) ?? { detail: noApi(response.status) });
    const name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? 'file';
    return { name, bytes: Buffer.from(await response.arrayBuffer()) };
  };
  return Object.assign(call, { file });
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

export type Api = ReturnType<typeof apiClient>;
