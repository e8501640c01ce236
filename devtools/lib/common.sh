# What all parts use: messages, steps with progress, locks.
# shellcheck shell=bash

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() {
    printf '\033[31merror:\033[0m %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
digest() { sha256sum | cut -c1-12; }

# step LOGFILE COMMAND...: run it with its output in a log that is shown only if
# it fails, and tell every now and then that it is still at work
step() {
    local log=$STATE/log/$1 progress status=0 begin=$SECONDS
    shift
    mkdir -p "$STATE/log"
    (
        # Ends with its parent, lest an interrupted run go on talking.
        while sleep 5 && kill -0 $$ 2>/dev/null; do
            if [ -t 2 ]; then
                printf '\r    %4d s  %-.60s\033[K' $((SECONDS - begin)) "$(tail -n 1 "$log" 2>/dev/null | tr -d '\r')" >&2
            elif [ $(((SECONDS - begin) % 30)) -lt 5 ]; then
                printf '    %4d s\n' $((SECONDS - begin)) >&2
            fi
        done
    ) 8>&- 9>&- &
    progress=$!
    "$@" >"$log" 2>&1 </dev/null || status=$?
    kill $progress 2>/dev/null || true
    wait $progress 2>/dev/null || true
    [ ! -t 2 ] || printf '\r\033[K' >&2
    if [ $status != 0 ]; then
        tail -n 40 "$log" >&2
        die "failed: ${*:0:3}... (all of it: $log)"
    fi
}

lock() { # lock FILE: until unlock, or the next lock
    exec 9>"$1"
    flock -n 9 || {
        say "waiting for another odoo-dev"
        flock 9
    }
}
unlock() { exec 9>&-; }
