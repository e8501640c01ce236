# What the user calls.
# shellcheck shell=bash

environment() { # everything but databases
    mkdir -p "$STATE/data/filestore" "$STATE/log" "$CACHE"
    [ -e "$STATE/.gitignore" ] || echo '*' >"$STATE/.gitignore"
    lock "$STATE/lock"
    system_packages
    find_odoo
    make_venv VENV "$DEVTOOLS/requirements.txt"
    node_tools
    start_postgres
    cat >"$STATE/odoo.conf.$$" <<END
[options]
addons_path = $ADDONS_PATH
data_dir = $STATE/data
http_interface = ${ODOO_INTERFACE:-127.0.0.1}
list_db = False
max_cron_threads = 1
END
    mv "$STATE/odoo.conf.$$" "$STATE/odoo.conf" # others may read it at this moment
    export ODOO_RC=$STATE/odoo.conf PATH=$VENV/bin:$PATH
    if ! wkhtmltopdf --version 2>/dev/null | grep -q 'with patched qt'; then PATH=$DEVTOOLS/bin:$PATH; fi
    name_databases
}

demo_environment() {
    environment
    make_demo
    unlock
}

free_port() { # free_port FIRST [1]: the first port that is free, or that one only
    "$PYTHON" - "$@" <<'END'
import socket, sys
first = int(sys.argv[1])
for port in range(first, first + (1 if sys.argv[2:] == ['1'] else 200)):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(('', port))
        except OSError:
            continue
        print(port)
        break
else:
    sys.exit(f'port {first} is in use: set ODOO_PORT to another one')
END
}

answers() {
    "$PYTHON" -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=60)' "$1" 2>/dev/null
}

odoo_pid() { # of the Odoo that run started, if it still runs
    local pid
    pid=$(cat "$STATE/odoo.pid" 2>/dev/null) && grep -qs odoo "/proc/$pid/cmdline" && echo "$pid"
}

run_odoo() {
    local port url pid status=0
    ! odoo_pid >/dev/null || die "Odoo already runs, with process id $(odoo_pid): make stop"
    environment
    make_demo
    port=$(free_port "${ODOO_PORT:-8069}" ${ODOO_PORT:+1}) || exit 1
    url=http://localhost:$port
    sql "$DEMO" -c "UPDATE ir_config_parameter SET value = '$url' WHERE key = 'web.base.url'"
    # Odoo's own scheduler of stock collides with itself on a database that is new.
    sql "$DEMO" <<'END'
UPDATE ir_cron SET nextcall = now() + interval '1 day'
 WHERE id IN (SELECT res_id FROM ir_model_data
               WHERE model = 'ir.cron' AND name = 'ir_cron_scheduler_action');
END
    catch_mails
    unlock
    PYTHONPATH=$ODOO_HOME "$VENV/bin/python" -m odoo server -d "$DEMO" --db-filter "^$DEMO\$" \
        --smtp localhost --smtp-port "$SMTP_PORT" \
        --http-port "$port" --pidfile "$STATE/odoo.pid" "$@" 8>&- &
    pid=$!
    trap 'kill $pid 2>/dev/null' INT TERM
    AT_EXIT+=("kill_quietly $pid")
    until answers "$url/web/login"; do
        kill -0 $pid 2>/dev/null || die "Odoo did not start: its messages are above"
        sleep 0.5
    done
    cat >&2 <<END

    Odoo is at $url

    administrator     admin / admin
    salesperson       demo / demo
    portal customer   portal / portal

    Every mail that it sends, as whoever gets it sees it: $MAIL_URL

    Ctrl-C stops everything.

END
    while kill -0 $pid 2>/dev/null; do wait $pid && status=0 || status=$?; done
    # Being stopped is how it is meant to end.
    case $status in 0 | 130 | 143) exit 0 ;; *) exit $status ;; esac
}

catch_mails() { # sets SMTP_PORT, MAIL_URL: no mail leaves this machine, and none fails
    local folder venv web
    make_venv venv "$DEVTOOLS/requirements-lint.txt" # Node.js comes from PyPI
    npm_packages folder "$DEVTOOLS/mail_catcher/package.json" "$venv"
    SMTP_PORT=$(free_port 1025)
    web=$(free_port 1080)
    MAIL_URL=http://localhost:$web
    "$folder/node_modules/.bin/maildev" --ip 127.0.0.1 --smtp "$SMTP_PORT" \
        --web-ip "${ODOO_INTERFACE:-127.0.0.1}" --web "$web" --silent 8>&- 9>&- >/dev/null 2>&1 &
    AT_EXIT+=("kill_quietly $!")
    # It answers its root to browsers only.
    until answers "$MAIL_URL/index.html"; do
        kill -0 $! 2>/dev/null || die "the mail catcher did not start: ports $SMTP_PORT and $web"
        sleep 0.2
    done
}

