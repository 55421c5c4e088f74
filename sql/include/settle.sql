\set ECHO none
-- Scans for jobs, and waits until there are none, nor a worker, which scans for
-- the next one when it ends
CREATE PROCEDURE settle() LANGUAGE plpgsql AS $$
BEGIN
  PERFORM migrate_run_jobs();
  COMMIT;
  WHILE EXISTS (SELECT FROM migrate.jobs_details WHERE finished IS NULL) OR
        EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'migrate job' AND datname = current_database()) LOOP
    PERFORM pg_sleep(0.005);
    COMMIT;
  END LOOP;
END$$;
\set ECHO all
