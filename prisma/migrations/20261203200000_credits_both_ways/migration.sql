-- A line is taken back by manual amounts about it and by credits ordered against it: what is left of it for the one is what the other leaves.
CREATE FUNCTION adjusted_of_line(doc text, line integer) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(j.amount_minor), 0)::bigint FROM document_line l JOIN adjustment j ON j.document_id = l.document_id AND j.line_no = l.line_no LEFT JOIN billing_run r ON r.id = j.run_id
  WHERE l.document_id = doc AND l.line_no = line AND j.withdrawn_at IS NULL AND j.reversal_of IS NULL AND (r.state <> 'cancelled' OR adjustment_waits(j.id, j.run_id, NULL)) AND sign(j.amount_minor) = -sign(l.net_minor)
$$;
CREATE OR REPLACE FUNCTION credit_of_line(doc text, line integer, OUT worth bigint, OUT adjusted bigint, OUT mirrored bigint) LANGUAGE sql STABLE AS $$
  SELECT CASE a.rounding_mode WHEN 'grossFirst' THEN l.gross_minor ELSE l.net_minor END,
    adjusted_of_line(doc, line) + (SELECT coalesce(sum(o.amount_minor), 0)::bigint FROM credit_order o WHERE o.document_id = doc AND o.line_no = line AND o.withdrawn_at IS NULL),
    (SELECT coalesce(sum(CASE a.rounding_mode WHEN 'grossFirst' THEN m.gross_minor ELSE m.net_minor END), 0)::bigint
     FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN rated_charge m ON m.record_id = c.record_id AND m.reversal_of = c.charge_id WHERE k.document_id = doc AND k.line_no = line)
  FROM document_line l JOIN document d ON d.id = l.document_id JOIN account a ON a.id = d.account_id WHERE l.document_id = doc AND l.line_no = line
$$;
