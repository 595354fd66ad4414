/** Calls Tryton as its own client does, as the user admin. Throws with the error's words. */
export async function trytonCall(at: { readonly url: string; readonly database: string; readonly password: string }): Promise<(method: string, ...params: unknown[]) => Promise<unknown>> {
  const ask = async (authorization: string | undefined, name: string, args: unknown[]) => {
    const answer = await fetch(`${at.url}/${at.database}/rpc/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
      body: JSON.stringify({ id: 1, method: name, params: args }),
    });
    const { result, error } = (await answer.json()) as { result?: unknown; error?: unknown };
    if (error !== undefined) throw new Error(JSON.stringify(error));
    return result;
  };
  const [user, session] = (await ask(undefined, 'common.db.login', ['admin', { password: at.password }, 'en'])) as [number, string];
  return (method, ...params) => ask(`Session ${Buffer.from(`admin:${user}:${session}`).toString('base64')}`, method, params);
}
