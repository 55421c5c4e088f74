\echo Use "CREATE EXTENSION yb_sim" to load this file. \quit

-- Where YugabyteDB has them.
CREATE FUNCTION pg_catalog.yb_get_effective_transaction_isolation_level()
RETURNS text VOLATILE LANGUAGE C
AS 'MODULE_PATHNAME', 'yb_sim_effective_isolation';

CREATE FUNCTION pg_catalog.yb_servers(
  OUT host text, OUT port bigint, OUT num_connections bigint,
  OUT node_type text, OUT cloud text, OUT region text, OUT zone text,
  OUT public_ip text, OUT uuid text)
RETURNS SETOF record VOLATILE LANGUAGE sql
AS $$
SELECT '127.0.0.' || n, 5433::bigint, 0::bigint, 'primary', 'cloud1', 'region1',
       'zone' || n, '', md5(n::text)
  FROM generate_series(1, 3) AS n
$$;

-- Points of this session, since the failures were set.
CREATE FUNCTION yb_sim_counts(
  OUT point text, OUT passed bigint, OUT failed bigint)
RETURNS SETOF record VOLATILE LANGUAGE C
AS 'MODULE_PATHNAME', 'yb_sim_counts';
