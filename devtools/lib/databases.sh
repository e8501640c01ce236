# Template databases. Their names hold a digest of what they are made from, so
# that a finished one is never made again, and an interrupted one never used.
#
#   base   what the addons depend on and their tests use      (made once)
#   ready  base + the addons + their compiled web assets      (per state of the addons)
#   demo   a copy of ready, for run, shell and psql; updated when the addons change
#   bare   like base, without demo data, for test-install
#   landed base + the addons as they once were, for each version that landed
# shellcheck shell=bash

# Not dependencies, but the tests go through them.
TEST_ADDONS=base_automation,delivery,payment_demo,sale_loyalty,sale_project

sql() { psql -XAtq -v ON_ERROR_STOP=1 -d "$@"; }
has_db() { [ -n "$(sql postgres -c "SELECT 1 FROM pg_database WHERE datname = '$1'")" ]; }
databases_like() { sql postgres -c "SELECT datname FROM pg_database WHERE datname ~ '$1'"; }
drop_db() {
    dropdb --if-exists --force "$1" 2>/dev/null || true
    rm -rf "$STATE/data/filestore/$1"
}

copy_db() {
    createdb -T "$1" "$2"
    # Each is the original of its kind: links of the demo's customers go on in it.
    sql "$2" -c "DELETE FROM ir_config_parameter WHERE key = 'customer_approval_gate.home'"
    [ ! -d "$STATE/data/filestore/$1" ] ||
        cp -al "$STATE/data/filestore/$1" "$STATE/data/filestore/$2" 2>/dev/null ||
        cp -a "$STATE/data/filestore/$1" "$STATE/data/filestore/$2"
}

rename_db() {
    sql postgres -c "ALTER DATABASE \"$1\" RENAME TO \"$2\""
    [ ! -d "$STATE/data/filestore/$1" ] || mv "$STATE/data/filestore/$1" "$STATE/data/filestore/$2"
}

# odoo_step LOGFILE DATABASE ARGUMENTS...: a run of Odoo that ends, with a clean log
odoo_step() {
    local log=$1 db=$2
    shift 2
    step "$log" odoo server -d "$db" "$@" --no-http --max-cron-threads=0 --stop-after-init
    check_log "$log"
}

check_log() {
    ! grep -E ' (WARNING|ERROR|CRITICAL) ' "$STATE/log/$1" >&2 || die "the log is not clean: $STATE/log/$1"
}

uninstall() { # uninstall LOGFILE DATABASE: the addons
    # Odoo locks the table and does not wait, not even for PostgreSQL's own vacuum.
    sql "$2" -c "ALTER TABLE ir_module_module SET (autovacuum_enabled = FALSE)"
    step "$1" odoo_shell_script "$2" "$DEVTOOLS/uninstall.py"
    check_log "$1"
    local left
    left=$(sql "$2" <"$DEVTOOLS/nothing_left.sql")
    [ -z "$left" ] || die "left behind in $2: $left"
}

