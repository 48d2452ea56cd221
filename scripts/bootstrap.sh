#!/bin/sh
# Installs the packages that delvegate needs on Debian 12 and 13:  scripts/bootstrap.sh [build|demo|check|check-all|vscode]
#   build      what is needed to compile it
#   demo       also what `make demo` and `make bench` run: go, dlv, sshd, node (the default)
#   check      also what `make check` runs: clang, the linters, cmocka, npm, and the npm packages of test/
#   vscode     like demo, and what `make e2e-vscode` runs: chromium, and what VS Code's native modules are built with
#   check-all  like check and vscode, and what `make check-all` runs: containers
# Does nothing if everything is installed. Runs apt-get as root, or with sudo.
set -eu
cd "$(dirname "$0")/.."

set_name=${1:-demo}
case $set_name in
build | demo | check | check-all | vscode) ;;
*)
    echo "usage: scripts/bootstrap.sh [build|demo|check|check-all|vscode]" >&2
    exit 2
    ;;
esac
# A non-login shell's PATH may lack these.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

missing=
want() {
    case " $missing " in
    *" $1 "*) ;;
    *) missing="${missing:+$missing }$1" ;;
    esac
}
# need_command PACKAGE COMMAND [PLACE...]: the command in PATH, or an executable at one of the places.
need_command() {
    package=$1
    shift
    ! command -v "$1" >/dev/null || return 0
    shift
    for place in "$@"; do
        [ ! -x "$place" ] || return 0
    done
    want "$package"
}
# need_library PACKAGE NAME: as pkg-config knows it.
need_library() {
    if ! command -v pkg-config >/dev/null || ! pkg-config --exists "$2"; then
        want "$1"
    fi
}
# need_file PACKAGE FILE...: any of the files.
need_file() {
    package=$1
    shift
    for file in "$@"; do
        [ ! -e "$file" ] || return 0
    done
    want "$package"
}

need_build() {
    need_command gcc gcc
    need_file libc6-dev /usr/include/stdio.h
    need_command make make
    need_command pkg-config pkg-config
    need_library libuv1-dev libuv
    need_library libjansson-dev jansson
    need_library libssh2-1-dev libssh2
    need_library libssl-dev libcrypto
    # The supervisor for other machines is linked statically: with musl it has a third of the size that it has with glibc.
    need_command musl-tools musl-gcc
}
need_demo() {
    # The places where the supervisor looks as well.
    need_command golang-go go /usr/local/go/bin/go "${HOME-}/go/bin/go" /usr/lib/go-*/bin/go
    need_command delve dlv "${HOME-}/go/bin/dlv"
    need_command openssh-server sshd
    need_command openssh-client ssh
    need_command nodejs node
}
need_check() {
    need_command git git
    need_command clang clang
    # Debian's name has the version in it; the package without one follows its default clang.
    need_file libclang-rt-dev "$(clang -print-resource-dir 2>/dev/null || echo /nonexistent)"/lib/linux/libclang_rt.fuzzer-*.a
    need_command clang-format clang-format
    need_command clang-tidy clang-tidy
    need_command cppcheck cppcheck
    need_command shellcheck shellcheck
    need_library libcmocka-dev cmocka
    need_command busybox busybox
    need_command tcsh tcsh
    need_other_architecture
    need_command npm npm
    need_command rsync rsync
    need_command procps ps
    need_command iproute2 ss
    need_command man-db man
    need_command groff-base groff
    # For its user manager; it need not be what runs the machine.
    need_file systemd /usr/lib/systemd/systemd /lib/systemd/systemd
    need_command bsdextrautils col
    # The shells that have completions.
    need_command zsh zsh
    need_command fish fish
    need_file bash-completion /usr/share/bash-completion/bash_completion
    need_command mmdebstrap mmdebstrap
}
# The supervisor for the other of the two usual architectures, and what runs it here.
need_other_architecture() {
    case $(uname -m) in
    aarch64) other=x86_64 cross=x86-64 libc=amd64 ;;
    *) other=aarch64 cross=aarch64 libc=arm64 ;;
    esac
    need_command "gcc-$cross-linux-gnu" "$other-linux-gnu-gcc"
    need_file "libc6-dev-$libc-cross" "/usr/$other-linux-gnu/lib/libc.a"
    need_command qemu-user-static "qemu-$other-static"
}
need_check_all() {
    need_command podman podman
    need_command catatonit catatonit # podman's --init
    need_command crun crun
    # With these podman gives containers a network of their own; which of them depends on its version.
    need_command iptables iptables
    need_command nftables nft
}
need_vscode() {
    need_command npm npm
    need_file chromium /usr/bin/chromium
    # Without any font chromium shows nothing.
    need_file fonts-dejavu-core /usr/share/fonts/*/*/*.[to]tf /usr/share/fonts/*/*.[to]tf
    need_command build-essential g++
    need_command python3 python3
    need_file libkrb5-dev /usr/include/gssapi/gssapi.h
    need_library libx11-dev x11
    need_library libxkbfile-dev xkbfile
    need_library libsecret-1-dev libsecret-1
}
find_missing() {
    missing=
    need_build
    [ "$set_name" = build ] || need_demo
    case $set_name in check | check-all) need_check ;; esac
    [ "$set_name" != check-all ] || need_check_all
    case $set_name in vscode | check-all) need_vscode ;; esac
}

fail() {
    printf 'bootstrap: %s\n' "$@" >&2
    exit 1
}

install_packages() {
    command -v apt-get >/dev/null || fail \
        "this is not a Debian system: there is no apt-get. Install what these Debian packages contain, then run this again:" "$missing"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "packages are missing, and you are not root and have no sudo. Run as root:" \
            "apt-get install $missing"
        as_root=sudo
        # Without a terminal, nobody could type the password that sudo asks for.
        [ -t 0 ] || sudo -n true 2>/dev/null || fail "packages are missing, and sudo asks for a password. Run:" \
            "sudo apt-get install $missing"
    fi
    echo "bootstrap: installing with ${as_root:+sudo }apt-get: $missing"
    case " $missing " in
    *" openssh-server "*)
        echo "bootstrap: openssh-server also starts Debian's sshd service; the tests and the demo do not use it"
        ;;
    esac
    $as_root apt-get update -q || fail "apt-get update failed, see its message above: check the network and /etc/apt/sources.list*"
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing || fail \
        "apt-get could not install: $missing" "See its message above; it needs the network."
    installed=$missing
    find_missing
    [ -z "$missing" ] || fail "apt-get installed $installed, but these are still missing: $missing"
}

# The npm packages are up to date if the lock file that npm left in node_modules is no older than the one in the tree.
install_npm() {
    stamp=test/node_modules/.package-lock.json
    if [ -e "$stamp" ] && [ -z "$(find test/package-lock.json -newer "$stamp")" ]; then
        return 0
    fi
    echo "bootstrap: installing the npm packages of test/package-lock.json into test/node_modules"
    npm --prefix test ci --no-audit --no-fund || fail "npm ci failed in test/, see its message above; it needs the network"
    touch "$stamp"
}

find_missing
[ -z "$missing" ] || install_packages
case $set_name in check | check-all | vscode) install_npm ;; esac
