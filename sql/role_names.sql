-- role_names: names of roles with line breaks, which no role can have from version 19 on
\i sql/include/start.sql
\a
\t on
CREATE TABLE victim (i int);
CREATE ROLE U&"regress_migrate_""x can;\000ADROP TABLE victim; --";

-- in a hint whose statements are pasted
GRANT EXECUTE ON FUNCTION migrate_register TO U&"regress_migrate_""x can;\000ADROP TABLE victim; --";
SET ROLE U&"regress_migrate_""x can;\000ADROP TABLE victim; --";
SELECT migrate_register('h1', 'SELECT 1');
RESET ROLE;
SELECT pg_temp.attempt('SELECT migrate_upgrade(''h1'')');
SELECT migrate_unregister('h1');
-- in the definition of what it owns
ALTER TABLE victim OWNER TO U&"regress_migrate_""x can;\000ADROP TABLE victim; --";
SELECT definition FROM migrate_schema(owners => true) WHERE identity = 'public.victim';
\a
\t off
\i sql/include/reset.sql
DROP TABLE victim;
REVOKE ALL ON FUNCTION migrate_register FROM U&"regress_migrate_""x can;\000ADROP TABLE victim; --";
DROP ROLE U&"regress_migrate_""x can;\000ADROP TABLE victim; --";
