-- A credit note is paid too, once all of it is paid back.
CREATE OR REPLACE VIEW payment_standing AS
  SELECT d.id AS document_id, CASE WHEN e.state = 'writtenOff' THEN 'writtenOff' WHEN e.state = 'paid' OR coalesce(f.paid, 0) >= d.payable_minor AND d.payable_minor > 0
        OR coalesce(f.paid, 0) <= d.payable_minor AND d.payable_minor < 0 THEN 'paid'
      WHEN e.state = 'part' OR coalesce(f.paid, 0) <> 0 THEN 'part' ELSE 'unpaid' END AS state,
    CASE WHEN e.state = 'paid' THEN 0 WHEN d.payable_minor > 0 THEN greatest(0, least(coalesce(e.open_minor, d.payable_minor), d.payable_minor - coalesce(f.paid, 0))) ELSE least(0, greatest(coalesce(e.open_minor, d.payable_minor), d.payable_minor - coalesce(f.paid, 0))) END AS open_minor,
    greatest(e.told_at, f.stated_at) AS told_at
  FROM document d
  LEFT JOIN LATERAL (SELECT state, open_minor, told_at FROM document_payment p WHERE p.document_id = d.id ORDER BY told_at DESC LIMIT 1) e ON true
  LEFT JOIN LATERAL (SELECT sum(amount_minor) AS paid, max(stated_at) AS stated_at FROM payment_fact p WHERE p.document_id = d.id HAVING count(*) > 0) f ON true
  WHERE e.told_at IS NOT NULL OR f.stated_at IS NOT NULL;