kill_quietly() { kill "$1" 2>/dev/null || true; }

run_pytest() { # with options in one process, else in as many as there are processors
    environment
    make_throwaway
    unlock
    cd "$ROOT" || exit 1
    local status=0 paths
    IFS=, read -ra paths <<<"$ADDONS"
    paths+=(devtools/test_messages.py)
    if [ $# -gt 0 ]; then
        pytest_on "$THROWAWAY" "${paths[@]}" "$@" || status=$?
        exit $status
    fi
    run_lanes "${paths[@]}"
}

pytest_on() { # pytest_on DATABASE PATHS AND OPTIONS
    local db=$1
    shift
    PYTHONPATH=$ODOO_HOME TEST_DURATIONS=$STATE/durations "$VENV/bin/python" -m pytest \
        --odoo-database="$db" --odoo-http "$@"
}

# All tests, by file, in lanes that have a database each: a copy of the same one.
run_lanes() { # run_lanes PATHS
    local count number db log status=0 failed=0 files pids=() logs=()
    count=${TEST_LANES:-$(nproc)}
    [ "$count" -le 4 ] || count=4
    mkdir -p "$STATE/log"
    for ((number = 0; number < count; number++)); do
        mapfile -t files < <("$PYTHON" "$DEVTOOLS/lanes.py" "$STATE/durations" "$number" "$count" "$@")
        [ ${#files[@]} -gt 0 ] || continue
        db=$THROWAWAY
        if [ "$number" -gt 0 ]; then
            db=${THROWAWAY}_$number
            AT_EXIT+=("drop_db $db")
            copy_db "$READY" "$db"
        fi
        log=$STATE/log/lane-$number.log
        pytest_on "$db" "${files[@]}" -p no:cacheprovider >"$log" 2>&1 &
        pids+=($!)
        logs+=("$log")
    done
    say "running all tests in ${#pids[@]} lanes, whose output comes at their end"
    for number in "${!pids[@]}"; do
        status=0
        wait "${pids[$number]}" || status=$?
        cat "${logs[$number]}"
        [ $status = 0 ] || failed=$status
    done
    exit $failed
}

# The installation tests take one processor only: they run beside all others.
run_all_tests() {
    local pid status=0 installed=0 log=$STATE/log/test-install.log
    # Processes of their own: bash ignores errors in what stands before a ||.
    "$DEVTOOLS/odoo-dev" lint
    mkdir -p "$STATE/log"
    # A session of its own, so that all of it ends with this.
    setsid "$DEVTOOLS/odoo-dev" test-install >"$log" 2>&1 &
    pid=$!
    trap 'kill -- -$pid 2>/dev/null || true' EXIT
    trap 'exit 130' INT TERM
    "$DEVTOOLS/odoo-dev" test-contract || status=$?
    [ $status != 0 ] || "$DEVTOOLS/odoo-dev" pytest "$@" || status=$?
    wait $pid || installed=$?
    trap - EXIT
    say "what the installation tests say"
    cat "$log"
    [ $installed = 0 ] || status=$installed
    exit $status
}

# Whether the tests notice when a rule is removed: a seeded sample of changes to the
# code. Which tests call what is found once for a state of the addons and their tests.
run_mutants() { # run_mutants [COUNT [SEED]]
    environment
    make_ready
    unlock
    cd "$ROOT" || exit 1
    local count=${1:-150} seed=${2:-19} lanes folder joined phase lane db paths files pids status=0
    lanes=${TEST_LANES:-$(nproc)}
    # shellcheck disable=SC2086
    folder=$STATE/mutate-$count-$seed-$(find ${ADDONS//,/ } devtools/addons -name '*.py' -print0 |
        sort -z | xargs -0 sha256sum | digest)
    mkdir -p "$folder"
    IFS=, read -ra paths <<<"$ADDONS"
    paths+=(devtools/addons)
    joined=${DB}_mutants_joined
    AT_EXIT+=("drop_db $joined")
    drop_db "$joined"
    copy_db "$READY" "$joined"
    join_models "$joined"
    for phase in watch try; do
        if [ "$phase" = watch ] && [ -e "$folder/watched" ]; then continue; fi
        [ "$phase" = watch ] || "$PYTHON" "$DEVTOOLS/mutate.py" tasks "$folder" "$count" "$seed" "$lanes"
        say "$phase: in $lanes lanes, whose output comes at their end"
        pids=()
        for ((lane = 0; lane < lanes; lane++)); do
            db=${DB}_mutants_$lane
            AT_EXIT+=("drop_db $db")
            drop_db "$db"
            copy_db "$joined" "$db"
            files=("${paths[@]}")
            if [ "$phase" = watch ]; then
                "$PYTHON" "$DEVTOOLS/mutate.py" watch "$folder" "$count" "$seed" "$lane"
                mapfile -t files < <("$PYTHON" "$DEVTOOLS/lanes.py" "$STATE/durations" "$lane" "$lanes" "${paths[@]}")
                mapfile -t files < <("$PYTHON" "$DEVTOOLS/mutate.py" files "$folder" "${files[@]}")
            fi
            MUTATE_TASK=$folder/$phase-$lane.json PYTHONPATH=$ODOO_HOME:$DEVTOOLS \
                "$VENV/bin/python" -m pytest --odoo-database="$db" --odoo-http -p mutate \
                "${files[@]}" >"$STATE/log/mutants-$phase-$lane.log" 2>&1 &
            pids+=($!)
        done
        for lane in "${!pids[@]}"; do
            # 5: pytest itself has run no test, but this plugin.
            wait "${pids[$lane]}" || [ $? = 5 ] || status=1
        done
        [ $status = 0 ] || die "failed: $STATE/log/mutants-$phase-*.log"
        touch "$folder/watched"
    done
    "$PYTHON" "$DEVTOOLS/mutate.py" report "$folder" 90
}

join_models() { # join_models DATABASE: the models join in, and Odoo finds them from now on
    local built=$STATE/contract page language count most=15
    page=$ROOT/customer_approval_gate/docs/make-your-own-model-approvable.md
    rm -rf "$built"
    while read -r language count; do
        say "the documentation's addon: $count lines of $language"
        [ "$count" -le $most ] || die "more than $most lines of $language in $page"
    done < <("$PYTHON" "$DEVTOOLS/docs_addon.py" "$page" "$built/customer_approval_repair")
    sed "s|^addons_path = .*|&,$DEVTOOLS/addons,$built|" "$STATE/odoo.conf" >"$STATE/contract.conf"
    export ODOO_RC=$STATE/contract.conf
    odoo_step contract-install.log "$1" -i customer_approval_test,customer_approval_repair --without-demo
}

# Models of other addons join in: those of devtools/addons, and Odoo's repair orders by
# the addon that the documentation shows, built from its page. Then they leave.
run_contract_tests() {
    environment
    make_ready
    unlock
    local db=${DB}_contract_$$
    say "testing models that join in"
    AT_EXIT+=("drop_db $db")
    copy_db "$READY" "$db"
    join_models "$db"
    (cd "$ROOT" && pytest_on "$db" devtools/addons "$@")
    step contract-leave.log odoo_shell_script "$db" "$DEVTOOLS/contract_leave.py"
    check_log contract-leave.log
}

# What an administrator does to a database, each step with a clean log. A state
# of the addons that went through it once need not again.
run_install_tests() {
    environment
    local db=${DB}_install_$$ proof=$STATE/install-$ADDONS_STATE ready=${DB}_install_${$}_ready
    if [ -e "$proof" ]; then
        say "installation tests: already passed for this state of the addons"
        return
    fi
    make_template "$BARE" --without-demo
    make_ready # installs on a database with demo data
    # Others may change the addons meanwhile, and make it anew.
    AT_EXIT+=("drop_db $ready")
    copy_db "$READY" "$ready"
    unlock
    say "testing installation on a database with orders, update, uninstallation, reinstallation"
    AT_EXIT+=("drop_db $db")
    copy_db "$BARE" "$db"
    step install-orders.log odoo_shell_script "$db" "$DEVTOOLS/install_orders.py"
    odoo_step install-bare.log "$db" -i "$ADDONS" --without-demo
    step install-check.log odoo_shell_script "$db" "$DEVTOOLS/install_check.py"
    odoo_step install-update.log "$db" -u "$ADDONS" --without-demo
    uninstall install-uninstall.log "$db"
    odoo_step install-again.log "$db" -i "$ADDONS" --without-demo
    step install-recheck.log odoo_shell_script "$db" "$DEVTOOLS/install_check.py"
    say "testing update and uninstallation on a database with demo data"
    drop_db "$db"
    copy_db "$ready" "$db"
    odoo_step demo-update.log "$db" -u "$ADDONS" --with-demo
    uninstall demo-uninstall.log "$db"
    odoo_step demo-again.log "$db" -i "$ADDONS" --with-demo
    test_upgrades "$db" "$ready"
    say "testing the main addon alone, without Inventory"
    drop_db "$db"
    odoo_step install-alone.log "$db" -i customer_approval_gate --without-demo
    [ -z "$(sql "$db" -c "SELECT 1 FROM ir_module_module WHERE name = 'stock' AND state = 'installed'")" ] ||
        die "customer_approval_gate brings Inventory along"
    rm -f "$STATE"/install-*
    touch "$proof"
}

# The last commit of each version that has landed; and two, where the way from one to
# the other made what has to be mended.
LANDED=(d172690 d172690:be3c46a 5c98bd8 3524e1e 088e7e3 be3c46a bec3717 f3f79e9 271d0f0 13180db)

# From each of them, with demo data: all evidence verifies, glue addons come by
# themselves, no table or column is there that a new installation does not have.
test_upgrades() { # DATABASE NEW: one to work on, and a new installation
    local path db=$1 landed old base
    base=$(echo "$BASE" | digest)
    for old in $(databases_like "^${DB}_landed_"); do
        [ "${old%"_$base"}" != "$old" ] || drop_db "$old"
    done
    git -C "$ROOT" cat-file -e "${LANDED[0]}" 2>/dev/null || die "the history is missing: git fetch --unshallow"
    for path in "${LANDED[@]}"; do
        say "testing the upgrade from ${path/:/ by }"
        landed=${DB}_landed_${path/:/_}_$base
        make_landed "$landed" "$path"
        drop_db "$db"
        copy_db "$landed" "$db"
        odoo_step upgrade-new.log "$db" -u customer_approval_gate --with-demo
        step upgrade-check.log odoo_shell_script "$db" "$DEVTOOLS/upgrade_check.py"
        diff <(columns "$2") <(columns "$db") >&2 || die "other tables or columns than in a new installation"
    done
}

# A database as a version that has landed left it: what it was changes no more, so that
# it is made once.
make_landed() { # make_landed NAME PATH
    ! has_db "$1" || return 0
    local commit old=$STATE/old.$$ addons how=-i new=${DB}_landing_$$
    AT_EXIT+=("drop_db $new")
    copy_db "$BASE" "$new"
    # As on a machine that has never seen the addons of later versions.
    sql "$new" <<'END'
DELETE FROM ir_module_module WHERE name LIKE 'customer_approval_gate%';
DELETE FROM ir_model_data WHERE name LIKE 'module_customer_approval_gate%';
END
    for commit in ${2//:/ }; do
        rm -rf "$old"
        mkdir -p "$old"
        addons=$(git -C "$ROOT" ls-tree --name-only "$commit" | grep '^customer_approval' | paste -sd ,)
        # shellcheck disable=SC2086
        git -C "$ROOT" archive "$commit" ${addons//,/ } | tar -x -C "$old"
        step upgrade-old.log odoo server -d "$new" --addons-path "$old" $how "$addons" --with-demo \
            --no-http --max-cron-threads=0 --stop-after-init
        how=-u
    done
    rm -rf "$old"
    has_db "$1" || rename_db "$new" "$1"
}

columns() { # of all our tables, and ours of all others
    sql "$1" <<'END'
SELECT table_name || '.' || column_name || ' ' || data_type
  FROM information_schema.columns
 WHERE table_schema = 'public'
 ORDER BY 1
END
}

odoo_shell_script() { # DATABASE FILE: an error in it is an error of the call
    odoo shell -d "$1" --no-http --log-level=warn <<END
import sys, traceback
try:
    exec(compile(open(r"$2").read(), r"$2", "exec"))
except Exception:
    traceback.print_exc()
    sys.stderr.flush()
    import os
    os._exit(1)
END
}

run_script() { # FILE ARGUMENTS...
    [ $# -gt 0 ] || die "which file? devtools/odoo-dev script FILE"
    local file
    file=$(realpath "$1")
    shift
    environment
    make_throwaway
    unlock
    odoo_shell_script "$THROWAWAY" "$file"
}

# Plain Odoo, the addons as they come, and with a gate that everybody has passed.
run_benchmark() {
    environment
    make_template "$BARE" --without-demo
    local column
    for column in plain ours approved; do
        AT_EXIT+=("drop_db ${DB}_bench_$column")
        drop_db "${DB}_bench_$column"
    done
    copy_db "$BARE" "${DB}_bench_plain"
    copy_db "$BARE" "${DB}_bench_ours"
    odoo_step bench.log "${DB}_bench_ours" -i "$ADDONS" --without-demo
    copy_db "${DB}_bench_ours" "${DB}_bench_approved"
    for column in plain ours approved; do sql "${DB}_bench_$column" -c "VACUUM ANALYZE"; done
    unlock
    PYTHONPATH=$ODOO_HOME "$VENV/bin/python" "$ROOT/benchmarks/unused_cost.py" \
        --plain "${DB}_bench_plain" --ours "${DB}_bench_ours" --approved "${DB}_bench_approved" "$@"
}

verify_evidence() { # ends with 1 if something does not fit
    demo_environment
    odoo_shell_script "$DEMO" "$DEVTOOLS/verify.py"
}

run_core_tests() {
    environment
    make_ready
    unlock
    PYTHONPATH=$ODOO_HOME "$VENV/bin/python" "$DEVTOOLS/core_tests.py" \
        --without "$BASE" --with "$READY" --state "$STATE" "$@"
}

# Flows of other apps, played beside the addons: a table of flow, expected, got.
run_app_tests() {
    environment
    fetch_oca
    export PYTHONPATH=$OCA_PATH
    ADDONS_PATH=$OCA_PATH/odoo/addons,$ADDONS_PATH
    sed -i "s|^addons_path = .*|addons_path = $ADDONS_PATH|" "$STATE/odoo.conf"
    local db=${DB}_apps_$$ report=$STATE/apps.xml status=0 oca=${OCA_ADDONS[*]//-/_}
    AT_EXIT+=("drop_db $db")
    say "installing $APPS, OCA's addons, and ours (some minutes)"
    odoo_oca apps.log "$db" -i "$APPS,${oca// /,}" --without-demo
    odoo_oca apps-addons.log "$db" -i "$ADDONS" --without-demo
    check_log apps-addons.log
    unlock
    cd "$ROOT" || exit 1
    local paths
    IFS=, read -ra paths <<<"$ADDONS"
    PYTHONPATH=$ODOO_HOME:$OCA_PATH "$VENV/bin/python" -m pytest --odoo-database="$db" --odoo-http \
        -q --junitxml="$report" -k "TestApps or TestPos or TestReinvoice or TestSeveralSteps" \
        "${paths[@]}" "$@" || status=$?
    "$VENV/bin/python" "$DEVTOOLS/app_table.py" "$report" "$ROOT"
    exit $status
}

odoo_oca() { # LOGFILE DATABASE ARGUMENTS...: as odoo_step, with OCA's addons and their log
    local log=$1 db=$2
    shift 2
    step "$log" env "PYTHONPATH=$ODOO_HOME:$OCA_PATH" "$VENV/bin/python" -m odoo server -d "$db" "$@" \
        --no-http --max-cron-threads=0 --stop-after-init
}

run_linters() {
    mkdir -p "$STATE/log" "$CACHE"
    [ -e "$STATE/.gitignore" ] || echo '*' >"$STATE/.gitignore"
    have git || apt_install git || die "please install git: the linters ask it for the files"
    git -C "$ROOT" rev-parse --git-dir >/dev/null 2>&1 || die "$ROOT is no git checkout: the linters ask git for the files"
    need_python
    local venv
    lock "$STATE/lint.lock"
    make_venv venv "$DEVTOOLS/requirements-lint.txt"
    # Node.js comes from PyPI like the rest.
    (cd "$ROOT" && PRE_COMMIT_HOME=$STATE/pre-commit PATH=$venv/bin:$PATH \
        "$venv/bin/pre-commit" run --all-files --show-diff-on-failure "$@" >&2)
    unlock
}

export_pot() {
    environment
    make_ready
    unlock
    local addon
    for addon in ${ADDONS//,/ }; do
        mkdir -p "$ROOT/$addon/i18n"
        odoo i18n export -d "$READY" -l pot -o "$ROOT/$addon/i18n/$addon.pot" "$addon"
    done
}

stop_all() {
    local pid
    if pid=$(odoo_pid); then
        kill "$pid"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
    fi
    [ -n "${PGHOST:-}" ] || stop_postgres
}

clean() {
    local db
    stop_all
    if [ -n "${PGHOST:-}" ]; then
        for db in $(psql -XAt -d postgres -c "SELECT datname FROM pg_database WHERE datname ~ '^odoo19_${ID}_'"); do
            dropdb "$db"
        done
    else
        postgres_paths
        rm -rf "$PGDIR"
    fi
    rm -rf "$STATE"
}
