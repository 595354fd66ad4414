const layer = (name, comment, path, allowed) => ({ name, comment, severity: 'error', from: { path }, to: { path: '^src', pathNot: [path, ...allowed] } });

/** Who may import whom; docs/ARCHITECTURE.md tells why. */
module.exports = {
  forbidden: [
    { name: 'no-cycles', comment: 'Two files that need each other are one file, or miss a third.', severity: 'error', from: {}, to: { circular: true } },
    layer('contracts-stand-alone', 'Contracts are the one schema source: they know nothing of the rest.', '^src/contracts', []),
    layer('core-is-pure', 'Core has no effects: take what you need as an argument.', '^src/core', ['^src/contracts']),
    layer('workflows-are-deterministic', 'A workflow may use core and types of activities; effects belong in activities.', '^src/workflows', ['^src/core', '^src/contracts', '^src/activities']),
    { name: 'workflows-import-activities-as-types', comment: 'Importing activity code pulls pg into the workflow bundle: use import type.', severity: 'error', from: { path: '^src/workflows' }, to: { path: '^src/activities', dependencyTypesNot: ['type-only'] } },
    layer('store-knows-sql-only', 'The store knows nothing of adapters or workflows: hand the parser in.', '^src/store', ['^src/contracts', '^src/core']),
    layer('adapters-translate', 'An adapter parses or renders; it decides nothing and stores nothing.', '^src/adapters', ['^src/contracts', '^src/core']),
    layer('activities-are-effects', 'Activities join core, store and adapters.', '^src/activities', ['^src/contracts', '^src/core', '^src/store', '^src/adapters']),
    layer('platform-boots-servers', 'The platform knows no billing.', '^src/platform', []),
    { name: 'sql-stays-in-the-store', comment: 'Only src/store (and the platform, to boot it) talks to PostgreSQL.', severity: 'error', from: { path: '^src', pathNot: ['^src/store', '^src/platform'] }, to: { path: 'node_modules/(pg|pg-copy-streams)/' } },
    { name: 'src-never-imports-test', comment: 'Tests know the product, not the other way.', severity: 'error', from: { path: '^src' }, to: { path: '^test' } },
  ],
  options: { tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' }, doNotFollow: { path: 'node_modules' } },
};
