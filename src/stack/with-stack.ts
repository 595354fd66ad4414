import { loadConfig } from '../config.ts';
import { type Stack, startStack } from './start-stack.ts';

/** Boots the stack for `work`; Ctrl-C stops it in order, and settles `until`. `say` gets the progress. */
export async function withStack<T>(options: { readonly port: number; readonly say: (line: string) => void }, work: (stack: Stack, until: Promise<void>) => Promise<T>): Promise<T> {
  let stack: Stack | undefined;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stack?.stop() ?? Promise.resolve();
    return stopping;
  };
  let interrupted: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    interrupted = resolve;
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted();
      void stop().then(() => process.exit(130));
    });
  }
  stack = await startStack({
    ...options,
    config: loadConfig(),
    onLost: (reason) => {
      process.stderr.write(`wattledger: ${reason}; start again, nothing is lost\n`);
      process.exit(1);
    },
  });
  try {
    return await work(stack, until);
  } finally {
    await stop();
  }
}
