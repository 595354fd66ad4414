-- What stands on a legal entity's documents beside its name and numbers: address, bank, F-skatt.
ALTER TABLE legal_entity ADD COLUMN letterhead jsonb NOT NULL DEFAULT '{}';
