#!/bin/sh
# How the supervisor gets to a Go machine: under every login shell, into every place, past every obstacle.
# shellcheck source=test/supervisor/lib.sh
. "$(dirname "$0")/lib.sh"

p="$supervisor $hash c1"
cached=$work/home/.cache/delvegate/bin/$hash

# --- login shells, with the script in the command line and on stdin
for shell in bash dash zsh fish tcsh 'busybox sh' mksh ksh yash; do
    if ! command -v "${shell%% *}" >/dev/null; then
        skip "$shell" "it is not installed"
        continue
    fi
    fresh
    # shellcheck disable=SC2086
    {
        run line $p $shell -c
        says "$shell as login shell: the program is sent" '^need' '^up ' "^dir $work/home/.cache/delvegate/" '^sent 1 '
        run line $p $shell -c
        says "$shell as login shell: it is there" '^up ' '^sent 0 '
        case $shell in fish | tcsh) continue ;; esac
        fresh
        run script $p $shell
        says "$shell with the script on stdin: the program is sent" '^need' '^up ' '^sent 1 '
        run script $p $shell
        says "$shell with the script on stdin: it is there" '^up ' '^sent 0 '
    }
done
fresh
run line $p sh -c
[ "$(stat -c '%a %a' "$cached")$(stat -c %a "${cached%/*}" "${cached%/*/*}" | tr '\n' ' ')" = '700 700700 700 ' ]
count $? "program and directories are of this user alone"
find "$work/home" -mindepth 1 | grep -vE '^[^ ]*/\.cache(/delvegate(/bin(/'"$hash"')?|/[0-9a-f]{16}(/[^/]*)?)?)?$' >"$work/out"
[ ! -s "$work/out" ]
count $? "nothing else is written"

# --- noise
printf '#!/bin/sh\necho Welcome; echo "delvegate 0 error disk lies"; head -c 300000 /dev/zero | tr "\\0" "x"; printf "no newline"\nexec sh -c "$1"\n' >"$work/noisy"
printf '#!/bin/sh\necho Welcome; printf "no newline"\nexec sh\n' >"$work/noisy_stdin"
chmod +x "$work/noisy" "$work/noisy_stdin"
run line $p "$work/noisy"
says 'noise of a login shell' '^up ' '^sent 0 '
fresh
run line $p "$work/noisy"
says 'noise of a login shell, before the program is sent' '^up ' '^sent 1 '
fresh
run script $p "$work/noisy_stdin"
says 'noise before a script on stdin' '^up ' '^sent 1 '

# --- shells that refuse
run line $p rbash -c
says 'a restricted shell' '^error The login shell on testhost is restricted and .*exec: restricted.*ordinary login shell'
printf '#!/bin/sh\necho "This account is currently not available."\nexit 1\n' >"$work/nologin"
chmod +x "$work/nologin"
run line $p "$work/nologin"
says 'an account without a login shell' '^error The shell on testhost ended before .*"This account is currently not available."'

# --- places
fresh
run line arch=sparc64 $p sh -c
says 'an architecture that is not in it' "^error testhost has a processor of type $(uname -m),.* for sparc64; build delvegate with .make SUPERVISORS=\"sparc64 $(uname -m)\"" '^sent 0 '
run line $p env -u HOME sh -c
says 'no HOME' '^up ' "^dir $work/tmp/delvegate-$(id -u)/"
TMPDIR=$work/nowhere/./../nowhere run line $p env -u HOME TMPDIR=relative sh -c
says 'no HOME, and no other place' '^error On testhost there is no usable directory for the supervisor \(HOME is not set; relative/delvegate-[0-9]*: not an absolute path\); make one'
fresh
run line $p env XDG_CACHE_HOME=/run/user/4711 sh -c
says 'never below /run/user' '^up ' "^dir $work/home/.delvegate/"
fresh
run line $p env XDG_CACHE_HOME="$work/home/my  cache *" sh -c
says 'XDG_CACHE_HOME with blanks' '^up ' "^dir $work/home/my  cache \*/delvegate/"
fresh
mkdir -p "$work/home/.cache" "$work/home/other"
chmod 700 "$work/home/other"
ln -s "$work/home/other" "$work/home/.cache/delvegate"
run line $p sh -c
says 'a symbolic link is refused' '^up ' "^dir $work/home/.delvegate/"
[ -z "$(ls "$work/home/other")" ]
count $? '... and nothing is put behind it'
fresh
mkdir -p "$work/home/.cache/delvegate" "$work/home/.delvegate"
chmod 755 "$work/home/.cache/delvegate" "$work/home/.delvegate"
run line $p sh -c
says 'a directory that others may read is refused' '^up ' "^dir $work/tmp/delvegate-"
chmod 777 "$work/tmp"
end_supervisors
rm -rf "$work/tmp/delvegate-$(id -u)"
run line $p sh -c
says 'a directory that others may replace is refused' '^error On testhost there is no usable directory.*/tmp/delvegate-[0-9]*: others could replace it'
fresh
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$work/home/.cache/delvegate"
    chmod 700 "$work/home/.cache/delvegate"
    chown 4711 "$work/home/.cache/delvegate"
    run line $p sh -c
    says "another user's directory is refused" '^up ' "^dir $work/home/.delvegate/"
