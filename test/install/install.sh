#!/usr/bin/env bash
# `make install` and `make uninstall` by an ordinary user, from a copy of the tree that is gone when the program runs.
#   test/install/install.sh
# KEEP=1 keeps the directory with all that was made.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
TMP=$(mktemp -d) || exit 1
finish() {
    local pid
    for pid in $(jobs -p); do
        kill "$pid"
    done
    [ -n "${KEEP-}" ] || rm -rf "$TMP"
}
trap finish EXIT
TREE=$TMP/tree
# shellcheck source=test/install/lib.sh
. test/install/lib.sh
# shellcheck source=test/install/shells.sh
. test/install/shells.sh
# shellcheck source=test/install/quickstart.sh
. test/install/quickstart.sh
# What a make above us was told is not for the one below.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR PREFIX
mkfifo "$TMP/never"

prepare() {
    mkdir "$TREE" "$TMP/home" &&
        cp -r Makefile LICENSE README.md config dap delve proxy scripts "$TREE" || exit 1
    chmod 755 "$TMP"
    give "$TREE" "$TMP/home"
    if ! as_user make -C "$TREE" -j2 all >"$TMP/build.log" 2>&1; then
        tail -n 20 "$TMP/build.log"
        echo "FAIL the tree is built by an ordinary user"
        echo "0 passed, 1 failed"
        exit 1
    fi
}
make_tree() {
    try_make "$@" || {
        tail -n 20 "$TMP/make.log"
        return 1
    }
}
try_make() {
    as_user make -C "$TREE" "$@" >"$TMP/make.log" 2>&1
}
new_destination() { # NAME
    DEST=$TMP/$1
    mkdir -m 755 "$DEST"
    give "$DEST"
}

CONFIGURATION='{ "targets": { "alpha": { "listen": 4711 }, "beta": { "listen": 4712 } } }'
WANTED='755 bin/delvegate
644 lib/systemd/user/delvegate.service
644 lib/systemd/user/delvegate.socket
755 libexec/delvegate/supervisor
644 share/bash-completion/completions/delvegate
644 share/delvegate/config.schema.json
644 share/delvegate/installed-directories
644 share/doc/delvegate/LICENSE
644 share/doc/delvegate/README.md
644 share/doc/delvegate/examples/config.json
644 share/doc/delvegate/examples/hardening.conf
644 share/fish/vendor_completions.d/delvegate.fish
644 share/man/man1/delvegate.1
644 share/man/man5/delvegate.json.5
644 share/man/man7/delvegate-recovery.7
644 share/zsh/site-functions/_delvegate'

