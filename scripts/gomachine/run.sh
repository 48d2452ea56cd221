#!/bin/sh
# Builds and runs the Go machine of the Dockerfile beside this script, with a directory mounted at the same path, and
# prints the ssh_config, the delvegate configuration and the launch.json for it. Runs until it is interrupted (Ctrl-C), and
# then removes the container.
#   scripts/gomachine/run.sh [OPTION...] [ENGINE]
#     ENGINE            docker or podman, or a program that takes their arguments; by default, whichever is installed
#     --source DIR      the directory with the Go code (default: the current directory)
#     --base IMAGE      the base image (default: debian:bookworm-slim), such as debian:trixie-slim or ubuntu:24.04
#     --go VERSION      this Go instead of the distribution's, for example 1.22.5
#     --delve VERSION   this Delve instead of the distribution's, for example 1.22.1
#     --host-port PORT  use the host's network, with sshd at 127.0.0.1:PORT, instead of a published port
#     --run OPTION      another option for the engine's `run`, such as --security-opt=seccomp=FILE; can be repeated
#     --no-ptrace       without --cap-add=SYS_PTRACE
#     --state DIR       where to keep the key and the files that it prints (default: ~/.cache/delvegate-gomachine)
set -eu

fail() {
    echo "gomachine: $*" >&2
    exit 1
}
usage() {
    sed -n '/^#   scripts/,/^set -eu/s/^#   //p' "$0" >&2
    exit 2
}

here=$(dirname "$(realpath "$0")")
engine='' source=$PWD base='' go='' delve='' port='' capability=--cap-add=SYS_PTRACE
state=${XDG_CACHE_HOME:-$HOME/.cache}/delvegate-gomachine
work=$(mktemp -d)
options=$work/options
: >"$options"
trap 'rm -rf "$work"' EXIT
while [ $# -gt 0 ]; do
    case $1 in
    --no-ptrace) capability='' ;;
    --source | --base | --go | --delve | --host-port | --run | --state)
        [ $# -ge 2 ] || usage
        case $1 in
        --source) source=$2 ;;
        --base) base=$2 ;;
        --go) go=$2 ;;
        --delve) delve=$2 ;;
        --host-port) port=$2 ;;
        --run) printf '%s\n' "$2" >>"$options" ;;
        --state) state=$2 ;;
        esac
        shift
        ;;
    -*) usage ;;
    *)
        [ -z "$engine" ] || usage
        engine=$1
        ;;
    esac
    shift
done
for candidate in docker podman; do
    [ -n "$engine" ] || ! command -v "$candidate" >/dev/null || engine=$candidate
done
[ -n "$engine" ] || fail "neither docker nor podman is installed: install one, or name another engine as the argument"
source=$(realpath "$source")
[ -d "$source" ] || fail "$source is not a directory: --source must name the directory with the Go code"

# `go` has the uid of the user who runs this, so that the files are its own. Files of root can be read by everybody.
user=$(id -u)
[ "$user" -ne 0 ] || user=1000

mkdir -p "$state"
chmod 700 "$state"
[ -e "$state/key" ] || ssh-keygen -q -t ed25519 -N '' -C gomachine -f "$state/key"

set -- build --tag gomachine --build-arg "USER_ID=$user"
[ -z "$base" ] || set -- "$@" --build-arg "BASE=$base"
[ -z "$go" ] || set -- "$@" --build-arg "GO_VERSION=$go"
[ -z "$delve" ] || set -- "$@" --build-arg "DELVE_VERSION=$delve"
for argument in GO_DOWNLOAD GOPROXY; do
    eval "value=\${$argument:-}"
    # shellcheck disable=SC2154 # set by eval
    [ -z "$value" ] || set -- "$@" --build-arg "$argument=$value"
done
"$engine" "$@" "$here" >&2 || fail "$engine could not build the image, see above"

name=gomachine-$$
set -- run --rm --name "$name" --env AUTHORIZED_KEYS="$(cat "$state/key.pub")" --volume "$source:$source"
[ -z "$capability" ] || set -- "$@" "$capability"
if [ -n "$port" ]; then
    set -- "$@" --network host --env SSH_PORT="$port" --env SSH_LISTEN=127.0.0.1
else
    set -- "$@" --publish 127.0.0.1::22
fi
while read -r option; do
    set -- "$@" "$option"
done <"$options"

# The log is read through a FIFO, to wait for the line that reports that sshd is listening.
log=$work/log
mkfifo "$log"
"$engine" "$@" gomachine >"$log" 2>&1 </dev/null &
running=$!
stop() {
    rm -rf "$work"
    "$engine" stop -t 2 "$name" >/dev/null 2>&1 || :
    wait "$running" || :
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
exec 3<"$log"
said=
while :; do
    IFS= read -r line <&3 || fail "the container ended before its sshd was listening: $said"
    said=$line
    case $line in *"Server listening on"*) break ;; esac
done
cat <&3 >"$state/sshd.log" &

[ -n "$port" ] || port=$("$engine" port "$name" 22/tcp | sed -n 's/.*://p;q')
key=$("$engine" exec "$name" cat /etc/ssh/ssh_host_ed25519_key.pub) || fail "$engine exec could not read the host key"
echo "[127.0.0.1]:$port $key" >"$state/known_hosts"
cat >"$state/ssh_config" <<CONFIG
Host gomachine
  HostName 127.0.0.1
  Port $port
  User go
  IdentityFile $state/key
  IdentitiesOnly yes
  UserKnownHostsFile $state/known_hosts
  HostKeyAlgorithms ssh-ed25519
CONFIG
cat >"$state/config.json" <<CONFIG
{ "targets": { "gomachine": { "listen": 4711, "ssh": "gomachine" } } }
CONFIG
cat <<TEXT
gomachine: $source is mounted in the container $name; its sshd listens at 127.0.0.1:$port

As the first line of ~/.ssh/config:
Include $state/ssh_config

To start delvegate:
delvegate --config $state/config.json

.vscode/launch.json:
{ "version": "0.2.0", "configurations": [{
  "name": "in the container", "type": "go", "request": "launch", "mode": "debug",
  "program": "\${workspaceFolder}", "debugServer": 4711
}] }

Ctrl-C ends the container.
TEXT
wait "$running" || :
fail "the container ended; its log is $state/sshd.log"
