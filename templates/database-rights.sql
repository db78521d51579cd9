-- Rights in CoreCube's database. Repeatable: each statement says how it must be, whatever it was.
-- Nothing comes with being anybody: PUBLIC holds CONNECT, TEMPORARY and USAGE by default (CREATE up to PostgreSQL 14).
REVOKE ALL ON DATABASE {{DATABASE}} FROM PUBLIC;
REVOKE ALL ON DATABASE {{DATABASE}} FROM corecube_app, corecube_maintenance;
GRANT CONNECT ON DATABASE {{DATABASE}} TO corecube_migrator, corecube_app, corecube_maintenance;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM corecube_app, corecube_maintenance;
GRANT USAGE, CREATE ON SCHEMA public TO corecube_migrator;
GRANT {{APP_SCHEMA_RIGHTS}} ON SCHEMA public TO corecube_app;
GRANT USAGE ON SCHEMA public TO corecube_maintenance;
-- What exists already: the owner's tables and sequences. Those of others are not ours to give.
DO $do$ DECLARE t record; BEGIN
  FOR t IN SELECT c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND pg_get_userbyid(c.relowner) = 'corecube_migrator'
  LOOP
    EXECUTE format('REVOKE ALL ON %s public.%I FROM PUBLIC', CASE t.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, t.relname);
    IF t.relkind = 'S' THEN
      EXECUTE format('GRANT USAGE, SELECT ON SEQUENCE public.%I TO corecube_app, corecube_maintenance', t.relname);
    ELSE
      EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON public.%I TO corecube_app, corecube_maintenance', t.relname);
    END IF;
  END LOOP;
END $do$;
-- What the migrations will make.
ALTER DEFAULT PRIVILEGES FOR ROLE corecube_migrator IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO corecube_app, corecube_maintenance;
ALTER DEFAULT PRIVILEGES FOR ROLE corecube_migrator IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO corecube_app, corecube_maintenance;
