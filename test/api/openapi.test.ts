import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeApi } from '../../src/api/app.ts';

describe('the API description', () => {
  it('is the one that is committed: `npm run openapi` writes it', () => {
    expect(JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'))).toEqual(JSON.parse(JSON.stringify(describeApi())));
  });
  it('tells of every route what goes wrong, and of every write that it can be repeated', () => {
    const { paths } = JSON.parse(JSON.stringify(describeApi())) as { paths: Record<string, Record<string, { responses: object; summary?: string }>> };
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, route] of Object.entries(methods)) {
        expect(route.summary, `${method} ${path}`).toBeTruthy();
        if (path.startsWith('/v1/')) expect(Object.keys(route.responses), `${method} ${path}`).toEqual(expect.arrayContaining(['401', '403', '404', '409', '422']));
      }
    }
  });
});
