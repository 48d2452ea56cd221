#!/bin/sh
# Installs what `make` has built, or removes it:
#   VARIABLE=VALUE... scripts/install.sh install|uninstall
# The Makefile sets the variables: DIRECTORIES, the names of the directory variables; each of these, an absolute path;
# DESTDIR, which is put in front of each and may be empty; INSTALL, the program that copies files. Everything is checked
# before anything is written.
# shellcheck disable=SC2154 # the directory variables
set -eu
cd "$(dirname "$0")/.."

usage() {
    echo "usage: scripts/install.sh install|uninstall" >&2
    exit 2
}
fail() {
    echo "make: $*" >&2
    exit 1
}
[ $# -eq 1 ] || usage
directory_list=$pkgdatadir/installed-directories

# $1: the name of a directory variable.
value_of() {
    eval "printf '%s' \"\$$1\""
}

require_absolute() {
    for name in $DIRECTORIES; do
        case $(value_of "$name") in
        /*) ;;
        *) fail "PREFIX and the directory variables must be absolute paths, but $name is '$(value_of "$name")';" \
            "for another root directory set DESTDIR" ;;
        esac
    done
}
require_startable() {
    case $bindir in
    *[\'\"\\]*) fail "systemd starts no program whose path contains ', \" or \\, but bindir is '$bindir': choose another PREFIX" ;;
    esac
}

# Calls a function for each file: NAME DIRECTORY MODE SOURCE. It is installed as DIRECTORY/NAME.
for_each_file() {
    "$1" delvegate "$bindir" 755 build/delvegate
    "$1" supervisor "$pkglibexecdir" 755 build/supervisor
    "$1" delvegate.1 "$man1dir" 644 build/delvegate.1
    "$1" delvegate.json.5 "$man5dir" 644 build/delvegate.json.5
    "$1" delvegate-recovery.7 "$man7dir" 644 build/delvegate-recovery.7
    "$1" config.schema.json "$pkgdatadir" 644 build/config.schema.json
    "$1" delvegate "$bashcompletiondir" 644 build/completions/delvegate
    "$1" _delvegate "$zshcompletiondir" 644 build/completions/_delvegate
    "$1" delvegate.fish "$fishcompletiondir" 644 build/completions/delvegate.fish
    "$1" LICENSE "$docdir" 644 LICENSE
    "$1" README.md "$docdir" 644 README.md
    "$1" config.json "$exampledir" 644 scripts/config.example.json
    for unit in scripts/systemd/*.service.in scripts/systemd/*.socket; do
        name=${unit##*/}
        "$1" "${name%.in}" "$systemduserunitdir" 644 "$unit"
    done
    for example in scripts/systemd/*.conf; do
        "$1" "${example##*/}" "$exampledir" 644 "$example"
    done
}

# As text of sed's s|||.
replacement() {
    printf '%s\n' "$1" | sed 's/[\\&|]/\\&/g'
}
# As a word for the shell.
quoted() {
    printf '%s\n' "$1" | sed "s/'/'\\\\''/g; s/^/'/; s/\$/'/"
}

# A unit names the program, and the example the schema. In a unit % begins a specifier, and blanks separate words.
fill_in() {
    in_unit=$(printf '%s\n' "$bindir" | sed 's/%/%%/g; s/ /\\x20/g')
    sed "s|@bindir@|$(replacement "$in_unit")|; s|/usr/local/share/delvegate|$(replacement "$pkgdatadir")|" "$1"
}
install_file() {
    printf 'install %s\n' "$DESTDIR$2/$1"
    # shellcheck disable=SC2086 # INSTALL may have options
    case $4 in
    *.in | *.example.json) fill_in "$4" | $INSTALL -m "$3" /dev/stdin "$DESTDIR$2/$1" ;;
    *) $INSTALL -m "$3" "$4" "$DESTDIR$2/$1" ;;
    esac
}
remove_file() {
    printf 'rm %s\n' "$DESTDIR$2/$1"
    rm -f "$DESTDIR$2/$1"
}

# delvegate looks for the supervisor in ../libexec, as seen from its own directory. If that is not pkglibexecdir, a link
# beside delvegate points to it.
needs_link() {
    [ "${bindir##*/}" != bin ] || [ "${bindir%/bin}/libexec/delvegate" != "$pkglibexecdir" ]
}

# systemd looks for units only in these directories.
report_units() {
    [ -z "$DESTDIR" ] || return 0
    for directory in /usr/lib /usr/local/lib /usr/share /usr/local/share /etc "${HOME-}/.local/share" "${HOME-}/.config"; do
        [ "$directory/systemd/user" != "$systemduserunitdir" ] || return 0
    done
    echo "systemd does not look for user units in $systemduserunitdir: each user who wants the service must run" \
        "systemctl --user link $(quoted "$systemduserunitdir/")delvegate.s*"
}

install_all() {
    require_absolute
    require_startable
    set --
    for name in $DIRECTORIES; do
        set -- "$@" "$(value_of "$name")"
    done
    scripts/install-directories.sh make "$DESTDIR" "$directory_list" "$@"
    for_each_file install_file
    ! needs_link || ln -sf "$pkglibexecdir/supervisor" "$DESTDIR$bindir/delvegate-supervisor"
    scripts/fish-link.sh make "$DESTDIR" "$fishcompletiondir/delvegate.fish"
    report_units
}
uninstall_all() {
    require_absolute
    scripts/fish-link.sh remove "$DESTDIR" "$fishcompletiondir/delvegate.fish"
    for_each_file remove_file
    ! needs_link || rm -f "$DESTDIR$bindir/delvegate-supervisor"
    scripts/install-directories.sh remove "$DESTDIR" "$directory_list"
}

case $1 in
install) install_all ;;
uninstall) uninstall_all ;;
*) usage ;;
esac
