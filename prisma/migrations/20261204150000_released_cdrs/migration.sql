-- When what held a CDR, or what it waited behind, was gone: from then on its partner finds it. Null for one that was never kept back.
ALTER TABLE ocpi_delivery ADD COLUMN released_at timestamptz;
CREATE INDEX ocpi_delivery_released ON ocpi_delivery (peer_id, released_at) WHERE released_at IS NOT NULL;
