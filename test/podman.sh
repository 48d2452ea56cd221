#!/bin/sh
# podman as tests use it: with a store and settings of its own under build/podman, so that it works without an engine's
# daemon, without a registry, and whatever the machine's own containers are. Takes podman's arguments, and so can be
# what the Dev Container CLI is given as --docker-path. Besides these:
#   test/podman.sh with COMMAND...   runs a command whose containers all end with it, however it ends; it calls
#                                    test/podman.sh for as many podman commands as it likes
#   test/podman.sh base SUITE        an image of a fresh Debian root (test/root.sh); prints its name
#   test/podman.sh usable            whether containers can be run here
# Outside of `with` each call stands alone: images stay, a container that it starts ends with it. PODMAN_STORE names
# another store; PODMAN_NETNS=bridge gives containers a network of their own. Needs root, or sudo without a password;
# ends with 77 and the reason where this machine cannot do it.
set -eu

unable() {
    echo "podman.sh: skipped, $*" >&2
    exit 77
}

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
self=$(realpath "$0")
tests=$(dirname "$self")
store=${PODMAN_STORE:-$(dirname "$tests")/build/podman}

# The namespace that `with` made is the one we are in.
inside() {
    [ "${PODMAN_NAMESPACE:-}" = "$(readlink /proc/self/ns/mnt)" ]
}

become_root() {
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null || unable "neither root nor sudo"
    sudo -n true 2>/dev/null || unable "not root, and sudo asks for a password"
    exec sudo -n --preserve-env=PODMAN_STORE,PODMAN_NETNS,DELVEGATE,CHECK_ALL,ASAN_OPTIONS,UBSAN_OPTIONS,LSAN_OPTIONS,KEEP -- \
        env "PATH=$PATH" "$self" "$@"
}

# Mounts, containers and processes live in namespaces that end with the command. One such world at a time has the store.
enter() {
    command -v podman >/dev/null || unable "podman is missing: scripts/bootstrap.sh check-all"
    command -v crun >/dev/null || unable "crun is missing: scripts/bootstrap.sh check-all"
    become_root "$@"
    "$tests/root.sh" usable || exit
    mkdir -p "$store"
    flock --nonblock "$store/lock" true || echo "podman.sh: waits for another one, which has $store" >&2
    exec flock --no-fork "$store/lock" unshare --mount --propagation unchanged --pid --fork --kill-child "$self" --enter "$@"
}

# The root must be that of the mount namespace: in a chroot, what is run in a container by `exec` would find itself outside
# of both. There it becomes the namespace's root, which is ours alone.
own_root() {
    if mount --make-rprivate / 2>/dev/null; then
        return
    fi
    [ -z "${PODMAN_PIVOTED:-}" ] || unable "its root cannot be made that of a mount namespace"
    export PODMAN_PIVOTED=1
    exec 8</
    # shellcheck disable=SC2016 # for the shell in there
    exec nsenter --mount=/proc/self/ns/mnt sh -c '
        pivot() {
            mount --make-rprivate / && cd /proc/self/fd/8 && root=$(pwd -P) && mount --rbind "$root" "$root" &&
                cd "$root" && pivot_root . . && umount --lazy .
        }
        pivot || {
            echo "podman.sh: skipped, the root of this chroot cannot be made that of a mount namespace" >&2
            exit 77
        }
        cd "$1" && shift && exec "$@" 8<&-' sh "$PWD" "$self" --enter "$@"
}

# A hard limit of ours. $1: as /proc names it.
limit() {
    awk -v name="$1" 'index($0, name) == 1 { hard = $(NF - 1); print hard == "unlimited" ? -1 : hard }' /proc/self/limits
}

# The first process of the namespaces.
settle() {
    PODMAN_NAMESPACE=$(readlink /proc/self/ns/mnt)
    export PODMAN_NAMESPACE
    mount -t proc proc /proc
    # crun refuses a machine that has both kinds of control groups mounted.
    if mountpoint -q /sys/fs/cgroup/unified; then
        umount /sys/fs/cgroup/unified
    fi
    # What podman knows of running containers is gone when they are, as after a boot.
    # Its database holds paths: a checkout that was moved begins anew.
    [ "$(cat "$store/place" 2>/dev/null)" = "$store" ] || rm -rf --one-file-system "$store/root"
    echo "$store" >"$store/place"
    mkdir -p "$store/run" "$store/root"
    mount -t tmpfs tmpfs "$store/run"
    mkdir -p /run/crun
    mount -t tmpfs tmpfs /run/crun
    # podman's locks, which the machine's own would share.
    mount -t tmpfs -o mode=1777 tmpfs /dev/shm
    driver=vfs
    mkdir "$store/run/lower" "$store/run/merged"
    rm -rf "$store/try"
    mkdir -p "$store/try/upper" "$store/try/work"
    if mount -t overlay -o "lowerdir=$store/run/lower,upperdir=$store/try/upper,workdir=$store/try/work" overlay \
        "$store/run/merged" 2>/dev/null; then
        umount "$store/run/merged"
        driver=overlay
    fi
    rm -rf "$store/try"
    # Limits can be given to a container, but not raised above our own.
    files=$(limit 'Max open files') processes=$(limit 'Max processes')
    cat >"$store/run/containers.conf" <<CONF
[containers]
cgroups = "disabled"
netns = "${PODMAN_NETNS:-host}"
default_ulimits = ["nofile=$files:$files", "nproc=$processes:$processes"]
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
    echo "$driver" >"$store/run/driver"
}

podman_here() {
    export CONTAINERS_CONF="$store/run/containers.conf" BUILDAH_ISOLATION=chroot PODMAN_IGNORE_CGROUPSV1_WARNING=1
    podman --root "$store/root" --runroot "$store/run" --tmpdir "$store/run/tmp" \
        --storage-driver "$(cat "$store/run/driver")" "$@"
}

# The image is made again when the root was.
base_image() {
    suite=$1
    root=$(dirname "$store")/roots/$suite
    image=localhost/delvegate-$suite
    "$tests/root.sh" make "$root" "$suite" || exit
    made=$(stat -c %Y "$root.made")
    if [ "$(podman_here image inspect --format '{{.Comment}}' "$image" 2>/dev/null)" != "$made" ]; then
        "$tests/root.sh" run "$root" tar -C / --one-file-system -c . |
            podman_here import --message "$made" - "$image" >/dev/null 2>"$store/run/import.log" || {
            cat "$store/run/import.log" >&2
            return 1
        }
    fi
    echo "$image"
}

if [ "${1:-}" = --enter ]; then
    shift
    own_root "$@"
    settle
    podman_here rm --all --force --time 0 >/dev/null
    # Images that newer ones took the name of.
    podman_here image prune --force --filter until=168h >/dev/null
    "$self" "$@"
    exit
fi
inside || enter "$@"
case ${1:-} in
with)
    shift
    "$@"
    ;;
base) base_image "$2" ;;
usable) podman_here info >/dev/null ;;
*) podman_here "$@" ;;
esac
