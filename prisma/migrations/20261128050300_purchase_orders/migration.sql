-- The purchase order that a customer wants on its invoices; where it is required and missing, the account is parked and the run goes on.
ALTER TABLE account ADD COLUMN purchase_order text, ADD COLUMN purchase_order_required boolean NOT NULL DEFAULT false;
