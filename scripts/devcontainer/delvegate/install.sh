#!/bin/sh
# Installs delvegate in an image based on Debian or Ubuntu, from delvegate.tar.gz beside this file, or updates it. The
# options are environment variables, as the Dev Container CLI sets them: PORT, AUTOSTART, TARGET, DELVEVERSION, and
# _REMOTE_USER, the user who will run it.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

BUILD_PACKAGES='gcc libc6-dev make pkg-config libuv1-dev libjansson-dev libssh2-1-dev libssl-dev musl-tools'
PREFIX=/usr/local
CONFIG=/etc/xdg/delvegate/config.json
GENERATED='// Written by the Feature delvegate from its options, and replaced when it is installed again.'
FEATURE=$PREFIX/share/delvegate-feature
PORT_MAX=65535
TARGET_MAX=64 # letters
FETCH_LIMIT=300 # seconds for `go install`

fail() {
    printf 'delvegate: %s\n' "$*" >&2
    exit 1
}
say() {
    printf 'delvegate: %s\n' "$*"
}

# The options, checked before anything is changed.

port=${PORT:-4711}
autostart=${AUTOSTART:-true}
target=${TARGET:-local}
delve=${DELVEVERSION:-auto}
user=${_REMOTE_USER:-root}

check_options() {
    case $port in
    [!1-9]* | *[!0-9]* | ??????*) fail "the option port is '$port': it must be a number from 1 to $PORT_MAX" ;;
    esac
    [ "$port" -le "$PORT_MAX" ] || fail "the option port is '$port': it must be a number from 1 to $PORT_MAX"
    case $autostart in
    true | false) ;;
    *) fail "the option autostart is '$autostart': it must be true or false" ;;
    esac
    case $target in
    *[!A-Za-z0-9._-]*) fail "the option target is '$target': it must be a name of letters, digits, and . _ -" ;;
    esac
    [ "${#target}" -le $TARGET_MAX ] || fail "the option target is '$target': a name has at most $TARGET_MAX letters"
    case $delve in
    auto | none | package | latest) ;;
    v[0-9]* | [0-9]*) delve=v${delve#v} ;;
    *) fail "the option delveVersion is '$delve': it must be auto, none, package, latest, or a version such as 1.24.0" ;;
    esac
    case $delve in
    *[!A-Za-z0-9.+-]*) fail "the option delveVersion is '$delve': it must be a version such as 1.24.0" ;;
    esac
}

check_system() {
    [ "$(id -u)" -eq 0 ] || fail "install.sh must run as root, not as $(id -un)"
    [ -r "$here/delvegate.tar.gz" ] ||
        fail "there is no delvegate.tar.gz beside $here/install.sh: copy the complete directory that 'make feature' writes"
    # shellcheck disable=SC1091 # of the image
    system=$(. /etc/os-release 2>/dev/null && printf '%s\n' "${PRETTY_NAME:-${ID:-unknown}}") || system=unknown
    # shellcheck disable=SC1091 # of the image
    case " $(. /etc/os-release 2>/dev/null && printf '%s %s' "${ID:-}" "${ID_LIKE:-}") " in
    *' debian '* | *' ubuntu '*) ;;
    *) fail "this image is '$system': the Feature supports only Debian, Ubuntu and systems based on them" ;;
    esac
    command -v apt-get >/dev/null || fail "this image ('$system') has no apt-get: the Feature cannot install what it needs"
    entry=$(getent passwd "$user") ||
        fail "there is no user '$user' in this image: set another remoteUser, or create it before this Feature is installed" \
            "(overrideFeatureInstallOrder in devcontainer.json sets the order of the Features)"
    user=${entry%%:*} # remoteUser may be a number, and the CLI may give its user another one later
    home=$(printf '%s\n' "$entry" | cut -d: -f6)
    home=${_REMOTE_USER_HOME:-$home}
    [ -d "$home" ] || fail "the home directory '$home' of the user '$user' does not exist: create it (useradd -m)"
}

# Packages. Those that are installed only for the build are removed afterwards; others stay.

installed() {
    # shellcheck disable=SC2016 # dpkg-query's own variables
    dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^[hi]i *//p' | sort -u
}
apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o APT::Keep-Downloaded-Packages=false "$@" \
        >"$work/apt.log" 2>&1 || {
        cat "$work/apt.log" >&2
        return 1
    }
}
have_lists() {
    [ -n "$(find /var/lib/apt/lists -name '*_Packages*' | head -n 1)" ]
}
lists_were_empty=no
lists_are_fresh=no
# apt-get succeeds even if it could reach no source at all.
update_lists() {
    [ $lists_are_fresh = no ] || return 0
    have_lists || lists_were_empty=yes
    if ! apt_get update; then
        fail "apt-get update failed, see its message above: the build of an image needs its package sources"
    elif ! have_lists; then
        cat "$work/apt.log" >&2
        fail "apt-get update reached no package source, see its message above: the build of this image needs the network"
    fi
    mv "$work/apt.log" "$work/update.log"
    lists_are_fresh=yes
}
# Only the update reports a source that could not be reached.
fail_packages() {
    [ ! -s "$work/update.log" ] || cat "$work/update.log" >&2
    fail "$@"
}

