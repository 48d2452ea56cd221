#!/bin/sh
# Becomes the supervisor of this very build, which comes on stdin where it is missing. Arguments: CLIENT NONCE HELLO
# ARCHITECTURE:HASH:SIZE:CRC... What is on stdin: a line that is NONCE, HELLO bytes; the program after `need`, all again
# after `got`. delve/bootstrap.c makes one line of this, for login shells of all kinds: no apostrophe, backslash or
# exclamation mark in it; a line goes on where it ends with {, do, then, && or ||. Its environment is the program's.
# shellcheck disable=SC2015,SC2034,SC2046,SC2048,SC2086 # words are split, and not expanded
dg_client=$1 dg_nonce=$2 dg_hello=$3 dg_why="" dg_kind=dir dg_hash="" dg_found="" dg_uid=$(id -u) dg_arch=$(uname -m)
shift 3 && set -f
dg_say() { set -- $* && printf %s "delvegate $dg_nonce $*" && echo; }
dg_fail() { rm -f "$dg_new" 2>/dev/null || true && dg_say error "$@" && exit 1; }
dg_whole() {
    [ -f "$1" ] && [ -x "$1" ] || return 1
    case $(cksum <"$1" 2>/dev/null)/$(sha256sum <"$1" 2>/dev/null) in "$dg_crc $dg_size"*/ | "$dg_crc $dg_size"*/"$dg_hash "* | /"$dg_hash "*) ;; *) return 1 ;; esac
    dg_error=$("$1" version 2>&1 >/dev/null </dev/null)
}
dg_own() {
    [ -d "$1" ] || mkdir -m 700 "$1" || [ -d "$1" ] || return 1
    case $(LC_ALL=C ls -ldn "${1%/*}/") in d???????w[-x]*) echo "others could replace it: the parent directory is not sticky" && return 1 ;; esac
    set -- $(LC_ALL=C ls -ldn "$1")
    case "$3 $1" in "$dg_uid drwx------"*) ;; *) echo "not a directory that only this user can access (mode 0700)" && return 1 ;; esac
}
# Where the kernel lets a file without #! run, the shell runs it.
dg_try() {
    dg_error=$(dd if=/dev/zero of="$1" bs=4096 count=$((dg_size / 4096 + 16)) 2>&1) || { echo "$dg_error" | head -n 1 && return 1; }
    echo "exit 0" >"$1" && chmod 700 "$1" && "$1" </dev/null 2>/dev/null || { echo "programs in it cannot be run (mounted noexec?)" && return 1; }
}
dg_place() {
    dg_bin=$1/bin dg_file=$1/bin/$dg_hash dg_new=$1/bin/$dg_hash.$dg_nonce
    case $1 in /run/user/*) dg_error="/run/user is emptied at logout" ;; /*) dg_error=$({ { [ -d "${1%/*}" ] || mkdir -p "${1%/*}"; } && dg_own "$1" && dg_own "$dg_bin"; } 2>&1) && dg_found=new ;; *) dg_error="not an absolute path" ;; esac
    [ -n "$dg_found" ] && dg_whole "$dg_file" && dg_found=whole && return
    [ -n "$dg_found" ] && dg_error=$(LC_ALL=C dg_try "$dg_new" 2>&1) && return
    dg_found="" && rm -f "$dg_new" 2>/dev/null
    case $dg_error in *noexec*) dg_kind=noexec ;; *"o space"* | *uota*) dg_kind=disk ;; esac
    dg_why="$dg_why; $1: ${dg_error:-cannot be used}" && return 1
}
dg_take() {
    while read -r dg_line; do [ "$dg_line" = "$dg_nonce" ] && break; done
    dd bs=1 count="$dg_hello" >/dev/null 2>&1
    dg_read="head -c" && echo | head -c 1 >/dev/null 2>&1 || dg_read="dd bs=1 count="
    for dg_round in 1 2; do
        dg_say need "$dg_arch"
        dg_error=$({ $dg_read$dg_size >"$dg_new" && chmod 700 "$dg_new"; } 2>&1) || dg_fail disk "$dg_bin: $dg_error"
        dg_error="" && dg_whole "$dg_new" && dg_error=$(mv -f "$dg_new" "$dg_file" 2>&1) && dg_say got && return
    done
    [ -z "$dg_error" ] || dg_fail run "$dg_file: $dg_error"
    dg_fail sum "$dg_file"
}
case $dg_arch in i?86) dg_arch=i686 ;; amd64) dg_arch=x86_64 ;; arm64) dg_arch=aarch64 ;; esac
for dg_entry; do
    case $dg_entry in "$dg_arch":*) dg_crc=${dg_entry##*:} && dg_entry=${dg_entry%:*} && dg_size=${dg_entry##*:} && dg_entry=${dg_entry%:*} && dg_hash=${dg_entry##*:} ;; esac
done
[ -n "$dg_hash" ] || dg_fail arch "$dg_arch"
dg_cache=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}} && [ -n "${HOME-}" ] || dg_why="; HOME is not set"
for dg_entry in ${dg_cache:+"$dg_cache/delvegate"} ${HOME:+"$HOME/.delvegate"} "${TMPDIR:-/tmp}/delvegate-$dg_uid"; do dg_place "$dg_entry" && break; done
[ -n "$dg_found" ] || dg_fail "$dg_kind" "${dg_why#; }"
[ "$dg_found" = whole ] || dg_take
touch "$dg_file" 2>/dev/null
find "$dg_bin" -type f -mtime +30 -exec rm -f {} ";" 2>/dev/null
exec "$dg_file" door "$dg_client" "$dg_nonce"
