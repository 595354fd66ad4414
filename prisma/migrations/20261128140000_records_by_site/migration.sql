-- One owner's sessions of a month, so that a document built anew reads no others.
CREATE INDEX charge_record_site ON charge_record (site_id, service_month);
