type Progress = { readonly onProgress: (line: string) => void };
type At = { readonly bin: string; readonly server: string; readonly folder: string };
type Place = { readonly config: string; readonly passwordFile: string; readonly template: string };
export function ensureTryton(options: { readonly cache: string } & Progress): Promise<string>;
export function makeTemplate(options: At & Progress): Promise<Place>;
export function makeBooks(options: At & Place & { readonly database: string; readonly books: unknown }): Promise<void>;
export function databaseExists(server: string, name: string): Promise<boolean>;
export function serve(options: { readonly bin: string; readonly config: string; readonly database: string; readonly port?: number; readonly onEnd?: (words: string) => void }): Promise<{
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}>;
