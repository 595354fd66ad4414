-- A rejected record that another system or entity bills by agreement, such as the old one before a take-over date: by whom (invariant 9).
ALTER TABLE decision ADD COLUMN billed_by text CHECK (billed_by IS NULL OR action = 'reject' AND length(btrim(billed_by)) >= 3);
