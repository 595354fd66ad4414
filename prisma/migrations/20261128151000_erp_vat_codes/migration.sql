-- VAT codes that an ERP has, beside its accounts and cost centers.
ALTER TABLE erp_master_data DROP CONSTRAINT erp_master_data_kind_check, ADD CONSTRAINT erp_master_data_kind_check CHECK (kind IN ('account', 'costCenter', 'vatCode'));
