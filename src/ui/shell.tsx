import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';
import { styleSheetPath } from './style-sheet.ts';

/** Who looks, and what every page of theirs carries. */
export type Viewer = {
  readonly actor: string;
  readonly roles: readonly string[];
  /** Goes with every form. */
  readonly csrf: string;
  /** What was just done; shown once. */
  readonly notice?: string | undefined;
  readonly temporalUiUrl?: string | undefined;
};

type Crumb = readonly [href: string, text: string];
type Props = {
  readonly title: string;
  readonly viewer?: Viewer | undefined;
  readonly trail?: readonly Crumb[];
  /** Loads the page again by itself: only while something is under way that nobody waits for by acting. */
  readonly refreshAfterS?: number | undefined;
  readonly children?: Child;
};

/** The frame of every page. */
export function Shell({ title, viewer, trail = [], refreshAfterS, children }: Props) {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          {refreshAfterS === undefined ? null : <meta http-equiv="refresh" content={String(refreshAfterS)} />}
          <title>{title} · WattLedger</title>
          <link rel="stylesheet" href={styleSheetPath} />
          <link rel="icon" href="data:," />
        </head>
        <body>
          <a class="skip" href="#main">
            Skip to the page
          </a>
          <header class="top">
            <a class="brand" href="/">
              WattLedger
            </a>
            {viewer === undefined ? null : (
              <>
                <nav aria-label="Main">
                  <a href="/">Runs</a>
                  <a href="/rules">Rules</a>
                  <a href="/quarantine">Quarantine</a>
                  <a href="/partners">Partners</a>
                  <a href="/erp">ERP</a>
                  <a href="/payments">Payments</a>
                  <a href="/deliveries">Deliveries</a>
                  <a href="/ocpi-peers">OCPI</a>
                  <a href="/trace">Trace</a>
                  <a href="/docs">API</a>
                  {viewer.temporalUiUrl === undefined ? null : <a href={viewer.temporalUiUrl}>Temporal</a>}
                </nav>
                <form class="who" method="post" action="/sign-out">
                  <input type="hidden" name="csrf" value={viewer.csrf} />
                  <span>
                    {viewer.actor} <small>({viewer.roles.join(', ')})</small>
                  </span>
                  <button type="submit" class="quiet">
                    Sign out
                  </button>
                </form>
              </>
            )}
          </header>
          <main id="main">
            {trail.length === 0 ? null : (
              <nav class="trail" aria-label="You are here">
                {trail.map(([href, text]) => (
                  <>
                    <a href={href}>{text}</a>
                    <span aria-hidden="true"> / </span>
                  </>
                ))}
              </nav>
            )}
            <h1>{title}</h1>
            {viewer?.notice === undefined ? null : (
              <p class="notice" role="status">
                {viewer.notice}
              </p>
            )}
            {children}
          </main>
          <footer class="foot">
            <a href="/docs">API reference</a> <a href="/openapi.json">OpenAPI</a> <a href="/readyz">Readiness</a> <a href="/metrics">Metrics</a>
          </footer>
        </body>
      </html>
    </>
  );
}
