#!/bin/sh
# Fresh Debian roots for tests: what is in one is known, and nothing done in it reaches this machine.
#   test/root.sh make DIR SUITE [PACKAGE...]   makes it with mmdebstrap (bookworm, trixie); does nothing when it is there
#   test/root.sh copy DIR NEW                  the same root again, to be changed
#   test/root.sh run DIR COMMAND...            runs a command in it as root
#   test/root.sh user DIR USER COMMAND...      the same as a user of it, who is made when missing
#   test/root.sh remove DIR
#   test/root.sh usable                        whether `run` can work on this machine
# Packages come from where this machine's apt takes its own. A command in a root has a process namespace, /proc, /run and
# /tmp of its own, a clean environment, and its home as directory; what it leaves running ends with it. Standard input
# and output pass through, so `run DIR tar ...` moves files. Needs root, or sudo without a password; ends with 77 and the
# reason where this machine cannot do it, with the command's own status otherwise.
set -eu

die() {
    echo "root.sh: $*" >&2
    exit 2
}
unable() {
    echo "root.sh: skipped, $*" >&2
    exit 77
}
usage() {
    die "usage: test/root.sh make DIR SUITE [PACKAGE...] | copy DIR NEW | run DIR COMMAND... |" \
        "user DIR USER COMMAND... | remove DIR | usable"
}

verb=${1:-}
case $verb in
make | run | copy) [ $# -ge 3 ] || usage ;;
user) [ $# -ge 4 ] || usage ;;
remove) [ $# -eq 2 ] || usage ;;
usable) [ $# -eq 1 ] || usage ;;
*) usage ;;
esac
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || unable "neither root nor sudo"
    sudo -n true 2>/dev/null || unable "not root, and sudo asks for a password"
    exec sudo -n -- "$0" "$@"
fi

# Mounts made by a command here must not reach the rest of the machine. In a chroot the root is often no mount point, and
# cannot be made private: then what is mounted below it decides, as it was.
in_namespace() {
    if unshare --mount true 2>/dev/null; then
        exec unshare --mount --pid --fork --kill-child "$@"
    fi
    exec unshare --mount --propagation unchanged --pid --fork --kill-child "$@"
}
must_mount() {
    unshare --mount --propagation unchanged --pid --fork sh -c 'mount -t tmpfs tmpfs /tmp' 2>/dev/null ||
        unable "no mount namespace can be made here (a container without CAP_SYS_ADMIN?)"
}

# One `deb` line for each of Debian's own sources of this machine, with the suite asked for in the place of its own.
sources() {
    # shellcheck source=/dev/null
    own=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016 # apt's own placeholders
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
        awk -v own="$own" -v suite="$1" '
            $4 == "Debian" && ($2 == own || index($2, own "-") == 1) {
                line = "deb " $1 " " suite substr($2, length(own) + 1) " " $3
                if (!seen[line]++) print line
            }'
}
# How this machine's apt fetches: proxies, certificates, what it makes of old dates.
fetching() {
    apt-config dump Acquire | sed -n '/^Acquire::\(Check-\|http\|https\|Retries\)[^"]* ".\{1,\}";$/p'
}

make_root() {
    dir=$1 suite=$2
    shift 2
    wanted=$(printf '%s\n' "$suite" "$@" | LC_ALL=C sort | tr '\n' ' ')
    mkdir -p "$(dirname "$dir")"
    exec 9>"$dir.lock"
    flock 9
    if [ -d "$dir" ]; then
        [ "$(cat "$dir.made" 2>/dev/null)" != "$wanted" ] || return 0
        [ ! -e "$dir.made" ] || die "$dir holds another root ($(cat "$dir.made")): test/root.sh remove $dir"
        [ -e "$dir/.unfinished" ] || die "$dir exists, and is no root that was made here"
        rm -rf --one-file-system "$dir"
    fi
    command -v mmdebstrap >/dev/null || unable "mmdebstrap is missing: apt-get install mmdebstrap"
    must_mount
    sources "$suite" >"$dir.sources"
    [ -s "$dir.sources" ] || unable "apt here has no list of a Debian source: run apt-get update"
    fetching >"$dir.apt"
    mkdir "$dir"
    : >"$dir/.unfinished"
    # shellcheck disable=SC2086 # a list of words
    mmdebstrap --quiet --variant=minbase --skip=check/empty --aptopt="$dir.apt" \
        --include="$(echo ca-certificates "$@" | tr ' ' ,)" "$suite" "$dir" - <"$dir.sources" >&2 ||
        die "mmdebstrap could not make a root of $suite in $dir: see its message above"
    settle "$dir"
    rm "$dir/.unfinished" "$dir.apt" "$dir.sources"
    echo "$wanted" >"$dir.made"
}
# What the network is like is this machine's business: its certificates, resolver and npm settings.
settle() {
    if [ -s /etc/ssl/certs/ca-certificates.crt ]; then
        cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
    fi
    for file in /etc/resolv.conf /etc/npmrc; do
        [ ! -e "$file" ] || cp "$file" "$1$file"
    done
    printf '127.0.0.1 localhost %s\n::1 localhost\n' "$(uname -n)" >"$1/etc/hosts"
}

copy_root() {
    [ -e "$1.made" ] || die "$1 is no root that was made here"
    [ ! -e "$2" ] || die "$2 exists"
    cp -a --reflink=auto "$1" "$2"
    cp "$1.made" "$2.made"
}

# Only what was made here, and never what is mounted in it.
remove_root() {
    [ -d "$1" ] || return 0
    [ -e "$1.made" ] || [ -e "$1/.unfinished" ] || die "$1 is no root that was made here"
    rm -rf --one-file-system "$1"
    rm -f "$1.made" "$1.lock" "$1.apt" "$1.sources"
}

# What runs in the namespaces before the command. $1: what runs in the root before it; $2: the root; then as there.
# shellcheck disable=SC2016 # for the shells inside
outside='
set -eu
inside=$1 dir=$2
shift 2
mount -t proc proc "$dir/proc"
mount --rbind /sys "$dir/sys"
mount --rbind /dev "$dir/dev"
mount -t tmpfs -o mode=755 tmpfs "$dir/run"
mount -t tmpfs -o mode=1777 tmpfs "$dir/tmp"
exec chroot "$dir" /bin/sh -c "$inside" sh "$@"'
# $1: the user; the rest: the command.
# shellcheck disable=SC2016
inside='
set -eu
user=$1
shift
getent passwd "$user" >/dev/null || /usr/sbin/useradd --create-home --shell /bin/bash "$user"
home=$(getent passwd "$user" | cut -d: -f6)
cd "$home"
exec setpriv --reuid="$(id -u "$user")" --regid="$(id -g "$user")" --init-groups env -i HOME="$home" USER="$user" \
    LOGNAME="$user" SHELL=/bin/bash LANG=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$@"'

enter() {
    [ -x "$1/bin/sh" ] || die "$1 is no root: test/root.sh make $1 SUITE"
    must_mount
    in_namespace sh -c "$outside" sh "$inside" "$@"
}

shift
case $verb in
make) make_root "$@" ;;
copy) copy_root "$@" ;;
remove) remove_root "$1" ;;
usable) must_mount ;;
run)
    dir=$1
    shift
    enter "$dir" root "$@"
    ;;
user) enter "$@" ;;
esac
