import { tokenRefOf } from '../core/normalise/token-ref.ts';
import { parseInstant } from '../core/time.ts';
import type { Db } from '../store/db.ts';
import type { PageMessage } from '../store/intake/load-page.ts';
import { loadSetup, type SetupBook, type TokenUse } from '../store/intake/load-setup.ts';
import type { Readable } from './parse-page.ts';

export type PageSetup = { readonly setup: SetupBook; readonly tokens: readonly TokenUse[]; readonly anonymousTokens: ReadonlySet<string> };

/** Tokens that chargers write for nobody. */
const anonymousUids = ['0', '00000000', 'unknown', 'none', 'no_auth'];

/** The set-up that the messages of a page can touch, with their tokens. */
export async function loadPageSetup(db: Db, messages: readonly PageMessage[], readable: readonly Readable[]): Promise<PageSetup> {
  const tokens = tokensOf(readable);
  const unique = (values: readonly string[]) => [...new Set(values)];
  const setup = await loadSetup(db, {
    entityIds: unique(messages.map((m) => m.source.entityId)),
    sourceIds: unique(messages.map((m) => m.source.id)),
    siteKeys: unique(readable.map((p) => p.facts.siteKey)),
    tokens,
    between: spanOfPage(readable),
  });
  const secret = messages[0]?.tokenSecret;
  return { setup, tokens, anonymousTokens: new Set(secret === undefined ? [] : anonymousUids.map((uid) => tokenRefOf(secret, uid))) };
}

/** From the first start to the last end of a page; times that cannot be are held back before any rate is asked for. */
function spanOfPage(readable: readonly Readable[]): { readonly fromMs: number; readonly toMs: number } {
  const possible = readable.flatMap(({ facts }) => [parseInstant(facts.startAt), parseInstant(facts.endAt)]).filter((ms) => ms !== undefined);
  return possible.reduce((span, ms) => ({ fromMs: Math.min(span.fromMs, ms), toMs: Math.max(span.toMs, ms) }), { fromMs: possible[0] ?? 0, toMs: possible[0] ?? 0 });
}

/** The tokens of a page, each once. */
function tokensOf(readable: readonly Readable[]): TokenUse[] {
  return [...new Map(readable.map(({ token }) => [`${token.sourceId}\n${token.ref}`, token])).values()];
}