case_fresh() {
    new_destination "a fresh root"
    check "install into a DESTDIR" as_user sh -c "cd '$TREE' && umask 077 && make install DESTDIR='$DEST' >make.log"
    check "each file where it belongs, with its mode" same "$(list_files "$DEST/usr/local")" "$WANTED"
    check "directories are for everybody, whatever the umask" same "$(find "$DEST" -type d ! -perm 755)" ''
    check "nothing is outside the prefix" same "$(find "$DEST" -type f ! -path "$DEST/usr/local/*")" ''
    check "no file names DESTDIR" same "$(grep -rlF -- "$DEST" "$DEST")" ''
    check "no file names the tree" same "$(grep -rlF -- "$TREE" "$DEST")" ''
    check "the unit starts the program" has "$(grep ExecStart= "$DEST/usr/local/lib/systemd/user/delvegate.service")" \
        'ExecStart=/usr/local/bin/delvegate'
    check "uninstall" make_tree uninstall "DESTDIR=$DEST"
    check "nothing is left" same "$(list "$DEST")" ''
}

# What was there before stays: files of others, directories that are empty, and what a user has put among ours.
case_shared() {
    local before
    new_destination shared
    as_user mkdir -p "$DEST/usr/share/man/man1" "$DEST/usr/share/man/man5" "$DEST/usr/share/doc/delvegate" \
        "$DEST/usr/lib/systemd/user" "$DEST/usr/bin" "$DEST/etc/xdg/delvegate"
    as_user sh -c "cd '$DEST' && echo other >usr/share/man/man1/other.1 && echo mine >usr/share/doc/delvegate/NOTES &&
        echo delvegated >usr/bin/delvegated && echo '{}' >etc/xdg/delvegate/config.json && chmod 700 usr/share/doc/delvegate"
    before=$(list "$DEST")
    check "install beside files of others" make_tree install "DESTDIR=$DEST" PREFIX=/usr
    check "a second time" make_tree install "DESTDIR=$DEST" PREFIX=/usr
    check "the files of others are as they were" same "$(list "$DEST" | grep -E 'other.1|NOTES|delvegated|etc/xdg|doc/delvegate$')" \
        "$(grep -E 'other.1|NOTES|delvegated|etc/xdg|doc/delvegate$' <<<"$before")"
    check "uninstall" make_tree uninstall "DESTDIR=$DEST" PREFIX=/usr
    check "the list of files is as before" same "$(list "$DEST")" "$before"
    check "uninstalling what is not installed does nothing" make_tree uninstall "DESTDIR=$DEST" PREFIX=/usr
    check "and the list is as before" same "$(list "$DEST")" "$before"

    make_tree install "DESTDIR=$DEST" PREFIX=/usr
    as_user sh -c "echo own >'$DEST/usr/share/delvegate/own.json'"
    check "uninstall with a user's file among ours" make_tree uninstall "DESTDIR=$DEST" PREFIX=/usr
    check "it stays, and nothing else" same "$(list "$DEST" | grep share/delvegate | sed 's,.*  \./,,')" \
        'd 755 usr/share/delvegate
f 644 usr/share/delvegate/own.json
usr/share/delvegate/own.json'
}

# Every directory variable moves what it names, and only that.
case_variables() {
    local v where
    while read -r v where; do
        new_destination "variable $v"
        check "$v" make_tree install "DESTDIR=$DEST" "$v=/other/place"
        check "$v moves what it names" same "$(cd "$DEST/other/place" && find . ! -type d | LC_ALL=C sort | tr '\n' ' ')" "$where "
        check "$v leaves the rest" same "$(($(find "$DEST/other" -type f | wc -l) + $(find "$DEST/usr/local" -type f 2>/dev/null | wc -l)))" \
            "$(wc -l <<<"$WANTED")"
        make_tree uninstall "DESTDIR=$DEST" "$v=/other/place"
        check "uninstall follows $v" same "$(list "$DEST")" ''
    done <<'END'
bindir ./delvegate ./delvegate-supervisor
mandir ./man1/delvegate.1 ./man5/delvegate.json.5 ./man7/delvegate-recovery.7
man1dir ./delvegate.1
man5dir ./delvegate.json.5
man7dir ./delvegate-recovery.7
docdir ./LICENSE ./README.md ./examples/config.json ./examples/hardening.conf
exec_prefix ./bin/delvegate ./libexec/delvegate/supervisor
libexecdir ./delvegate/supervisor
pkglibexecdir ./supervisor
systemduserunitdir ./delvegate.service ./delvegate.socket
bashcompletiondir ./delvegate
zshcompletiondir ./_delvegate
fishcompletiondir ./delvegate.fish
END
    new_destination prefix
    check "prefix, as GNU writes it" make_tree install "DESTDIR=$DEST" prefix=/opt/d
    check "is PREFIX" same "$(list_files "$DEST/opt/d")" "$WANTED"
    new_destination "data root"
    make_tree install "DESTDIR=$DEST" PREFIX=/usr datarootdir=/data
    check "datarootdir moves all that is shared" same "$(list_files "$DEST/data" | sed 's, , share/,')" "$(grep share/ <<<"$WANTED")"
    new_destination relative
    for v in PREFIX=usr 'prefix=usr bindir=/usr/bin' mandir=man bindir=; do
        # shellcheck disable=SC2086 # more than one word
        check "$v, which is not absolute, is refused" not try_make install "DESTDIR=$DEST" $v
        check "in a line that names the variable" has "$(cat "$TMP/make.log")" '*must be absolute paths, but *dir is *'
        # shellcheck disable=SC2086
        check "uninstall refuses it too" not try_make uninstall "DESTDIR=$DEST" $v
    done
    check "and nothing is installed" same "$(list "$DEST")" ''
}

# Blanks and what sed, make, the shell and systemd take for their own.
case_names() {
    local prefix='/opt/50% of d&r|x' v
    new_destination "it's \"a\" root"
    check "a PREFIX with blanks and quotes" make_tree install "DESTDIR=$DEST" "PREFIX=$prefix"
    check "holds all" same "$(list_files "$DEST$prefix")" "$WANTED"
    check "its unit starts one word" has "$(cat "$DEST$prefix/lib/systemd/user/delvegate.service")" \
        '*ExecStart=/opt/50%%\\x20of\\x20d&r|x/bin/delvegate'$'\n*'
    check "uninstall" make_tree uninstall "DESTDIR=$DEST" "PREFIX=$prefix"
    check "nothing is left of it" same "$(list "$DEST")" ''
    new_destination "a place"
    make_tree install "PREFIX=$DEST$prefix"
    verify "systemd finds the program there" "$DEST$prefix/lib/systemd/user" "$DEST$prefix/share/man"
    make_tree uninstall "PREFIX=$DEST$prefix"
    check "and nothing is left" same "$(list "$DEST")" ''
    for v in "it's" 'a"b' 'a\b'; do
        check "a place that systemd starts nothing from is refused: $v" not try_make install "PREFIX=$DEST/$v"
        check "in a line that says so" has "$(cat "$TMP/make.log")" '*systemd starts no program *bindir is *'
    done
    check "with nothing installed" same "$(list "$DEST")" ''
}

# Compilers of some distributions define _FORTIFY_SOURCE, and so do callers.
case_fortify() {
    local v
    for v in "CC=${CC:-gcc} -D_FORTIFY_SOURCE=3" CPPFLAGS=-D_FORTIFY_SOURCE=3 "CFLAGS=-O2 -D_FORTIFY_SOURCE=3"; do
        check "it is built with $v" make_tree BUILD=build/fortify "$v" build/fortify/dap/err.o
    done
}

# What the compiler takes of it, and no more: another architecture's has less.
case_hardening() {
    local cc=${CC:-gcc} flag producer
    producer=$(readelf --debug-dump=info "$TREE/build/release/proxy/cli/main.o" | grep -m 1 DW_AT_producer)
    for flag in -fstack-clash-protection -fcf-protection; do
        if $cc -Werror $flag -x c -c -o /dev/null - </dev/null 2>/dev/null; then
            # clang does not note its flags.
            [[ $producer != *GNU\ C* ]] || check "it is built with $flag" has "$producer" "* $flag*"
        else
            skip "it is built with $flag" "$cc does not take it"
        fi
    done
    check "its symbols are bound at the start" has "$(readelf -dW "$TREE/build/delvegate")" '*NOW*'
    printf '#!/bin/sh\ncase " $* " in *" -fcf-protection "*) echo "not on this target" >&2; exit 1 ;; esac\nexec %s "$@"\n' "$cc" >"$TMP/poor-cc"
    chmod 755 "$TMP/poor-cc"
    check "it is built by a compiler that lacks one" make_tree BUILD=build/poor "CC=$TMP/poor-cc" build/poor/dap/err.o
    check "with the other" has "$(readelf --debug-dump=info "$TREE/build/poor/dap/err.o" | grep -m 1 DW_AT_producer)" \
        "$([[ $producer != *GNU\ C* ]] || echo '* -fstack-clash-protection')*"
}

# Whoever installs it may have a compiler that warns of more; whoever works on it sets WERROR.
case_warnings() {
    local command
    command=$(as_user make -C "$TREE" -n V=1 BUILD=build/warnings build/warnings/dap/err.o)
    check "it is built with warnings" has "$command" '* -Wall *-Wmissing-prototypes *'
    check "which are no errors" lacks "$command" '* -Werror *'
    command=$(as_user make -C "$TREE" -n V=1 BUILD=build/warnings WERROR=1 build/warnings/dap/err.o)
    check "but with WERROR=1" has "$command" '* -Werror *'
}

case_make_help() {
    local text target
    text=$(as_user make -C "$TREE" help)
    check "make help ends well" same $? 0
    for target in install uninstall check check-all check-unit check-e2e fuzz lint e2e-vscode demo bench dist feature format clean; do
        check "make help tells of $target" grep -qw -- "$target" <<<"$text"
        check "which there is" grep -qE "^$target:" "$TREE/Makefile"
    done
}

case_unwritable() {
    new_destination unwritable
    as_user mkdir "$DEST/usr"
    chmod 555 "$DEST/usr"
    check "a place that cannot be written is refused" not try_make install "DESTDIR=$DEST"
    check "in a line that says what to do" has "$(cat "$TMP/make.log")" \
        "*make install: * cannot write to $DEST/usr: run \`sudo make install\`, or*"
    check "a place without a way to it too" not try_make install "DESTDIR=$DEST" PREFIX=/usr/a/b bindir=/bin
    check "and nothing is made" same "$(cd "$DEST" && find . -mindepth 1)" ./usr
    chmod 755 "$DEST/usr"
}

# Who installs need not be who has built: nothing is built again then, whatever flags it was built with.
case_other_user() {
    local flags=$TREE/build/release/flags log=$TMP/root.log
    if [ "$(id -u)" -ne 0 ]; then
        skip "root installs what a user has built" "it needs root"
        return
    fi
    new_destination "of root"
    as_user sh -c "echo 'other flags' >'$flags' && touch -r '$TREE/Makefile' '$flags'"
    check "root installs what a user has built" env -u CC -u CPPFLAGS -u CFLAGS -u LDFLAGS \
        make -C "$TREE" install "DESTDIR=$DEST" >"$log" 2>&1
    check "nothing is built again" same "$(grep '^CC' "$log")" ''
    check "no file in the tree becomes root's" same "$(find "$TREE" -user root)" ''
    chown -R root: "$TREE"
    new_destination "of a user"
    check "a user installs what root has built" make_tree install "DESTDIR=$DEST"
    check "whole" same "$(list_files "$DEST/usr/local")" "$WANTED"
    give "$TREE"
}

# A command of README's part about the service, as it stands there.
readme_command() { # EXPRESSION that prints it
    sed -n "/^## Run it as a service/,/^## Run it in/$1" README.md
}
case_readme() {
    local command
    command=$(readme_command 's/^    sudo \(make install\)  *#.*/\1/p')
    check "README has sudo make install" same "$command" 'make install'
    check "its quick start ends the build with the same" has "$(quick_start_commands scripts/bootstrap.sh)" "* && sudo $command"
    if ! unshare -m true 2>/dev/null; then
        skip "README's sudo make install" "no private mount namespace can be made here (only root can make one, and not in a chroot)"
        return
    fi
    # In an /usr/local of its own, with the environment that sudo leaves.
    check "README's sudo make install" unshare -m env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -ec "
        mount -t tmpfs -o mode=755 none /usr/local
        if [ -d /etc/fish ]; then mount -t tmpfs -o mode=755 none /etc/fish; fi
        cd '$TREE'
        $command >'$TMP/readme.log' 2>&1
        (cd /usr/local && find . -type f -printf '%m %P\n' | LC_ALL=C sort -k 2) >'$TMP/readme.list'
        /usr/local/bin/delvegate --version >'$TMP/readme.version'
        if command -v fish >/dev/null; then
            HOME='$TMP/fish-home' PATH=/usr/local/bin:\$PATH fish -c 'complete -C \"delvegate check-e\"' >'$TMP/readme.fish' 2>&1
        fi
        make uninstall >>'$TMP/readme.log' 2>&1
        ls -A /usr/local >'$TMP/readme.left'
        find /etc/fish -type l >>'$TMP/readme.left' 2>/dev/null || :"
    if [ -e "$TMP/readme.fish" ]; then
        check "where fish finds its completions, whatever XDG_DATA_DIRS is" has "$(cat "$TMP/readme.fish")" 'check-env*'
    else
        skip "fish finds its completions below /usr/local" "it is not installed"
    fi
    check "puts all below /usr/local" same "$(cat "$TMP/readme.list")" "$WANTED"
    check "where the program runs" has "$(cat "$TMP/readme.version")" 'delvegate [0-9]*'
    check "and make uninstall takes it away" same "$(cat "$TMP/readme.left")" ''
}

