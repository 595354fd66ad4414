import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeApi } from '../../src/api/app.ts';

type Schema = { readonly [key in 'properties' | 'additionalProperties']?: Record<string, Schema> | boolean } & {
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
};

/** Where a schema has an object that takes fields that it does not name. */
function openIn(schema: Schema, at = ''): string[] {
  const { properties, additionalProperties, items, anyOf = [], oneOf = [] } = schema;
  return [
    ...(typeof properties === 'object' && additionalProperties !== false ? [at] : []),
    ...(typeof properties === 'object' ? Object.entries(properties).flatMap(([name, field]) => openIn(field, `${at}.${name}`)) : []),
    ...(typeof additionalProperties === 'object' ? openIn(additionalProperties as Schema, `${at}{}`) : []),
    ...(items === undefined ? [] : openIn(items, `${at}[]`)),
    ...[...anyOf, ...oneOf].flatMap((one) => openIn(one, at)),
  ];
}

describe('the API description', () => {
  it('is the one that is committed: `npm run openapi` writes it', () => {
    expect(JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'))).toEqual(JSON.parse(JSON.stringify(describeApi())));
  });
  it('has no request whose JSON takes fields that are not named: what is misspelt would be passed over', () => {
    const { paths } = JSON.parse(JSON.stringify(describeApi())) as { paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>> };
    const open = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, route]) => openIn(route.requestBody?.content['application/json']?.schema ?? {}).map((at) => `${method} ${path} ${at}`)),
    );
    expect(open).toEqual([
      // What others send is kept as it came.
      'post /webhooks/{sourceId} ',
      'post /v1/sources/{sourceId}/cdrs ',
      // A sale as it is kept: it has more than is looked at.
      ...['', '.location', '.cost', '.cost.total'].map((at) => `post /v1/accounts/{accountId}/partner-rules/checks ${at}`),
      // By category of payer; another is refused.
      'put /v1/sources/{sourceId}/rules .profile.rules{}.byCategory',
    ]);
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
