\set ECHO none
-- What sql/include/schema_objects.sql has made.
RESET ALL;
SET client_min_messages = error;
ALTER SUBSCRIPTION reader SET (slot_name = NONE);
DROP SUBSCRIPTION reader;
DROP PUBLICATION news, all_of_it;
DROP EVENT TRIGGER on_ddl;
DROP SERVER cabinet CASCADE;
DROP FOREIGN DATA WRAPPER paper;
DROP SCHEMA zoo, "Zoo 2" CASCADE;
DROP ACCESS METHOD heap2;
DROP ROLE zoo_keeper;
RESET client_min_messages;
\set ECHO all
