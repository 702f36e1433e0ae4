#!/bin/sh
# Runs once, when the database volume is new: the log-in that owns the schemas, and the one that serves requests and owns nothing.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres \
  -v owner_password="$ATENDE_DB_OWNER_PASSWORD" -v app_password="$ATENDE_DB_APP_PASSWORD" <<'SQL'
CREATE ROLE atende_owner LOGIN CREATEROLE PASSWORD :'owner_password';
CREATE ROLE atende_app LOGIN NOINHERIT PASSWORD :'app_password';
CREATE DATABASE atende OWNER atende_owner;
REVOKE ALL ON DATABASE atende FROM PUBLIC;
GRANT CONNECT ON DATABASE atende TO atende_app;
SQL
