/** SQL: by which strategy a document was made, whatever its account has by now. `document`: its alias. */
export const strategyOf = (document: string) => `convert_from(${document}.canonical, 'UTF8')::jsonb #>> '{header,strategy}'`;
