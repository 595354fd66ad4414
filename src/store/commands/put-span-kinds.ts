import { type Issue, issue } from '../../core/issues.ts';
import { checkSite, misfit, type Values } from '../../core/set-up/check-row.ts';
import { checkVatNumber } from '../../core/set-up/check-vat-number.ts';
import { otherEntity } from './put-entry-kinds.ts';
import type { References } from './put-references.ts';
import type { VersionKind } from './put-rows.ts';

export type SpanKind = 'siteHolders' | 'fleetAssignments' | 'mappings' | 'vatStatuses';

/** Where values of a kind that hold from an instant on are kept, and what has to fit in a row of it. */
export type SpanSpec = {
  readonly table: string;
  readonly keys: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, string>>;
  readonly type: 'timestamptz' | 'date';
  /** Undefined: only the audit trail tells of it. */
  readonly version?: { readonly kind: VersionKind; readonly words: readonly string[] };
  /**
   * SQL: sessions that a value for a span would rewrite, of `w` (key, account, "from", "to"), with their charge `c` and sealed revision `r`; refused where one of
   * them is issued or its run closed, or `always` holds of it.
   */
  readonly charged?: { readonly sessions: string; readonly always: string };
  load(rows: readonly Values[], references: References): Promise<void>;
  check(id: string, row: Values, references: References): Issue[];
};

