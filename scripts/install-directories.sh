#!/bin/sh
# Makes and removes the directories of an installation. Those that had to be made are recorded in LIST, a file that is
# installed, so that uninstalling removes only these, and only if they are empty by then.
#   scripts/install-directories.sh make DESTDIR LIST DIR...
#   scripts/install-directories.sh remove DESTDIR LIST
# LIST and each DIR are absolute paths; DESTDIR, which may be empty, is put in front of them.
set -eu

usage() {
    echo "usage: scripts/install-directories.sh make DESTDIR LIST DIR... | remove DESTDIR LIST" >&2
    exit 2
}
[ $# -ge 3 ] || usage
action=$1 destdir=$2 list=$3
shift 3

# Fails, with advice, if the directory $1, or the nearest existing one above it, is not writable.
require_writable() {
    there=$1
    until [ -e "$there" ]; do
        case $there in
        ?*/*) there=${there%/*} ;;
        /*) there=/ ;;
        *) there=. ;;
        esac
    done
    [ -w "$there" ] || {
        echo "make install: $(id -un) cannot write to $there: run \`sudo make install\`, or, to install for yourself alone," \
            "\`make install PREFIX=\$HOME/.local\`" >&2
        exit 1
    }
}

# Makes the directory $1 and the missing ones above it, and prints each.
make_directory() {
    if [ -d "$destdir$1" ]; then
        return
    fi
    [ -z "${1%/*}" ] || make_directory "${1%/*}"
    # The mode does not depend on the umask: other users must be able to use what is installed.
    install -d -m 755 "$destdir$1"
    printf '%s\n' "$1"
}

case $action in
make)
    # All are checked before the first is made.
    for directory; do
        require_writable "$destdir$directory"
    done
    made=$(for directory; do
        make_directory "$directory"
    done)
    before=$([ ! -e "$destdir$list" ] || cat "$destdir$list")
    printf '%s\n' "$before" "$made" | sed '/^$/d' | LC_ALL=C sort -u >"$destdir$list.new"
    chmod 644 "$destdir$list.new"
    mv "$destdir$list.new" "$destdir$list"
    ;;
remove)
    # Sorted backwards, the list has subdirectories before their parents.
    made=$([ ! -e "$destdir$list" ] || LC_ALL=C sort -r "$destdir$list")
    rm -f "$destdir$list"
    printf '%s\n' "$made" | while IFS= read -r directory; do
        # A directory that is not empty is still in use.
        [ -z "$directory" ] || rmdir "$destdir$directory" 2>/dev/null || :
    done
    ;;
*) usage ;;
esac
