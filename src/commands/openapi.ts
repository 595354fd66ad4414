import { describeApi } from '../api/app.ts';
import { command, say } from './command.ts';

export const openApiCommand = command('openapi', 'Print the OpenAPI 3.1 description of the API', {}, async () => {
  say(JSON.stringify(describeApi(), null, 2));
  return true;
});
