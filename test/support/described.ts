import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describeApi } from '../../src/api/app.ts';
import type { Answer } from './api.ts';

type Content = Readonly<Record<string, { readonly schema: AnySchemaObject }>>;
type Operation = { readonly requestBody?: { readonly content: Content }; readonly responses: Readonly<Record<string, { readonly content?: Content }>> };

let described: { readonly routes: readonly { readonly at: RegExp; readonly path: string; readonly methods: Readonly<Record<string, Operation>> }[]; readonly ajv: Ajv2020 } | undefined;

/** What an answer, or the JSON of a request that was taken, has otherwise than the API's description says; nothing for a path that it does not tell of. */
export function notAsDescribed(method: string, url: string, sent: unknown, answer: Answer): string[] {
  described ??= read();
  const path = url.split('?', 1)[0] ?? '';
  const route = described.routes.find(({ at, methods }) => at.test(path) && methods[method.toLowerCase()] !== undefined);
  const operation = route?.methods[method.toLowerCase()];
  if (route === undefined || operation === undefined) return [];
  const where = `/paths/${escaped(route.path)}/${method.toLowerCase()}`;
  const media = (answer.headers.get('content-type') ?? '').split(';', 1)[0] ?? '';
  const content = operation.responses[answer.status]?.content;
  const found: string[] = [];
  if (content === undefined) found.push(`answers ${answer.status}`);
  else if (content[media] === undefined) found.push(`answers ${answer.status} as ${media}`);
  else if (media.endsWith('json'))
    found.push(...faults(described.ajv, `${where}/responses/${answer.status}/content/${escaped(media)}/schema`, answer.body).map((fault) => `answer ${answer.status}: ${fault}`));
  const taken = answer.status < 300 && !(answer.body?.refused?.length > 0);
  if (taken && typeof sent === 'object' && operation.requestBody?.content['application/json'] !== undefined)
    found.push(...faults(described.ajv, `${where}/requestBody/content/application~1json/schema`, JSON.parse(JSON.stringify(sent))).map((fault) => `request: ${fault}`));
  return found.map((fault) => `${method} ${route.path} ${fault}`);
}

function read() {
  const document = JSON.parse(JSON.stringify(describeApi()));
  const ajv = new Ajv2020({ allErrors: true, strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'api');
  // What a path says in words goes before what it takes as a parameter.
  const routes = Object.entries(document.paths as Record<string, Record<string, Operation>>)
    .map(([path, methods]) => ({ path, methods, at: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`) }))
    .sort((a, b) => a.path.split('{').length - b.path.split('{').length);
  return { routes, ajv };
}

const escaped = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1');

function faults(ajv: Ajv2020, pointer: string, value: unknown): string[] {
  const ref = `api#${pointer.split('/').map(encodeURIComponent).join('/')}`;
  const validate = ajv.getSchema(ref) ?? ajv.compile({ $ref: ref });
  if (validate(value)) return [];
  return (validate.errors ?? []).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
}
