# A private PostgreSQL server for this checkout, or the user's own (PGHOST).
# shellcheck shell=bash

as_postgres() { # the server refuses to run as root
    if [ "$(id -u)" = 0 ]; then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    else
        "$@"
    fi
}

postgres_paths() { # sets PGDIR, PGSOCKETS
    PGDIR=$STATE/postgresql
    if [ "$(id -u)" = 0 ]; then
        id -u postgres >/dev/null 2>&1 || die "no user postgres to run PostgreSQL as; set PGHOST"
        # A checkout below /root is closed to the user that runs the server.
        as_postgres test -x "$STATE" || PGDIR=/var/lib/postgresql/odoo-dev-$ID
    fi
    PGSOCKETS=$PGDIR
    [ ${#PGDIR} -lt 90 ] || PGSOCKETS=/tmp/odoo-dev-$ID # a socket's path is limited to 107 bytes
}

# Commands hold the file users shared; the last one to leave stops the server.
start_postgres() {
    local bin
    if [ -n "${PGHOST:-}" ]; then
        check_postgres
        return
    fi
    bin=$(pg_bindir)
    postgres_paths
    export PGHOST=$PGSOCKETS PGPORT=5432 PGUSER=odoo
    unset PGDATABASE PGSERVICE PGPASSWORD PGOPTIONS
    exec 8>>"$STATE/users"
    flock -s 8
    trap leave_postgres EXIT
    if ! as_postgres test -s "$PGDIR/complete" || ! [ -x "$(as_postgres cat "$PGDIR/complete")/postgres" ]; then
        make_cluster "$bin"
    fi
    bin=$(as_postgres cat "$PGDIR/complete") # of the version that made it
    if ! as_postgres "$bin/pg_ctl" -D "$PGDIR" status >/dev/null; then
        [ "$PGSOCKETS" = "$PGDIR" ] || as_postgres mkdir -p -m 700 "$PGSOCKETS"
        step postgres.log as_postgres "$bin/pg_ctl" -D "$PGDIR" -l "$PGDIR/server.log" -w start 8>&- 9>&-
    fi
}

make_cluster() {
    say "making a private PostgreSQL server in $PGDIR"
    rm -rf "$PGDIR"
    install -d -m 700 "$PGDIR"
    [ "$(id -u)" != 0 ] || chown postgres: "$PGDIR"
    step initdb.log as_postgres "$1/initdb" -D "$PGDIR" -U odoo -A trust -E UTF8 --locale=C.UTF-8 --no-sync
    # Only reachable through a socket in a private folder, and quick rather
    # than safe from power cuts: its data can be made again.
    printf '%s\n' "listen_addresses = ''" "unix_socket_directories = '$PGSOCKETS'" 'port = 5432' \
        'fsync = off' 'synchronous_commit = off' 'full_page_writes = off' 'shared_buffers = 256MB' \
        'max_wal_size = 2GB' 'autovacuum_naptime = 5min' |
        as_postgres tee -a "$PGDIR/postgresql.conf" >/dev/null
    echo "$1" | as_postgres tee "$PGDIR/complete" >/dev/null
}

check_postgres() { # the user's own server
    local facts
    have psql || apt_install postgresql-client || die "please install psql, the client of PostgreSQL"
    facts=$(psql -XAt -d postgres -c "SELECT current_setting('server_version_num')::int >= 130000,
        rolcreatedb OR rolsuper, rolname = 'postgres' FROM pg_roles WHERE rolname = current_user") ||
        die "PGHOST=$PGHOST: no connection. Unset PGHOST for a private server."
    case $facts in
        f*) die "Odoo 19 needs PostgreSQL 13 or later" ;;
        *t) die "Odoo refuses the role postgres: set PGUSER to another one" ;;
        *"|f|f") die "the role ${PGUSER:-} may not create databases: ALTER ROLE ... CREATEDB" ;;
    esac
    export PGHOST PGPORT="${PGPORT:-5432}"
    unset PGDATABASE
    trap 'run_at_exit' EXIT
}

AT_EXIT=()
run_at_exit() {
    local command
    for command in "${AT_EXIT[@]}"; do $command; done
    AT_EXIT=()
}

leave_postgres() {
    run_at_exit
    if flock -n -x 8; then stop_postgres; fi
    exec 8>&-
}

stop_postgres() {
    postgres_paths
    if as_postgres test -s "$PGDIR/complete" 2>/dev/null; then
        as_postgres "$(as_postgres cat "$PGDIR/complete")/pg_ctl" -D "$PGDIR" -m fast stop >/dev/null 2>&1 || true
    fi
}
