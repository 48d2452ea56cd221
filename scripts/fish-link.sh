#!/bin/sh
# fish looks for completions below /usr/local only when XDG_DATA_DIRS names /usr/local/share, which it does in few sessions.
# So that it finds them there, a link leads to them from where it always looks for those that an administrator adds.
#   scripts/fish-link.sh make DESTDIR FILE
#   scripts/fish-link.sh remove DESTDIR FILE
# Does nothing for another place than /usr/local, with a DESTDIR, and where there is no fish or it may not be written to.
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
