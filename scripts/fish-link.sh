#!/bin/sh
# fish looks for completions below /usr/local only if XDG_DATA_DIRS contains /usr/local/share, which is rarely the case.
# This makes or removes a link to them in the directory of the administrator's completions, where fish always looks.
#   scripts/fish-link.sh make DESTDIR FILE
#   scripts/fish-link.sh remove DESTDIR FILE
# Does nothing if FILE is not below /usr/local, if there is a DESTDIR, or if /etc/fish does not exist or is not writable.
set -eu
directory=/etc/fish
link=$directory/completions/delvegate.fish

[ $# -eq 3 ] || {
    echo "usage: scripts/fish-link.sh make|remove DESTDIR FILE" >&2
    exit 2
}
case $2$3 in
/usr/local/*) ;;
*) exit 0 ;;
esac
case $1 in
make)
    if [ -d "$directory" ] && [ -w "$directory" ] && [ ! -e "$link" ]; then
        mkdir -p "${link%/*}"
        ln -sf "$3" "$link"
    fi
    ;;
remove)
    if [ "$(readlink "$link" 2>/dev/null)" = "$3" ]; then
        rm -f "$link"
    fi
    ;;
esac
