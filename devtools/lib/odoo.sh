# Odoo's own code: ODOO_HOME, or Debian's package, unpacked and mended.
# shellcheck shell=bash

# Debian ships Odoo 19 in its suite sid only. It is unpacked, not installed, with
# the fonts and scripts that its symbolic links point to: those of bookworm, as
# sid's Font Awesome is too new for Odoo.
DEB_EXTRA=(fonts-montserrat/sid libjs-jquery/bookworm libjs-jquery-form/bookworm
    libjs-underscore/bookworm fonts-font-awesome/bookworm fonts-roboto-unhinted/bookworm
    fonts-inconsolata/bookworm fonts-ocr-b/bookworm)

NO_ODOO='no package odoo-19 can be had from the Debian mirror of this machine. Please get Odoo 19 some other way:
  - a checkout of its sources, branch 19.0:    ODOO_HOME=/path/to/odoo make ...
  - its Debian package:                        ODOO_DEB=/path/to/odoo_19.0.deb make ...'

SID_EXPIRED='the Debian mirror of this machine has an old copy of sid, whose list of packages has expired. Please
  - try again later: mirrors that are kept catch up within a day; or
  - name another mirror in /etc/apt, and run apt-get update; or
  - get Odoo 19 some other way:
      a checkout of its sources, branch 19.0:    ODOO_HOME=/path/to/odoo make ...
      its Debian package:                        ODOO_DEB=/path/to/odoo_19.0.deb make ...'

why_no_odoo() { # why_no_odoo LOGFILE: what apt said, and what to do
    if grep -qE 'is expired|not valid (yet|any)|Valid-Until' "$1" 2>/dev/null; then
        echo "$SID_EXPIRED"
    else
        echo "$NO_ODOO"
    fi
}

private_apt() { # private_apt PROGRAM ARGUMENTS...: apt with a sources list of our own
    local d=$CACHE/apt program=$1
    shift
    "$program" -q -o Dir::Etc::SourceList="$d/debian.sources" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$d/lists" -o Dir::State::Status="$d/status" -o Dir::Cache="$d/cache" \
        -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User="$(id -un)" "$@"
}

download_debs() ( # FOLDER PACKAGES..., from the mirror that this machine's apt uses
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg d=$CACHE/apt status=0 folder=$1
    shift
    if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_InRelease' -print -quit)" ]; then
        as_root apt-get -q update
    fi
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
        awk '$3 == "main" && $2 !~ /[-\/]/ {print $1; exit}')
    [ -n "$mirror" ] || exit 1
    mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
    : >"$d/status"
    printf '%s\n' 'Types: deb' "URIs: $mirror" 'Suites: sid bookworm' 'Components: main' >"$d/debian.sources"
    [ ! -e $keyring ] || echo "Signed-By: $keyring" >>"$d/debian.sources"
    if [ ! -e "$d/updated" ]; then
        private_apt apt-get update || exit 1
        touch "$d/updated"
    fi
    cd "$folder" || exit 1
    private_apt apt-get download "$@" && exit
    for package; do private_apt apt-get download "$package" || status=1; done
    exit $status
)

# The package is kept in the cache: sid drops odoo-19 one day.
fetch_odoo_deb() { # sets DEB
    local new=$CACHE/debs.$$
    if [ -n "${ODOO_DEB:-}" ]; then
        DEB=$(realpath "$ODOO_DEB")
        return
    fi
    DEB=$(find "$CACHE" -maxdepth 1 -name 'odoo-19_*.deb' -print -quit)
    [ -z "$DEB" ] || return 0
    have apt-get || die "$NO_ODOO"
    say "downloading Odoo 19 (120 MB)"
    rm -rf "$CACHE"/debs.*
    mkdir -p "$new"
    (step download.log download_debs "$new" odoo-19) || die "$(why_no_odoo "$STATE/log/download.log")"
    mv "$new"/odoo-19_*.deb "$CACHE"
    rmdir "$new"
    DEB=$(find "$CACHE" -maxdepth 1 -name 'odoo-19_*.deb' -print -quit)
}

unpack_odoo() { # sets ODOO_HOME
    local new=$CACHE/new.$$ core=$CACHE/odoo-19.0 deb
    [ -z "${ODOO_DEB:-}" ] || core=$CACHE/odoo-$(digest <"$ODOO_DEB")
    ODOO_HOME=$core/usr/lib/python3/dist-packages
    [ ! -d "$core" ] || return 0
    fetch_odoo_deb
    rm -rf "$CACHE"/new.*
    mkdir -p "$new/debs" "$new/tree"
    say "unpacking Odoo 19 (1.2 GB)"
    step unpack.log dpkg-deb -x "$DEB" "$new/tree"
    if [ -n "$(find "$new/tree" -xtype l -print -quit)" ]; then
        say "downloading its fonts and scripts (10 MB)"
        (step extra.log download_debs "$new/debs" "${DEB_EXTRA[@]}") || say "going on without some of them"
        for deb in "$new"/debs/*.deb; do [ ! -e "$deb" ] || dpkg-deb -x "$deb" "$new/tree"; done
    fi
    mend_odoo "$new/tree/usr/lib/python3/dist-packages"
    mv "$new/tree" "$core"
    rm -rf "$new" "$CACHE/apt"
}

mend_odoo() { # what Debian's package lacks
    local selfie=$1/odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js
    if [ ! -e "$selfie" ]; then
        mkdir -p "${selfie%/*}"
        cp "$DEVTOOLS/selfie_segmentation.js" "$selfie"
    fi
    # a second, incomplete copy of the addons
    [ ! -e "$1/odoo/addons/sale/__manifest__.py" ] || rm -rf "$1/addons" "$1/setup" "$1/doc"
}

find_odoo() { # sets ODOO_HOME, ADDONS_PATH
    if [ -n "${ODOO_HOME:-}" ]; then
        [ -d "$ODOO_HOME" ] || die "ODOO_HOME=$ODOO_HOME: no such folder"
        ODOO_HOME=$(cd "$ODOO_HOME" && pwd -P)
    else
        unpack_odoo
    fi
    grep -q '^version_info = (19,' "$ODOO_HOME/odoo/release.py" 2>/dev/null ||
        die "$ODOO_HOME is no Odoo 19: set ODOO_HOME to a checkout of branch 19.0, or unset it"
    ADDONS_PATH=$ROOT${ODOO_ADDONS_PATH:+,$ODOO_ADDONS_PATH}
    [ ! -e "$ODOO_HOME/addons/sale/__manifest__.py" ] || ADDONS_PATH=$ODOO_HOME/addons,$ADDONS_PATH
}

odoo() { PYTHONPATH=$ODOO_HOME "$VENV/bin/python" -m odoo "$@"; }
