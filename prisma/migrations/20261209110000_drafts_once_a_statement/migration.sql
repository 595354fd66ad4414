-- Drafts of the month are looked at as claims and lines are: the documents that a statement touches, each once.
DROP TRIGGER guard_period_charge ON period_charge;
DROP FUNCTION guard_document_part();
CREATE TRIGGER guard_period_charge AFTER INSERT ON period_charge REFERENCING NEW TABLE AS new_parts FOR EACH STATEMENT EXECUTE FUNCTION guard_parts();
CREATE TRIGGER guard_period_charge_update AFTER UPDATE ON period_charge REFERENCING OLD TABLE AS old_parts NEW TABLE AS new_parts FOR EACH STATEMENT EXECUTE FUNCTION guard_parts();
CREATE TRIGGER guard_period_charge_delete AFTER DELETE ON period_charge REFERENCING OLD TABLE AS old_parts FOR EACH STATEMENT EXECUTE FUNCTION guard_parts();
-- An account of a run changes its state some times, and none of its indexes with it: there is room for that on its page.
ALTER TABLE run_account SET (fillfactor = 50);
