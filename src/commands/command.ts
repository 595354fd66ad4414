import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from 'citty';

/** A line for people, on stdout. */
export const say = (line: string) => process.stdout.write(`${line}\n`);

/** Called the wrong way: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Work to do with the arguments; true is exit code 0, false 1: the work found a problem. */
type Work<A extends ArgsDef> = (args: ParsedArgs<A>) => Promise<boolean>;

/** A command of the CLI. What goes wrong is one line on stderr and exit code 1; an option it does not know is refused. */
export function command<const A extends ArgsDef>(name: string, description: string, args: A, work: Work<A>): CommandDef<ArgsDef> {
  return defineCommand({
    meta: { name, description },
    args,
    async run({ args: given, rawArgs }) {
      const known = new Set(Object.entries(args).flatMap(([key, arg]) => [key, `no-${key}`, ...('alias' in arg && arg.alias !== undefined ? [arg.alias].flat() : [])]));
      const unknown = rawArgs.find((arg) => arg.startsWith('--') && !known.has(arg.slice(2).split('=')[0] ?? ''));
      if (unknown !== undefined) throw new UsageError(`${name} knows no option ${unknown}; see its --help`);
      try {
        process.exitCode = (await work(given as ParsedArgs<A>)) ? 0 : 1;
      } catch (error) {
        if (error instanceof UsageError) throw error;
        process.stderr.write(`wattledger: ${(error as Error).message}\n`);
        process.exitCode = 1;
      }
    },
  }) as unknown as CommandDef<ArgsDef>;
}

/** Commands under a common word. */
export function group(name: string, description: string, subCommands: Readonly<Record<string, CommandDef<ArgsDef>>>): CommandDef<ArgsDef> {
  return defineCommand({ meta: { name, description }, subCommands }) as CommandDef<ArgsDef>;
}

/** For commands that print data. */
export const jsonArg = { json: { type: 'boolean', description: 'Print JSON', default: false } } as const;