else
    skip "another user's directory is refused" 'not root'
fi

# with_tmpfs OPTIONS: mounts one on $work/small.
with_tmpfs() {
    mkdir -p "$work/small"
    mount -t tmpfs -o "mode=700,$1" tmpfs "$work/small" 2>/dev/null && mounted=$work/small
}
without_tmpfs() {
    end_supervisors
    until_true 10 umount "$work/small" 2>/dev/null
    mounted=
}
fresh
if with_tmpfs size=96k; then
    run line $p env XDG_CACHE_HOME="$work/small" HOME="$work/small" TMPDIR="$work/small" sh -c
    says 'a full disk' '^error On testhost the disk is full: .*/small/delvegate: .*No space left on device.*; free some space on that disk' '^sent 0 '
    [ -z "$(find "$work/small" -type f)" ]
    count $? '... and nothing is left there'
    run line $p env XDG_CACHE_HOME="$work/small" sh -c
    says 'a full disk, and another place' '^up ' '^sent 1 '
    without_tmpfs
    with_tmpfs noexec
    run line $p env XDG_CACHE_HOME="$work/small" HOME="$work/small" TMPDIR="$work/small" sh -c
    says 'a place where programs cannot run' '^error On testhost programs cannot be run in any directory .*what Delve builds .*mounted noexec' '^sent 0 '
    run line $p env XDG_CACHE_HOME="$work/small" sh -c
    says 'a place where programs cannot run, and another one' '^up ' "^dir $work/home/.delvegate/"
    without_tmpfs
else
    skip 'full disk, noexec' 'no tmpfs can be mounted'
fi

# --- the cached program
fresh
run line $p sh -c
end_supervisors
# A new file: the old one may be running still.
change() { cp "$cached" "$work/changed" && "$@" && mv "$work/changed" "$cached"; }
damage() { printf 'x' | dd of="$work/changed" bs=1 seek=5000 conv=notrunc 2>/dev/null; }
change damage
run line $p sh -c
says 'a corrupt cached program is replaced' '^need' '^up ' '^sent 1 '
cmp -s "$supervisor" "$cached"
count $? '... by a good one'
end_supervisors
change truncate -s 1000 "$work/changed"
run script $p sh
says 'a cached program that was cut is replaced' '^up ' '^sent 1 '
chmod 600 "$cached"
run line $p sh -c
says 'a cached program that may not run is replaced' '^up ' '^sent 1 '
fresh
run line damage=1 $p sh -c
says 'one that arrives damaged is sent once more' '^up ' '^sent 2 '
fresh
run line damage=2 $p sh -c
says 'one that arrives damaged twice' '^error On testhost the supervisor arrived damaged, twice \('"$cached"'\)' '^sent 2 '
[ -z "$(find "$work/home" -type f)" ]
count $? '... and is not left there'
run line $p sh -c
for days in 29 31; do
    echo old >"${cached%/*}/old$days"
    touch -d "$days days ago" "${cached%/*}/old$days"
done
touch -d '40 days ago' "$cached"
run line $p sh -c
says 'after 40 days' '^up ' '^sent 0 '
[ -f "${cached%/*}/old29" ] && [ ! -f "${cached%/*}/old31" ]
count $? 'programs without use are removed after 30 days'
[ -n "$(find "$cached" -mtime -1)" ]
count $? 'a start counts as use'

# --- tools that are missing
mkdir "$work/bin"
for tool in sh uname id ls mkdir dd rm chmod mv touch find cksum env sleep; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
fresh
run line $p env PATH="$work/bin" sh -c
says 'without head and sha256sum' '^up ' '^sent 1 '
fresh
run line damage=2 $p env PATH="$work/bin" sh -c
says '... damage is found by cksum' '^error On testhost the supervisor arrived damaged, twice'
rm "$work/bin/cksum"
ln -s "$(command -v sha256sum)" "$work/bin/sha256sum"
run line $p env PATH="$work/bin" sh -c
says 'without head and cksum' '^up ' '^sent 1 '

# --- at the same time
fresh
both() { # CLIENT CLIENT
    for client; do
        timeout 60 "$reach" once line "$supervisor" "$hash" "$client" sh -c </dev/zero >"$work/out_$client" 2>&1 &
        pids="$pids $!"
    done
    wait
    pids=
    for client; do cat "$work/out_$client"; done >"$work/out"
}
both a b c d e f
[ "$(grep -c '^up ' "$work/out")" = 6 ]
count $? 'six delvegates at once get there'
[ "$(supervisors | wc -l)" = 6 ]
count $? '... each with a supervisor of its own'
cmp -s "$supervisor" "$cached" && [ "$(find "${cached%/*}" -type f | wc -l)" = 1 ]
count $? '... and one program is there'

finish