add_build_packages() {
    installed >"$work/before"
    # shellcheck disable=SC2086 # a list of words
    if ! dpkg-query -W -f '${db:Status-Abbrev}\n' $BUILD_PACKAGES 2>/dev/null >"$work/state" ||
        grep -qv '^[hi]i' "$work/state"; then
        update_lists
        # shellcheck disable=SC2086
        apt_get install -y --no-install-recommends $BUILD_PACKAGES ||
            fail_packages "apt-get could not install what the build needs ($BUILD_PACKAGES), see its message above"
    fi
    installed >"$work/after"
    comm -13 "$work/before" "$work/after" >"$work/new"
}

# The packages of the libraries that the program uses. dpkg knows some of them by a path other than the linker's.
library_packages() {
    ldd $PREFIX/bin/delvegate | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | while IFS= read -r library; do
        dpkg-query -S "*/$(basename "$(realpath "$library")")" 2>/dev/null | sed 's/:.*//'
    done | sort -u
}

remove_build_packages() {
    [ -s "$work/new" ] || return 0
    xargs apt-mark auto <"$work/new" >/dev/null
    if [ -x $PREFIX/bin/delvegate ]; then
        library_packages | xargs -r apt-mark manual >/dev/null
    fi
    apt-get -s -o APT::AutoRemove::RecommendsImportant=0 -o APT::AutoRemove::SuggestsImportant=0 autoremove |
        sed -n 's/^Remv \([^ :]*\).*/\1/p' | sort -u | comm -12 - "$work/new" >"$work/remove"
    [ ! -s "$work/remove" ] || xargs apt-get -qq -y -o Dpkg::Use-Pty=0 purge <"$work/remove" >"$work/apt.log" 2>&1 || {
        cat "$work/apt.log" >&2
        fail "apt-get could not remove what the build needed, see its message above"
    }
}

# delvegate itself.

# The image's environment must not change what is built and where, nor make warnings errors.
build() {
    mkdir "$work/source"
    tar -xzf "$here/delvegate.tar.gz" -C "$work/source" --strip-components=1
    make -C "$work/source" -j"$(nproc)" KIND=release BUILD=build/release SUPERVISORS= DESTDIR= WERROR= prefix=$PREFIX PREFIX=$PREFIX \
        install >"$work/build.log" 2>&1
}

install_delvegate() {
    sum=$(sha256sum <"$here/delvegate.tar.gz")
    if [ "$(cat $FEATURE/source.sha256 2>/dev/null)" = "$sum" ] && $PREFIX/bin/delvegate --version >/dev/null 2>&1; then
        say "this version is already installed"
        return 0
    fi
    say "building it"
    add_build_packages
    if ! build; then
        tail -n 20 "$work/build.log" >&2
        remove_build_packages
        fail "delvegate could not be built on '$system', see the lines above; it is known to build on Debian 12 and 13"
    fi
    remove_build_packages
    mkdir -p $FEATURE
    printf '%s\n' "$sum" >$FEATURE/source.sha256
}

install_start() {
    mkdir -p $FEATURE
    install -m 755 "$here/entrypoint" "$here/start" "$here/supervise" $FEATURE
    printf "user='%s'\nautostart=%s\n" "$user" "$autostart" >$FEATURE/settings
    : >>$FEATURE/lock
}

