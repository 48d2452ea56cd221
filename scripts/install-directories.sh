#!/bin/sh
# The directories of an installation. Those that it had to make are remembered in LIST, a file of the installation, so
# that uninstalling takes away these and no others, and of these the ones that nothing else uses by then.
#   scripts/install-directories.sh make DESTDIR LIST DIR...
#   scripts/install-directories.sh remove DESTDIR LIST
# LIST and each DIR are absolute paths, and lie below DESTDIR, which may be empty.
set -eu

usage() {
    echo "usage: scripts/install-directories.sh make DESTDIR LIST DIR... | remove DESTDIR LIST" >&2
    exit 2
}
[ $# -ge 3 ] || usage
action=$1 destdir=$2 list=$3
shift 3

# Ends with advice when what there is of the directory $1 cannot be written.
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
        echo "make install: $(id -un) cannot write to $there: sudo make install, or for yourself alone" \
            "make install PREFIX=\$HOME/.local" >&2
        exit 1
    }
}

# Makes the directory $1 and those above it that are missing, and prints them.
make_directory() {
    if [ -d "$destdir$1" ]; then
        return
    fi
    [ -z "${1%/*}" ] || make_directory "${1%/*}"
    # The mode does not depend on the umask: other users are to reach what is installed.
    install -d -m 755 "$destdir$1"
    printf '%s\n' "$1"
}

case $action in
make)
    # All are looked at before the first is made.
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
    # A list sorted backwards has what lies in a directory before the directory.
    made=$([ ! -e "$destdir$list" ] || LC_ALL=C sort -r "$destdir$list")
    rm -f "$destdir$list"
    printf '%s\n' "$made" | while IFS= read -r directory; do
        # One that holds something is somebody's.
        [ -z "$directory" ] || rmdir "$destdir$directory" 2>/dev/null || :
    done
    ;;
*) usage ;;
esac
