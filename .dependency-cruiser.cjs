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
    layer('verify-recomputes', 'Verifying reads the store and recomputes with core; it writes nothing and trusts no activity.', '^src/verify', ['^src/contracts', '^src/core', '^src/store']),
    layer('platform-boots-servers', 'The platform knows no billing.', '^src/platform', []),
    layer('api-orders-and-reads', 'The API reads and orders through store/reads, store/commands and workflow messages; to cause an effect, start or signal a workflow.', '^src/api', [
      '^src/contracts',
      '^src/core',
      '^src/store/(db\\.ts|prisma\\.ts|reads/|commands/)',
      '^src/workflows/messages\\.ts$',
      '^src/ui',
      // OCPI has a peer's own endpoints asked within the request that brings its credentials.
      '^src/adapters/(sources|documents|ocpi)',
    ]),
    layer('ui-shows', 'The console shows what it is given: fetch in the API and pass it in.', '^src/ui', ['^src/contracts', '^src/core']),
    { name: 'entry-points-hold-platform-and-config', comment: 'Servers and settings belong to cli.ts, worker.ts, commands/ and stack/: take the address or the value as an argument.', severity: 'error', from: { path: '^src', pathNot: '^src/(cli\\.ts|worker\\.ts|config\\.ts|platform/|stack/|commands/)' }, to: { path: '^src/(platform/|config\\.ts$)' } },
    { name: 'nothing-imports-the-command', comment: 'cli.ts runs when loaded: move what you need into a file of its own.', severity: 'error', from: {}, to: { path: '^src/cli\\.ts$' } },
    { name: 'core-has-no-io', comment: 'Core has no effects: of Node it may use crypto (createHash), and module to load the CommonJS canonicalize; nothing else.', severity: 'error', from: { path: '^src/core' }, to: { dependencyTypes: ['core'], pathNot: '^(crypto|module)$' } },
    { name: 'workflows-use-the-sdk-only', comment: 'Node modules and packages with effects break replay: do it in an activity.', severity: 'error', from: { path: '^src/workflows' }, to: { path: '.', pathNot: ['^src', 'node_modules/@temporalio/(workflow|common)/'] } },
    { name: 'no-orphans', comment: 'Nothing uses this file and it uses nothing: delete it, or import it where it belongs.', severity: 'error', from: { orphan: true, path: '^src' }, to: {} },
    { name: 'sql-stays-in-the-store', comment: 'Only src/store (and the platform, to boot it) talks to PostgreSQL, by SQL or through Prisma.', severity: 'error', from: { path: '^src', pathNot: ['^src/store', '^src/platform'] }, to: { path: ['node_modules/(pg|pg-copy-streams|@prisma)/', '^src/store/generated/'] } },
    { name: 'src-never-imports-test', comment: 'Tests know the product, not the other way.', severity: 'error', from: { path: '^src' }, to: { path: '^test' } },
  ],
  options: { tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' }, doNotFollow: { path: ['node_modules', '^src/store/generated/'] } },
};