# In a home, without DESTDIR: what ordinary users do. Its installation is what the rest looks at.
case_home() {
    HERE=$TMP/home/.local
    as_user sh -c 'mkdir -p ~/.config/delvegate && cat >~/.config/delvegate/config.json' <<<"$CONFIGURATION"
    OWN=$(list "$TMP/home")
    check "install in a home, as README says" as_user sh -c "cd '$TREE' &&
        $(readme_command 's/.*# or, for yourself alone: //p') >make.log 2>&1"
    check "the example names the schema that was installed" has "$(cat "$HERE/share/doc/delvegate/examples/config.json")" \
        "*\"\$schema\": \"$HERE/share/delvegate/config.schema.json\"*"
    check "a place where systemd looks needs no word" lacks "$(cat "$TREE/make.log")" '*systemd does not look*'
    check "systemd finds the units there" same "$(cd "$TMP/home" && find . -name 'delvegate.s*' | LC_ALL=C sort)" \
        './.local/share/systemd/user/delvegate.service
./.local/share/systemd/user/delvegate.socket'
    check "and they start the program there" has "$(cat "$HERE/share/systemd/user/delvegate.service")" \
        "*ExecStart=$HERE/bin/delvegate"$'\n*'
    check "delvegate finds the supervisor there" has "$(installed --version)" \
        "*supervisor here: $HERE/libexec/delvegate/supervisor"
    check "install in directories of all kinds" make_tree install "PREFIX=$TMP/home/opt" "bindir=$TMP/home/opt/a/b" \
        "libexecdir=$TMP/home/opt/c d"
    check "delvegate finds the supervisor in them" has "$("${AS_USER[@]}" "$TMP/home/opt/a/b/delvegate" --version)" \
        "*supervisor here: $TMP/home/opt/a/b/delvegate-supervisor"
    check "which is the one that was installed" same "$(readlink "$TMP/home/opt/a/b/delvegate-supervisor")" \
        "$TMP/home/opt/c d/delvegate/supervisor"
    make_tree uninstall "PREFIX=$TMP/home/opt" "bindir=$TMP/home/opt/a/b" "libexecdir=$TMP/home/opt/c d"
    check "and uninstall takes all of them away" not test -e "$TMP/home/opt"
    check "install in another directory" make_tree install "PREFIX=$TMP/home/opt"
    check "says what to do about the units" has "$(cat "$TMP/make.log")" "*systemctl --user link '$TMP/home/opt/lib/systemd/user/'*"
    make_tree uninstall "PREFIX=$TMP/home/opt"
    verify "systemd-analyze verifies the units" "$HERE/share/systemd/user" "$HERE/share/man"
}
verify() { # WHAT UNITS MANUAL
    if command -v systemd-analyze >/dev/null; then
        check "$1" verify_units "$2" "$3"
    else
        skip "$1" "there is no systemd-analyze"
    fi
}
verify_units() { # UNITS MANUAL
    local said
    mkdir -p "$TMP/runtime" && give "$TMP/runtime"
    # It looks for the manual pages too.
    said=$(as_user env MANPATH="$2:" XDG_RUNTIME_DIR="$TMP/runtime" systemd-analyze --user verify \
        "$1/delvegate.service" "$1/delvegate.socket" 2>&1) &&
        same "$(grep delvegate <<<"$said")" ''
}

