-- What accounts come to in the first build of a run is stored chunk by chunk; a build that was lost leaves what no build is known of, and it goes before the next one.
CREATE FUNCTION drop_lost_previews(run text) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DELETE FROM preview_cell c WHERE c.run_id = run AND NOT EXISTS (SELECT FROM preview_build b WHERE b.run_id = run);
  DELETE FROM preview_account a WHERE a.run_id = run AND NOT EXISTS (SELECT FROM preview_build b WHERE b.run_id = run);
$$;
REVOKE ALL ON FUNCTION drop_lost_previews(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drop_lost_previews(text) TO wattledger_app;
