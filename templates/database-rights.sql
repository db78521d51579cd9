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
-- What exists already, and what the migrations will make.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO corecube_app, corecube_maintenance;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO corecube_app, corecube_maintenance;
ALTER DEFAULT PRIVILEGES FOR ROLE corecube_migrator IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO corecube_app, corecube_maintenance;
ALTER DEFAULT PRIVILEGES FOR ROLE corecube_migrator IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO corecube_app, corecube_maintenance;