# The image's own module cache, if its environment names one that the user may write to: a session, which runs go in a
# clean environment, would download the modules again to a directory below the user's home.
module_cache() {
    path=${GOPATH:-}
    path=${path%%:*}
    cache=${GOMODCACHE:-$path/pkg/mod}
    case $cache in
    *[!A-Za-z0-9._/+@-]*) return 0 ;;
    /*) ;;
    *) return 0 ;;
    esac
    [ -d "${GOMODCACHE:-$path}" ] || return 0
    at=$cache
    until [ -e "$at" ]; do
        at=$(dirname "$at")
    done
    if setpriv --reuid="$(id -u "$user")" --regid="$(id -g "$user")" --init-groups test -w "$at"; then
        printf '%s' "$cache"
    fi
}

# A configuration that the Feature has not written is kept.
install_config() {
    if [ -e $CONFIG ] && ! grep -qF "$GENERATED" $CONFIG; then
        say "$CONFIG is not the Feature's own and is kept: the options port and target have no effect"
        return 0
    fi
    mkdir -p "$(dirname $CONFIG)"
    go_options=$(module_cache)
    [ -z "$go_options" ] || go_options=", \"go\": { \"GOMODCACHE\": \"$go_options\" }"
    cat >$CONFIG.new <<END
$GENERATED
// A user's own ~/.config/delvegate/config.json is read instead, if it exists.
{
  "targets": {
    "$target": { "listen": $port$go_options }
  }
}
END
    mv $CONFIG.new $CONFIG
}

# Delve, looked for in the directories in which delvegate looks for it too.

find_tool() {
    (PATH=$PATH:/usr/local/go/bin:/go/bin:$home/go/bin && command -v "$1")
}

version_of() {
    "$1" version | sed -n 's/^Version: //p'
}

install_delve_package() {
    update_lists
    apt_get install -y --no-install-recommends delve || return 1
    has=$(version_of /usr/bin/dlv)
    say "installed Delve $has, the distribution's"
    has=${has#1.}
    has=${has%%.*}
    minor=$(minor_of_go)
    if [ -n "$minor" ] && [ -n "$has" ] && [ "$minor" -gt "$has" ]; then
        say "this Delve is too old for this image's Go: install a newer dlv, and set delveVersion to none"
    fi
}

# `go install` that leaves nothing but the program. It uses only the image's toolchain: a Delve that needs a newer one could
# not debug what this one builds.
go_install_delve() { # VERSION
    rm -rf "$work/go"
    mkdir "$work/go"
    if timeout $FETCH_LIMIT env GOPATH="$work/go" GOMODCACHE="$work/go/mod" GOCACHE="$work/go/cache" GOBIN=$PREFIX/bin \
        GOTOOLCHAIN=local GOFLAGS=-modcacherw GO111MODULE=on CGO_ENABLED=0 \
        "$go" install "github.com/go-delve/delve/cmd/dlv@$1" >"$work/go.log" 2>&1; then
        say "installed Delve $(version_of $PREFIX/bin/dlv) with go install"
        return 0
    fi
    tail -n 3 "$work/go.log" >&2
    say "'go install github.com/go-delve/delve/cmd/dlv@$1' failed, see above"
    return 1
}

# The minor version of Go, and the Delve for it, which has the same minor version since 1.20.
minor_of_go() {
    [ -z "$go" ] || GOTOOLCHAIN=local "$go" version | sed -n 's/^go version go1\.\([0-9]*\).*/\1/p'
}
delve_of_go() {
    case $(minor_of_go) in
    '' | ? | 1[0-5]) return 1 ;;
    16) echo v1.8 ;;
    17) echo v1.9 ;;
    18 | 19) echo v1.20 ;;
    *) echo "v1.$(minor_of_go)" ;;
    esac
}

# VERSION; if that is latest, or else the one for the image's Go.
fetch_delve() {
    go_install_delve "$1" && return 0
    if [ "$1" = latest ] && older=$(delve_of_go); then
        go_install_delve "$older" && return 0
    fi
    return 1
}

install_delve() {
    go=$(find_tool go) || go=
    case $delve in
    none) return 0 ;;
    auto)
        if find_tool dlv >/dev/null; then
            return 0
        elif [ -z "$go" ]; then
            say "there is no go in this image yet, so no Delve was installed: add Go, for example with its Feature"
            return 0
        fi
        wanted=latest
        ;;
    package)
        install_delve_package || fail_packages "delveVersion is package, but apt-get could not install delve: see its message above"
        return 0
        ;;
    *)
        if found=$(find_tool dlv) && [ "v$(version_of "$found")" = "$delve" ]; then
            return 0
        fi
        wanted=$delve
        ;;
    esac
    if [ -z "$go" ]; then
        say "there is no go in this image to build Delve $wanted"
    elif fetch_delve "$wanted"; then
        return 0
    fi
    say "installing the distribution's Delve instead"
    install_delve_package || fail_packages "Delve $wanted could be installed neither with go install nor as a package, see above:" \
        "install dlv in the image yourself, and set delveVersion to none"
}

clear_away() {
    rm -rf "$work"
    if [ $lists_were_empty = yes ]; then
        find /var/lib/apt/lists -mindepth 1 -delete
    fi
}

check_options
check_system
work=$(mktemp -d)
trap clear_away EXIT
install_delvegate
install_start
install_config
install_delve
say "installed for $user: target $target on port $port"
