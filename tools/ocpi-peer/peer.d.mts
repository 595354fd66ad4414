export function ensurePeer(options: { readonly cache: string; readonly onProgress: (line: string) => void }): Promise<string>;
export function servePeer(options: { readonly python: string; readonly invitation: string }): Promise<{ readonly url: string; stop(): Promise<void> }>;
