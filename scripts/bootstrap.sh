#!/bin/sh
# Installs what delvegate needs on Debian 12 and 13:  scripts/bootstrap.sh [build|demo|check|check-all|vscode]
#   build  to compile it
#   demo   build, and what `make demo` and `make bench` run: go, dlv, sshd, node (the default)
#   check  demo, and what `make check` runs: clang, the linters, cmocka, npm, and the npm packages of test/
#   check-all  check, vscode, and what `make check-all` runs besides: containers
#   vscode  demo, and what `make e2e-vscode` runs: chromium, and what VS Code's native modules are built with
# Does nothing when all is there. Uses apt-get as root, or by sudo.
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
    # A supervisor for ssh targets is linked statically: musl's is a tenth of glibc's.
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
        "this is no Debian system; install what these Debian packages hold, then run this again:" "$missing"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "packages are missing, and you are neither root nor have sudo. Run as root:" \
            "apt-get install $missing"
        as_root=sudo
        # Without a terminal sudo could only wait for a password that nobody types.
        [ -t 0 ] || sudo -n true 2>/dev/null || fail "packages are missing, and sudo asks for a password. Run:" \
            "sudo apt-get install $missing"
    fi
    echo "bootstrap: installing with apt-get${as_root:+ (by sudo)}: $missing"
    case " $missing " in
    *" openssh-server "*)
        echo "bootstrap: openssh-server brings Debian's own sshd service along; the tests and the demo do not use it"
        ;;
    esac
    $as_root apt-get update -q || fail "apt-get update failed: is the network up, and are /etc/apt/sources.list* right?"
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing || fail \
        "apt-get could not install: $missing" "See its message above; without a network nothing can be installed."
    installed=$missing
    find_missing
    [ -z "$missing" ] || fail "apt-get installed $installed, and still there is no: $missing"
}

# The npm packages are there when the lock file npm left in node_modules is no older than the one in the tree.
install_npm() {
    stamp=test/node_modules/.package-lock.json
    if [ -e "$stamp" ] && [ -z "$(find test/package-lock.json -newer "$stamp")" ]; then
        return 0
    fi
    echo "bootstrap: installing the npm packages of test/package-lock.json in test/node_modules"
    npm --prefix test ci --no-audit --no-fund || fail "npm ci failed in test/: see its message above; it needs a network"
    touch "$stamp"
}

find_missing
[ -z "$missing" ] || install_packages
case $set_name in check | check-all | vscode) install_npm ;; esac