name_databases() { # sets ADDONS, DEPENDS, ADDONS_STATE, BASE, BARE, READY, DEMO
    ADDONS=$(cd "$ROOT" && printf '%s\n' */__manifest__.py | xargs -n 1 dirname | paste -sd ,)
    DEPENDS=$("$PYTHON" "$DEVTOOLS/depends.py" "$ROOT" "$ADDONS"),$TEST_ADDONS
    # shellcheck disable=SC2086
    ADDONS_STATE=$(cd "$ROOT" && find ${ADDONS//,/ } -type f ! -path '*/tests/*' ! -name '*.pyc' -print0 |
        sort -z | xargs -0 sha256sum | digest)
    DB=odoo19_$ID
    BASE=${DB}_base_$(echo "$ODOO_HOME $DEPENDS" | digest)
    BARE=${DB}_bare_$(echo "$ODOO_HOME $DEPENDS" | digest)
    READY=${DB}_ready_$(echo "$BASE $ADDONS_STATE" | digest)
    DEMO=${DB}_demo
}

make_template() { # make_template NAME DEMO_OPTION
    ! has_db "$1" || return 0
    say "installing $DEPENDS, $2 (1 to 2 minutes)"
    drop_db "${DB}_new"
    odoo_step base.log "${DB}_new" -i "$DEPENDS" "$2"
    stay_at_home "${DB}_new"
    rename_db "${DB}_new" "$1"
}

stay_at_home() { # no calls to Odoo's own servers: completion of addresses, statistics
    sql "$1" <<'END'
INSERT INTO ir_config_parameter (key, value)
     VALUES ('iap.endpoint', 'http://localhost:9'),
            ('iap.partner_autocomplete.endpoint', 'http://localhost:9')
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value;
UPDATE ir_cron SET active = FALSE
 WHERE id IN (SELECT res_id FROM ir_model_data
               WHERE model = 'ir.cron' AND name = 'ir_cron_module_update_notification');
END
}

make_ready() {
    local old
    ! has_db "$READY" || return 0
    make_template "$BASE" --with-demo
    say "installing $ADDONS"
    for old in $(databases_like "^${DB}_ready_"); do drop_db "$old"; done
    drop_db "${DB}_new"
    copy_db "$BASE" "${DB}_new"
    odoo_step addons.log "${DB}_new" -i "$ADDONS" --with-demo
    step assets.log compile_assets "${DB}_new"
    sql "${DB}_new" -c "INSERT INTO ir_config_parameter (key, value)
        VALUES ('odoo_dev.state', '$ADDONS_STATE'), ('odoo_dev.base', '$BASE')"
    rename_db "${DB}_new" "$READY"
}

compile_assets() { # or else every browser test would compile them anew
    odoo shell -d "$1" --no-http <"$DEVTOOLS/assets.py"
}

demo_parameter() { sql "$DEMO" -c "SELECT value FROM ir_config_parameter WHERE key = 'odoo_dev.$1'"; }

make_demo() {
    if has_db "$DEMO" && [ "$(demo_parameter base)" != "$BASE" ]; then
        # Odoo's own demo data of what came new would meet gates.
        say "what the addons depend on has changed: making the demo database anew"
        drop_db "$DEMO"
    fi
    if ! has_db "$DEMO"; then
        make_ready
        copy_db "$READY" "${DB}_demo_new"
        rename_db "${DB}_demo_new" "$DEMO"
    elif [ "$(demo_parameter state)" != "$ADDONS_STATE" ]; then
        say "updating $ADDONS"
        # -i for addons that were not there yet
        odoo_step update.log "$DEMO" -u "$ADDONS" -i "$ADDONS" --with-demo
        sql "$DEMO" -c "UPDATE ir_config_parameter SET value = '$ADDONS_STATE' WHERE key = 'odoo_dev.state'"
    fi
}

make_throwaway() { # a copy of ready that is dropped at exit, its name in THROWAWAY
    local old
    make_ready
    for old in $(databases_like "^${DB}_test_"); do
        kill -0 "${old##*_}" 2>/dev/null || drop_db "$old"
    done
    THROWAWAY=${DB}_test_$$
    AT_EXIT+=("drop_db $THROWAWAY")
    copy_db "$READY" "$THROWAWAY"
}

# Other apps that orders and invoices meet, and OCA's addons, for test-apps.
APPS=delivery,payment_demo,pos_sale,repair,sale_expense,sale_loyalty,sale_mrp,sale_project
APPS+=,website_sale,website_sale_collect,website_sale_loyalty
OCA_ADDONS=(base-tier-validation sale-tier-validation base-substate sale-substate
    base-exception sale-exception auditlog queue-job)

fetch_oca() { # sets OCA_PATH: a folder with OCA's addons for Odoo 19, from PyPI
    local new=$CACHE/oca.$$ wanted=("${OCA_ADDONS[@]/#/odoo-addon-}")
    OCA_PATH=$CACHE/oca-$(printf '%s\n' "${OCA_ADDONS[@]}" | digest)
    [ -d "$OCA_PATH" ] || {
        say "downloading OCA's addons"
        rm -rf "$CACHE"/oca.*
        step oca.log "$VENV/bin/pip" install --disable-pip-version-check --no-compile --no-deps \
            --target "$new" "${wanted[@]/%/>=19.0,<20}" openupgradelib
        mv "$new" "$OCA_PATH"
    }
}
