export function booksOf(options: { readonly databaseUrl: string; readonly entityId: string; readonly years: readonly number[] }): Promise<unknown>;