installed() {
    as_user "$HERE/bin/delvegate" "$@"
}
# A port that nothing listens on: the kernel's own choice a moment ago.
free_port() {
    node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

case_run() {
    local port pid answer='' body='{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"go"}}' status
    check "the program runs without its tree" has "$(installed --version)" 'delvegate [0-9]*'
    check "it reads the user's configuration" same "$(installed --check-config)" \
        $'alpha: 127.0.0.1:4711 -> this machine\nbeta: 127.0.0.1:4712 -> this machine'
    check "and says where that is" same "$(installed --check-config 2>&1 >/dev/null)" \
        "$TMP/home/.config/delvegate/config.json: the configuration is valid"
    check "without a git tree there is no commit" same "$(installed version | head -n 1 | tr -d 0-9)" 'delvegate ..'
    check "the schema is the one that it prints" same "$(installed --print-schema)" "$(cat "$HERE/share/delvegate/config.schema.json")"
    check "the manual page is the one that it prints" same "$(installed --print-manual)" "$(cat "$HERE/share/man/man5/delvegate.json.5")"
    check "the example is a configuration" has "$(installed --check-config --config "$HERE/share/doc/delvegate/examples/config.json" 2>&1)" \
        'gomachine: *'$'\n''local: *'
    port=$(free_port)
    echo "{ \"targets\": { \"one\": { \"listen\": $port } } }" >"$TMP/one.json"
    "${AS_USER[@]}" "$HERE/bin/delvegate" --config "$TMP/one.json" 2>"$TMP/one.log" &
    pid=$!
    check "it starts" await_line "$TMP/one.log" "$port" $pid
    exec 7<>"/dev/tcp/127.0.0.1/$port"
    # Who is turned away may be so before this is written: SIGPIPE is to end only the one that writes.
    (printf 'Content-Length: %d\r\n\r\n%s' ${#body} "$body" >&7) 2>/dev/null
    IFS= read -r -t $LIMIT answer <&7 2>/dev/null
    exec 7>&-
    check "and answers, or turns the other user away" answered "$answer"
    kill -TERM $pid
    wait $pid
    status=$?
    check "it ends at SIGTERM with 0" same $status 0
}
# We are root here, and the daemon is somebody else's: then it must refuse us.
answered() {
    if [ "$(id -u)" -eq 0 ]; then
        same "$1" ''
    else
        has "$1" 'Content-Length: *'
    fi
}

case_manual() {
    local page text said
    for page in man1/delvegate.1 man5/delvegate.json.5 man7/delvegate-recovery.7; do
        said=$(LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings=all -l "$HERE/share/man/$page" 2>&1 >"$TMP/page")
        check "$page is set without a warning" same "$said" ''
        check "$page has what a page needs" has "$(col -b <"$TMP/page")" '*NAME*SYNOPSIS*DESCRIPTION*SEE ALSO*'
    done
    for page in man1/delvegate.1 man5/delvegate.json.5 man7/delvegate-recovery.7; do
        check "$page has a date and the version" grep -qE '^\.TH DELVEGATE[A-Z.\\-]* [157] "20[0-9]{2}-[01][0-9]-[0-3][0-9]" "delvegate [0-9.]+" ' \
            "$HERE/share/man/$page"
    done
    text=$(LC_ALL=C.UTF-8 MANWIDTH=1000 man -l "$HERE/share/man/man1/delvegate.1" 2>/dev/null | col -b)
    check "delvegate-recovery(7) has the table that is printed" has "$(cat "$HERE/share/man/man7/delvegate-recovery.7")" \
        "*$(installed --print-signatures=man | sed 's/[][*?\\]/\\&/g')*"
    check "man finds it by its name" has "$(MANPATH=$HERE/share/man man -w delvegate 2>&1)" '*/man1/delvegate.1'
    # Every variable and signal that the program knows of (the supervisor is another), and what else was promised.
    for said in $(find proxy -name '*.c' ! -path '*/supervisor/*' -exec grep -oh 'getenv("[A-Z_]*\|{SIG[A-Z, ]*}\|signal(SIG[A-Z]*' {} + |
        grep -o '[A-Z_]*' | sort -u) \
        "EXIT STATUS" SSH_AUTH_SOCK XDG_CACHE_HOME TMPDIR PATH /etc/xdg .delvegate delvegate.socket check-env idleExit; do
        check "delvegate(1) tells of $said" has "$text" "*$said*"
    done
    # Every option that --help has.
    for said in $({ installed --help && installed help exec && installed help check-env; } | grep -oE -- '--[a-z-]+' |
        grep -vx -- '--' | sort -u | grep -vx -- '--print-manual\|--print-completion'); do
        check "delvegate(1) tells of $said" has "$text" "*$said*"
    done
}

case_help() {
    local text
    text=$(installed --help)
    check "--help names the user's file" has "$text" "*$TMP/home/.config/delvegate/config.json"$'\n*'
    check "--help names the system's file" has "$text" '*/etc/xdg/delvegate/config.json*'
    check "--help names the variables" has "$text" '*XDG_CONFIG_HOME*XDG_CONFIG_DIRS*'
    text=$(as_user env XDG_CONFIG_HOME=/x/home XDG_CONFIG_DIRS=/x/one::rel:/x/two "$HERE/bin/delvegate" --help)
    check "--help follows XDG_CONFIG_HOME and XDG_CONFIG_DIRS" same "$(grep -o '/x/[^ ]*' <<<"$text" | tr '\n' ' ')" \
        '/x/home/delvegate/config.json /x/one/delvegate/config.json /x/two/delvegate/config.json '
    for text in --help --version --check-config --print-completion=bash --print-schema --print-manual --print-signatures; do
        installed $text >/dev/full 2>"$TMP/full.log"
        check "$text that cannot be written fails" same $? 1
        check "and says so" has "$(cat "$TMP/full.log")" '*cannot write to standard output: *'
    done
}

# Where the configuration is looked for, and in which order.
case_places() {
    local d=$TMP/places
    mkdir -p "$d"/{home,own,one,two}/delvegate "$d/home/.config/delvegate"
    write() { # DIR TARGET
        echo "{ \"targets\": { \"$2\": { \"listen\": 4711 } } }" >"$d/$1/delvegate/config.json"
    }
    look() { # [VARIABLE=VALUE]...: the target of the file that was read
        as_user env HOME="$d/home" "$@" "$HERE/bin/delvegate" --check-config 2>&1 |
            sed '/: the configuration is valid$/d; /^no configuration file was found/d; s/: .*//'
    }
    chmod -R a+rX "$d"
    check "no file: the default" same "$(look XDG_CONFIG_DIRS="$d/one:$d/two")" local
    write two second
    check "the last of XDG_CONFIG_DIRS" same "$(look XDG_CONFIG_DIRS="$d/one:$d/two")" second
    write one first
    check "the first of XDG_CONFIG_DIRS wins" same "$(look XDG_CONFIG_DIRS="$d/one:$d/two")" first
    check "a relative one is ignored" same "$(cd "$d" && look XDG_CONFIG_DIRS="one:$d/two")" second
    write home/.config dotconfig
    check "the home's .config wins over XDG_CONFIG_DIRS" same "$(look XDG_CONFIG_DIRS="$d/one")" dotconfig
    check "XDG_CONFIG_HOME, where it has none, gives way to XDG_CONFIG_DIRS" \
        same "$(look XDG_CONFIG_HOME="$d/own" XDG_CONFIG_DIRS="$d/one")" first
    write own own
    check "XDG_CONFIG_HOME takes the place of ~/.config" same "$(look XDG_CONFIG_HOME="$d/own" XDG_CONFIG_DIRS="$d/one")" own
    check "a relative XDG_CONFIG_HOME is ignored" same "$(cd "$d" && look XDG_CONFIG_HOME=own)" dotconfig
    if [ "$(id -u)" -eq 0 ]; then
        chmod 600 "$d/own/delvegate/config.json"
    else
        chmod 000 "$d/own/delvegate/config.json"
    fi
    check "a file that cannot be read is an error, not another file" \
        same "$(look XDG_CONFIG_HOME="$d/own" XDG_CONFIG_DIRS="$d/one")" "$d/own/delvegate/config.json"
    chmod 644 "$d/own/delvegate/config.json"
    echo '{ "targtes": {} }' >"$d/own/delvegate/config.json"
    as_user env XDG_CONFIG_HOME="$d/own" "$HERE/bin/delvegate" 2>"$TMP/broken.log"
    check "a broken configuration: exit status 2" same $? 2
    check "in a line that names the file" has "$(cat "$TMP/broken.log")" "$d/own/delvegate/config.json:1:*"
}

# SIGHUP looks for the configuration anew: a user's own that has come since then takes the place of the system's.
case_reload() {
    local d=$TMP/reload system own pid
    mkdir -p "$d/xdg/delvegate" "$d/home/.config/delvegate"
    system=$(free_port) own=$(free_port)
    echo "{ \"targets\": { \"system\": { \"listen\": $system } } }" >"$d/xdg/delvegate/config.json"
    "${AS_USER[@]}" HOME="$d/home" XDG_CONFIG_DIRS="$d/xdg" "$HERE/bin/delvegate" 2>"$d/log" &
    pid=$!
    check "the system's configuration is read" await_line "$d/log" "$system" $pid
    echo "{ \"targets\": { \"own\": { \"listen\": $own } } }" >"$d/home/.config/delvegate/config.json"
    kill -HUP $pid
    check "SIGHUP finds the user's own" await_line "$d/log" "$own" $pid
    echo '{' >"$d/home/.config/delvegate/config.json"
    kill -HUP $pid
    check "a broken one is reported with its path" await_line "$d/log" "^$d/home/.config/delvegate/config.json:2:1: " $pid
    rm "$d/home/.config/delvegate/config.json"
    mkfifo "$d/home/.config/delvegate/config.json"
    kill -HUP $pid
    check "a FIFO is not waited for" await_line "$d/log" "^$d/home/.config/delvegate/config.json: .*not a regular file" $pid
    rm "$d/home/.config/delvegate/config.json" "$d/xdg/delvegate/config.json"
    kill -HUP $pid
    check "one that is gone is reported, not taken for the default" await_line "$d/log" 'config.json: .*it no longer exists' $pid
    kill -TERM $pid
    wait $pid
    check "and changes nothing" same $? 0
}

# The example names every option, and what stands in it behind // is right too.
case_example() {
    local example=$HERE/share/doc/delvegate/examples/config.json option
    sed -E 's,^( *)// (["}]),\1\2,' "$example" >"$TMP/whole.json"
    check "the example with all that it leaves out is a configuration" has \
        "$(installed --check-config --config "$TMP/whole.json" 2>&1)" 'gomachine: *'
    for option in $(LC_ALL=C.UTF-8 MANWIDTH=1000 man -l "$HERE/share/man/man5/delvegate.json.5" 2>/dev/null | col -b |
        sed -n '/^OPTIONS/,/^SEE/s/^ *\([]$A-Za-z.[]*\) (.*).*/\1/p' | sed 's/.*\.//' | sort -u); do
        check "the example has $option" grep -qF "\"$option\"" "$example"
    done
}

case_uninstall() {
    check "the user's configuration was not touched" same \
        "$(cat "$TMP/home/.config/delvegate/config.json")" "$CONFIGURATION"
    # The tree is gone; another of the same version can take it away.
    cp -r "$TMP/kept" "$TREE"
    give "$TREE"
    check "uninstall without having been built" make_tree uninstall "PREFIX=$HERE"
    check "the home is as it was" same "$(list "$TMP/home" | grep -v '\.cache')" "$OWN"
}

prepare
case_fresh
case_shared
case_fortify
case_hardening
case_warnings
case_make_help
case_variables
case_names
case_unwritable
case_other_user
case_quick_start
case_walk
case_readme
case_home
mkdir "$TMP/kept"
cp -r Makefile LICENSE README.md config dap delve proxy scripts "$TMP/kept"
rm -rf "$TREE"
case_run
case_manual
case_help
case_places
case_reload
case_example
case_completions
case_uninstall
echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
[ "$FAILED" -eq 0 ]
