import { stat } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from 'citty';

/** A line for people, on stdout. */
export const say = (line: string) => process.stdout.write(`${line}\n`);

/** Called the wrong way: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Work to do with the arguments; true is exit code 0, false 1: the work found a problem. */
type Work<A extends ArgsDef> = (args: ParsedArgs<A>) => Promise<boolean>;

/** A command of the CLI. What goes wrong is one line on stderr and exit code 1; what it would pass over is refused. */
export function command<const A extends ArgsDef>(name: string, description: string, args: A, work: Work<A>): CommandDef<ArgsDef> {
  return defineCommand({
    meta: { name, description },
    args,
    async run({ args: given, rawArgs }) {
      refuseUnread(name, args, rawArgs);
      try {
        process.exitCode = (await work(given as ParsedArgs<A>)) ? 0 : 1;
      } catch (error) {
        if (error instanceof UsageError) throw error;
        process.stderr.write(`wattledger: ${inOneLine(error as Error)}\n`);
        process.exitCode = 1;
      }
    },
  }) as unknown as CommandDef<ArgsDef>;
}

/** The driver's words, without a code, for a database that does not answer. */
const silent = 'timeout expired';
const away = new Set(['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'ETIMEDOUT', 'EAI_AGAIN']);

/** What went wrong, in one line. Of a server with several addresses Node has an error for each and no words for all; what the network alone says names no remedy. */
function inOneLine(error: Error & { readonly code?: string }): string {
  const words = (error instanceof AggregateError && error.message === '' ? error.errors.map((one: Error) => one.message).join(', ') : error.message).trim().replace(/\s*\n\s*/g, ' ');
  // The API’s client has words of its own: what is left is the database.
  return away.has(error.code ?? '') || words === silent ? `the database cannot be reached (${words}): look whether it runs, and whether DATABASE_URL and DATABASE_ADMIN_URL are its address` : words;
}

/**
 * citty passes over options that it does not know, takes an option for the value of the one before it, the last of two, and as many words as
 * there are places: `import *.csv` would import one file and end with 0. Throws UsageError for each of these.
 */
function refuseUnread(name: string, args: ArgsDef, rawArgs: readonly string[]): void {
  const wrong = (what: string) => new UsageError(`${name}: ${what}; see its --help`);
  const named = Object.entries(args).filter(([, arg]) => arg.type !== 'positional');
  const options = Object.fromEntries(named.map(([key, arg]) => [key, { type: arg.type === 'boolean' ? ('boolean' as const) : ('string' as const) }]));
  const seen = new Set<string>();
  let places = Object.keys(args).length - named.length;
  for (const token of tokensOf(rawArgs, options, wrong)) {
    if (token.kind === 'positional') {
      if (places === 0) throw wrong(`it takes no "${token.value}"`);
      if (token.value === '') throw wrong('an argument is empty');
      places -= 1;
    } else if (token.kind === 'option') {
      if (seen.has(token.name)) throw wrong(`${token.rawName} is given twice`);
      if (token.value === '') throw wrong(`${token.rawName} wants a value`);
      seen.add(token.name);
    }
  }
}

function tokensOf(rawArgs: readonly string[], options: Readonly<Record<string, { readonly type: 'boolean' | 'string' }>>, wrong: (what: string) => UsageError) {
  try {
    return parseArgs({ args: [...rawArgs], options, strict: true, allowPositionals: true, allowNegative: true, tokens: true }).tokens;
  } catch (error) {
    throw wrong((error as Error).message.split('. ')[0]?.replaceAll('\n', ' ').replace(/\.$/, '') ?? '');
  }
}

/** Commands under a common word. */
export function group(name: string, description: string, subCommands: Readonly<Record<string, CommandDef<ArgsDef>>>): CommandDef<ArgsDef> {
  return defineCommand({
    meta: { name, description },
    // Without a prototype, so that nothing but a command is found in it.
    subCommands: Object.assign(Object.create(null) as Record<string, CommandDef<ArgsDef>>, subCommands),
    setup({ rawArgs: [first] }) {
      if (first?.startsWith('-')) throw new UsageError(`${first} stands before the command; options follow it`);
    },
  }) as CommandDef<ArgsDef>;
}

/** A file that was named, to be read; a folder is refused by its name, which Node leaves out. */
export async function fileAt(file: string): Promise<string> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory()) throw new Error(`${file} is a folder: name a file`);
  return file;
}

/** The words that name what was called: `wattledger run plan`; of a command that there is not, the group that has none of that name. */
export function calledAs(of: CommandDef<ArgsDef>, [first = '', ...rest]: readonly string[]): string {
  const { name } = of.meta as { readonly name: string };
  const called = (of.subCommands as Readonly<Record<string, CommandDef<ArgsDef>>> | undefined)?.[first];
  return called === undefined ? name : `${name} ${calledAs(called, rest)}`;
}

/** For commands that print data. */
export const jsonArg = { json: { type: 'boolean', description: 'Print JSON', default: false } } as const;