export const spanSpecs: Readonly<Record<SpanKind, SpanSpec>> = {
  siteHolders: {
    table: 'site_holder',
    keys: { siteId: 'site_id' },
    fields: { ownerAccountId: 'owner_account_id', operatorAccountId: 'operator_account_id' },
    type: 'timestamptz',
    version: { kind: 'siteHolder', words: [] },
    // What a site of ours earns is settled by the statement of the month; a purchase or an outlay is one person's or the other's from the start.
    charged: {
      sessions: `JOIN site s ON s.id = w.key JOIN rated_charge c ON c.entity_id = s.entity_id AND c.site_id = s.id AND c.service_month >= to_char(w."from" - interval '1 day', 'YYYY-MM')
        JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision AND r.start_at >= w."from" AND r.start_at < w."to"`,
      always: "s.kind <> 'own'",
    },
    async load(rows, references) {
      await references.load(
        'site',
        rows.map((r) => r['siteId']),
      );
      await references.load(
        'account',
        rows.flatMap((r) => [r['ownerAccountId'], r['operatorAccountId']]),
      );
    },
    check: (id, row, references) => {
      const site = references.get('site', row['siteId']);
      const accounts = (['ownerAccountId', 'operatorAccountId'] as const).filter((field) => row[field] != null);
      return [
        ...missing(id, 'siteId', 'site', row['siteId'], references),
        ...accounts.flatMap((field) => missing(id, field, 'account', row[field], references)),
        ...(site === undefined
          ? []
          : [
              ...checkSite(id, { kind: site.kind, ownerAccountId: row['ownerAccountId'], operatorAccountId: row['operatorAccountId'] }, (accountId) => references.get('account', accountId)?.category),
              ...otherEntity(id, row, site.entityId, references),
            ]),
      ];
    },
  },
  fleetAssignments: {
    table: 'fleet_assignment',
    keys: { unitId: 'unit_id' },
    fields: { costCenter: 'cost_center' },
    type: 'timestamptz',
    version: { kind: 'fleetAssignment', words: [] },
    charged: {
      sessions: `JOIN account a ON a.id = w.account JOIN rated_charge c ON c.entity_id = a.entity_id AND c.payer_account_id = w.account AND c.unit_id = w.key
        JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision AND r.start_at >= w."from" AND r.start_at < w."to"`,
      always: 'false',
    },
    load: (rows, references) =>
      references.load(
        'fleetUnit',
        rows.map((r) => r['unitId']),
      ),
    check: (id, { unitId }, references) => missing(id, 'unitId', 'fleetUnit', unitId, references),
  },
  mappings: {
    table: 'mapping',
    keys: { sourceId: 'source_id', kind: 'kind', externalKey: 'external_key' },
    fields: { internalId: 'internal_id', costCenter: 'cost_center', unitId: 'unit_id' },
    type: 'timestamptz',
    async load(rows, references) {
      await references.load(
        'source',
        rows.map((r) => r['sourceId']),
      );
      await references.load(
        'site',
        rows.flatMap((r) => (r['kind'] === 'site' ? [r['internalId']] : [])),
      );
      await references.load(
        'account',
        rows.flatMap((r) => (r['kind'] === 'token' ? [r['internalId']] : [])),
      );
      await references.load(
        'fleetUnit',
        rows.flatMap((r) => (r['unitId'] == null ? [] : [r['unitId']])),
      );
    },
    check: (id, { sourceId, kind, externalKey, internalId, unitId }, references) => {
      const target = kind === 'site' ? ('site' as const) : ('account' as const);
      const unit = references.get('fleetUnit', unitId);
      const [seller, owner] = [references.get('source', sourceId)?.entityId, references.get(target, internalId)?.entityId];
      return [
        ...missing(id, 'sourceId', 'source', sourceId, references),
        ...missing(id, 'internalId', target, internalId, references),
        ...(unitId == null ? [] : missing(id, 'unitId', 'fleetUnit', unitId, references)),
        ...(seller !== undefined && owner !== undefined && seller !== owner
          ? [misfit(id, 'internalId', internalId, `that ${target} is of entity ${owner}`, `${target === 'site' ? 'a site' : 'an account'} of ${seller}, whose source it is`)]
          : []),
        ...(kind === 'token' && externalKey === '*' && references.get('account', internalId)?.strategy !== 'cardReceipt'
          ? [misfit(id, 'internalId', internalId, 'every token without a mapping of its own would be billed to it', 'an account of strategy cardReceipt, for sessions paid at a terminal')]
          : []),
        ...(references.get(target, internalId)?.erased === true ? [issue('rowErased', 'blocks', id, { id: String(internalId) })] : []),
        ...(unit !== undefined && unit.accountId !== internalId
          ? [misfit(id, 'unitId', unitId, `that unit is of account ${unit.accountId}`, 'a unit of the account that the token is mapped to')]
          : []),
      ];
    },
  },
  vatStatuses: {
    table: 'vat_status',
    keys: { accountId: 'account_id' },
    fields: { status: 'status', establishedIn: 'established_in', vatNumber: 'vat_number', evidence: 'evidence' },
    type: 'date',
    version: { kind: 'vatStatus', words: ['vatNumber', 'evidence'] },
    load: (rows, references) =>
      references.load(
        'account',
        rows.map((r) => r['accountId']),
      ),
    check: (id, { accountId, status, vatNumber, evidence }, references) => {
      const account = references.get('account', accountId);
      return [
        ...missing(id, 'accountId', 'account', accountId, references),
        ...(account?.erased === true ? [issue('rowErased', 'blocks', id, { id: String(accountId) })] : []),
        ...(typeof vatNumber === 'string' ? checkVatNumber(id, vatNumber) : []),
        ...(status === 'reseller'
          ? (['vatNumber', 'evidence'] as const).flatMap((what) => ((what === 'vatNumber' ? vatNumber : evidence) == null ? [issue('noEvidence', 'warns', id, { what })] : []))
          : []),
        // Charges keep the evidence for good.
        ...(typeof evidence === 'string' && account?.name !== undefined && evidence.toLowerCase().includes(account.name.toLowerCase()) && account.category === 'driver'
          ? [issue('rowValue', 'blocks', id, { field: 'evidence', detail: 'names the driver, and charges keep it for good' })]
          : []),
      ];
    },
  },
};

function missing(id: string, field: string, kind: 'fleetUnit' | 'source' | 'site' | 'account', value: unknown, references: References): Issue[] {
  return references.get(kind, value) === undefined ? [issue('rowReference', 'blocks', id, { field, id: String(value) })] : [];
}
