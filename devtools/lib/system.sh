# Debian packages, Python and its environments.
# shellcheck shell=bash

BROWSERS="google-chrome chromium chromium-browser google-chrome-stable"

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        return 1
    fi
}

apt_install() {
    have apt-get || return 1
    say "installing Debian packages: $*"
    if [ -z "${APT_UPDATED:-}" ]; then
        as_root apt-get -q -o DPkg::Lock::Timeout=300 update >&2 || return 1
        APT_UPDATED=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends "$@" >&2
}

pg_bindir() { # the newest PostgreSQL server programs on this machine
    local d
    for d in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin | sort -Vr) \
        "$(dirname "$(command -v initdb || echo /none/x)")"; do
        if [ -x "$d/initdb" ]; then
            echo "$d"
            return
        fi
    done
    return 1
}

find_python() {
    local p
    for p in ${ODOO_PYTHON:-python3 python3.11 python3.12 python3.13 python3.10}; do
        if have "$p" && "$p" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'; then
            command -v "$p"
            return
        fi
    done
    return 1
}

find_browser() {
    local browser
    for browser in $BROWSERS; do
        ! have "$browser" || return 0
    done
    return 1
}

has_fonts() { # of scripts that customers' names are written in
    local lang
    have fc-list || return 1
    for lang in ar el he hi ja ko ru th zh-cn; do
        [ -n "$(fc-list ":lang=$lang" family)" ] || return 1
    done
}

need_python() {
    local want=()
    PYTHON=$(find_python) || want+=(python3 python3-venv)
    [ -z "${PYTHON:-}" ] || "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || want+=(python3-venv)
    [ ${#want[@]} = 0 ] || apt_install "${want[@]}" || die "please install: ${want[*]}"
    PYTHON=$(find_python) || die "Odoo 19 needs Python 3.10 to 3.13; set ODOO_PYTHON"
}

system_packages() {
    local want=()
    need_python
    [ -n "${PGHOST:-}" ] || pg_bindir >/dev/null || want+=(postgresql)
    have psql || [[ " ${want[*]} " == *" postgresql "* ]] || want+=(postgresql-client)
    # Browser tests need it, and bin/wkhtmltopdf, which prints PDF.
    find_browser || want+=(chromium)
    # Or else names in other scripts are boxes on certificates.
    has_fonts || want+=(fontconfig fonts-noto-core fonts-noto-cjk)
    [ ${#want[@]} = 0 ] || apt_install "${want[@]}" || die "please install: ${want[*]}"
}

make_venv() { # make_venv VARIABLE REQUIREMENTS: an environment with them, its path in VARIABLE
    local key path
    key=$({
        "$PYTHON" -c 'import sys, sysconfig; print(sys.version, sysconfig.get_platform(), sys.prefix)'
        cat "$2"
    } | digest)
    path=$CACHE/venv-$key
    if [ ! -e "$path/.complete" ]; then
        say "installing Python packages of ${2#"$ROOT"/}"
        rm -rf "$path"
        step venv.log "$PYTHON" -m venv "$path"
        step pip.log "$path/bin/pip" install --disable-pip-version-check -r "$2"
        touch "$path/.complete"
    fi
    printf -v "$1" %s "$path"
}

# rtlcss turns Odoo's styles round for Arabic or Hebrew; axe-core finds what readers
# with disabilities meet on a page, see the tests.
node_tools() {
    local venv path
    make_venv venv "$DEVTOOLS/requirements-lint.txt" # Node.js comes from PyPI
    npm_packages path "$DEVTOOLS/package.json" "$venv"
    export PATH=$PATH:$path/node_modules/.bin:$venv/bin
    export AXE_CORE=$path/node_modules/axe-core/axe.min.js
}

npm_packages() { # npm_packages VARIABLE PACKAGE.JSON VENV: their folder, its path in VARIABLE
    local packages
    packages=$CACHE/npm-$(digest <"$2")
    if [ ! -e "$packages/.complete" ]; then
        say "installing npm packages of ${2#"$ROOT"/}"
        rm -rf "$packages"
        mkdir -p "$packages"
        cp "$2" "$packages"
        PATH=$3/bin:$PATH step npm.log npm install --prefix "$packages" --no-audit --no-fund
        touch "$packages/.complete"
    fi
    printf -v "$1" %s "$packages"
}
