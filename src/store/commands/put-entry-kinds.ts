import { type Issue, issue } from '../../core/issues.ts';
import { accountDefaults, checkAccount, checkSite, misfit, type Values } from '../../core/set-up/check-row.ts';
import { checkVatNumber } from '../../core/set-up/check-vat-number.ts';
import type { References, Referred } from './put-references.ts';
import type { VersionKind } from './put-rows.ts';

export type EntryKind = 'parties' | 'accounts' | 'sites' | 'fleetUnits';

type Field = {
  readonly column: string;
  /** A new entry needs it. */
  readonly required?: true;
  /** It names or places people: never in a version's body. */
  readonly words?: true;
  /** Never changes, or not once charges were booked. */
  readonly fixed?: 'always' | 'withCharges';
};
/** Where entries of a kind are kept, and what has to fit in one. */
export type EntrySpec = {
  readonly table: string;
  readonly version: VersionKind;
  readonly fields: Readonly<Record<string, Field>>;
  /** Which of the ids have charges. */
  readonly charged?: string;
  defaults?(given: Values): Values;
  refer(next: Values, references: References): { readonly field: string; readonly kind: Parameters<References['get']>[0] }[];
  check(id: string, next: Values, references: References): Issue[];
};

export const entrySpecs: Readonly<Record<EntryKind, EntrySpec>> = {
  parties: {
    table: 'party',
    version: 'party',
    fields: {
      name: { column: 'name', required: true, words: true },
      country: { column: 'country', required: true },
      vatNumber: { column: 'vat_number', words: true },
      orgNumber: { column: 'org_number', words: true },
      email: { column: 'email', words: true },
      address: { column: 'address', words: true },
    },
    defaults: () => ({ address: {} }),
    refer: () => [],
    check: (id, { vatNumber }) => (typeof vatNumber === 'string' ? checkVatNumber(id, vatNumber) : []),
  },
  accounts: {
    table: 'account',
    version: 'account',
    fields: {
      entityId: { column: 'entity_id', required: true, fixed: 'always' },
      partyId: { column: 'party_id', required: true, fixed: 'withCharges' },
      category: { column: 'category', required: true, fixed: 'withCharges' },
      strategy: { column: 'strategy' },
      roundingMode: { column: 'rounding_mode' },
      currency: { column: 'currency', required: true, fixed: 'withCharges' },
      paymentTermsDays: { column: 'payment_terms_days' },
      releaseGroup: { column: 'release_group' },
      purchaseOrder: { column: 'purchase_order' },
      purchaseOrderRequired: { column: 'purchase_order_required' },
      calendarId: { column: 'calendar_id' },
    },
    charged: `SELECT w.id FROM unnest($1::text[]) AS w(id) WHERE EXISTS (SELECT FROM rated_charge c JOIN legal_entity e ON e.id = c.entity_id WHERE c.payer_account_id = w.id)
      OR EXISTS (SELECT FROM rated_charge c WHERE c.payee_account_id = w.id)`,
    defaults: accountDefaults,
    refer: ({ calendarId }) => [{ field: 'entityId', kind: 'entity' }, { field: 'partyId', kind: 'party' }, ...(calendarId == null ? [] : [{ field: 'calendarId', kind: 'calendar' as const }])],
    check: (id, next, references) => [
      ...checkAccount(id, next),
      ...checkCalendar(id, next, references.get('calendar', next['calendarId'])),
      ...(references.get('party', next['partyId'])?.erased === true ? [issue('rowErased', 'blocks', id, { id: String(next['partyId']) })] : []),
    ],
  },
  sites: {
    table: 'site',
    version: 'site',
    fields: {
      entityId: { column: 'entity_id', required: true, fixed: 'always' },
      // Of a home it may name who lives there.
      name: { column: 'name', required: true, words: true },
      country: { column: 'country', required: true, fixed: 'withCharges' },
      timeZone: { column: 'time_zone', required: true },
      costCenter: { column: 'cost_center', required: true },
      connectorPowerW: { column: 'connector_power_w', required: true },
      kind: { column: 'kind', fixed: 'withCharges' },
      // Whose it is afterwards has its date (siteHolders).
      ownerAccountId: { column: 'owner_account_id', fixed: 'withCharges' },
      operatorAccountId: { column: 'operator_account_id', fixed: 'withCharges' },
    },
    charged: 'SELECT w.id FROM unnest($1::text[]) AS w(id) WHERE EXISTS (SELECT FROM rated_charge c WHERE c.site_id = w.id)',
    defaults: () => ({ kind: 'own' }),
    refer: ({ ownerAccountId, operatorAccountId }) => [
      { field: 'entityId', kind: 'entity' },
      ...(ownerAccountId == null ? [] : [{ field: 'ownerAccountId', kind: 'account' as const }]),
      ...(operatorAccountId == null ? [] : [{ field: 'operatorAccountId', kind: 'account' as const }]),
    ],
    check: (id, next, references) => [...checkSite(id, next, (accountId) => references.get('account', accountId)?.category), ...otherEntity(id, next, next['entityId'], references)],
  },
  fleetUnits: {
    table: 'fleet_unit',
    version: 'fleetUnit',
    fields: {
      accountId: { column: 'account_id', required: true, fixed: 'always' },
      kind: { column: 'kind', required: true, fixed: 'always' },
      label: { column: 'label', required: true, words: true },
      partyId: { column: 'party_id' },
    },
    refer: ({ partyId }) => [{ field: 'accountId', kind: 'account' }, ...(partyId == null ? [] : [{ field: 'partyId', kind: 'party' as const }])],
    check: (id, { accountId, partyId }, references) => {
      const category = references.get('account', accountId)?.category;
      return [
        ...(category === undefined || category === 'fleet' ? [] : [misfit(id, 'accountId', accountId, `that account is of category ${category}`, 'an account of category fleet')]),
        ...(references.get('party', partyId)?.erased === true ? [issue('rowErased', 'blocks', id, { id: String(partyId) })] : []),
      ];
    },
  },
};

/** Owners and operators of a site that are another entity's accounts. */
export function otherEntity(id: string, row: Values, entityId: unknown, references: References): Issue[] {
  return ['ownerAccountId', 'operatorAccountId'].flatMap((field) => {
    const account = references.get('account', row[field]);
    return account === undefined || account.entityId === entityId ? [] : [misfit(id, field, row[field], `that account is of entity ${account.entityId}`, 'an account of the site’s own entity')];
  });
}

/** An account is on a calendar of its own seller; what a site owner earns is stated by whole months. */
function checkCalendar(id: string, { calendarId, entityId, category }: Values, calendar: Referred | undefined): Issue[] {
  if (calendar === undefined) return [];
  if (calendar.entityId !== entityId) return [misfit(id, 'calendarId', calendarId, `that calendar is of entity ${calendar.entityId}`, 'a calendar of the account’s own entity')];
  return calendar.cadence === 'weekly' && category === 'siteOwner'
    ? [misfit(id, 'calendarId', calendarId, 'the calendar is weekly, and owners are stated by months', 'a monthly or quarterly calendar')]
    : [];
}
