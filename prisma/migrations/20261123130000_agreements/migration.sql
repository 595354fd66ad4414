-- Who pays and who earns by agreement: contracts of every kind, where the charger belongs, VAT as data, currencies, and what a charge keeps of them.
DO $$
BEGIN
  IF EXISTS (SELECT FROM rated_charge) THEN RAISE EXCEPTION 'this state was made by a development version that sealed charges without their agreement: delete it with "npm run reset" and start anew'; END IF;
END $$;

ALTER TABLE contract DROP CONSTRAINT contract_kind_check;
UPDATE contract SET kind = 'roamingSale' WHERE kind = 'roaming';
ALTER TABLE contract ADD CONSTRAINT contract_kind_check CHECK (kind IN ('supply', 'roamingSale', 'roamingPurchase', 'revenueShare', 'homeCharging'));
ALTER TABLE contract_version ADD COLUMN reason text NOT NULL DEFAULT 'set up', ADD COLUMN made_at timestamptz NOT NULL DEFAULT now();

-- own: ours, perhaps shared with the ground's owner; foreign: another operator's, whose account we pay; home: a driver's, who is reimbursed.
ALTER TABLE site ADD COLUMN kind text NOT NULL DEFAULT 'own' CHECK (kind IN ('own', 'foreign', 'home')), ADD COLUMN operator_account_id text REFERENCES account,
  ADD CONSTRAINT site_operator CHECK ((kind = 'foreign') = (operator_account_id IS NOT NULL));

-- A fleet's vehicles and drivers, and their cost center at the fleet, by date: moving one never rewrites last month.
CREATE TABLE fleet_unit (
  id text PRIMARY KEY, account_id text NOT NULL REFERENCES account, kind text NOT NULL CHECK (kind IN ('vehicle', 'driver')), label text NOT NULL
);
CREATE INDEX fleet_unit_account ON fleet_unit (account_id);
CREATE TABLE fleet_assignment (
  unit_id text NOT NULL REFERENCES fleet_unit, cost_center text NOT NULL, valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity', author text NOT NULL,
  PRIMARY KEY (unit_id, valid_from), CHECK (valid_from < valid_to)
);
ALTER TABLE mapping ADD COLUMN unit_id text REFERENCES fleet_unit;

-- What a party is to VAT, by date, and how that is known.
CREATE TABLE vat_status (
  account_id text NOT NULL REFERENCES account, valid_from date NOT NULL, valid_to date, status text NOT NULL CHECK (status IN ('consumer', 'business', 'reseller')), established_in char(2) NOT NULL,
  vat_number text, evidence text, author text NOT NULL, second_person text, PRIMARY KEY (account_id, valid_from), CHECK (valid_to IS NULL OR valid_from < valid_to)
);
-- The decision table of an entity; a change is a new version.
CREATE TABLE vat_table (
  entity_id text NOT NULL REFERENCES legal_entity, version integer NOT NULL, valid_from date NOT NULL, rows jsonb NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3),
  author text NOT NULL, second_person text, made_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (entity_id, version)
);
SELECT seal_table('vat_table');

-- One unit of currency in into_currency. A rate that was wrong gets a newer version; what was priced by the old one stays.
DROP TABLE fx_rate;
CREATE TABLE fx_rate (
  source text NOT NULL, rate_on date NOT NULL, currency char(3) NOT NULL, into_currency char(3) NOT NULL, version integer NOT NULL DEFAULT 1, rate numeric(18, 8) NOT NULL CHECK (rate > 0),
  author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (source, currency, into_currency, rate_on, version)
);
SELECT seal_table('fx_rate');
ALTER TABLE legal_entity ADD COLUMN fx_source text NOT NULL DEFAULT 'ECB';

ALTER TABLE rated_charge DROP CONSTRAINT rated_charge_role_check;
ALTER TABLE rated_charge ADD CONSTRAINT rated_charge_role_check CHECK (role IN ('driverSale', 'fleetSale', 'emspSale', 'idleFee', 'roamingPurchase', 'siteShareEstimate', 'energyReimbursement',
  'homeReimbursement', 'homeRecharge', 'homePurchase', 'homeSale', 'platformFee', 'subscriptionFee', 'advanceFee', 'allowance', 'tierDiscount', 'cap', 'minimumTrueUp', 'goodwill', 'statement'));
-- What of its agreement a charge keeps; its amount in the books' currency, and by which rate.
ALTER TABLE rated_charge ADD COLUMN contract_version integer, ADD COLUMN customer_cost_center text, ADD COLUMN unit_id text, ADD COLUMN vat_rule text,
  ADD COLUMN book_net_minor bigint NOT NULL DEFAULT 0, ADD COLUMN fx_rate text;
ALTER TABLE rated_charge ALTER COLUMN book_net_minor DROP DEFAULT;
ALTER TABLE document_line ADD COLUMN customer_cost_center text;

GRANT SELECT, INSERT, UPDATE ON fleet_unit, fleet_assignment, vat_status TO wattledger_app;
GRANT SELECT, INSERT ON vat_table, fx_rate TO wattledger_app;
