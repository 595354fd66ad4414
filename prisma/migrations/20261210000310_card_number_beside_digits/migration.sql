-- A card's number is seen beside other digits that are set off from it too, as core/payment/card-number.ts has it: what follows it, such as when the card ends, was read as more of it.
CREATE OR REPLACE FUNCTION holds_card_number(words text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT coalesce(bool_or(length(d) BETWEEN 13 AND 19 AND d ~ '^([3-6]|2[2-7])'
    AND (SELECT sum(CASE WHEN i % 2 = 1 THEN n WHEN n > 4 THEN n * 2 - 9 ELSE n * 2 END) FROM (SELECT i, substr(reverse(d), i, 1)::integer AS n FROM generate_series(1, length(d)) i) t) % 10 = 0), false)
  FROM (SELECT regexp_split_to_array(m[1], '[ -]') AS parts FROM regexp_matches(words, '([0-9](?:[ -]?[0-9]){12,})', 'g') m) s
  CROSS JOIN LATERAL generate_series(1, cardinality(parts)) f CROSS JOIN LATERAL generate_series(f, least(cardinality(parts), f + 18)) l CROSS JOIN LATERAL (SELECT array_to_string(parts[f:l], '') AS d) w
$$;
