-- Other operators are paid against their invoices, and drivers who charge a fleet's car at home are reimbursed.
ALTER TABLE account DROP CONSTRAINT account_strategy_check;
ALTER TABLE account ADD CONSTRAINT account_strategy_check CHECK (strategy IN ('cardReceipt', 'driverInvoice', 'fleetInvoice', 'emspSettlement', 'selfBilling', 'partnerPurchase', 'reimbursement'));
