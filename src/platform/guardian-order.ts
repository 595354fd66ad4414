import type { ServerUser } from './postgres-binaries.ts';

/** What the app asks its guardian to run; sent as one JSON line on stdin, which then stays open as the sign of life. */
export type GuardianOrder = {
  readonly home: string;
  readonly durable: boolean;
  readonly postgres?: {
    readonly bin: string;
    readonly folder: string;
    readonly port: number;
    readonly user?: ServerUser;
    readonly passwords: { readonly superuser: string; readonly owner: string; readonly app: string };
  };
  readonly temporal?: { readonly binary: string; readonly namespace: string; readonly port: number; readonly uiPort: number | null };
};
export type GuardianAnswer = { readonly ready: true; readonly pids: Record<string, number> } | { readonly error: string };
