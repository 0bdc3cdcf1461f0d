#!/bin/sh
# What the official image's entry point does, as far as the tests need it: makes the folder of the data, with a
# password for everybody who comes from outside, and runs the server.
set -eu

if [ ! -e "$PGDATA/PG_VERSION" ]; then
    # The shell has no other way to hand it over that nobody can list.
    (umask 077 && printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password)
    initdb --username=postgres --pwfile=/tmp/password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync
    : >/tmp/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec "$@"
