-- What charging at home cost a driver is paid back by a document of its own, outside VAT (D20, D43).
ALTER TABLE document DROP CONSTRAINT document_type_check;
ALTER TABLE document ADD CONSTRAINT document_type_check CHECK (type IN ('invoice', 'creditNote', 'receipt', 'selfBilling', 'selfBillingCredit', 'settlementStatement', 'reimbursement'));
