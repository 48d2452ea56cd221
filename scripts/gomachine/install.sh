#!/bin/sh
# Makes a Debian or Ubuntu image a Go machine: run once by the Dockerfile. Its build arguments are in the environment.
set -eu

fail() {
    echo "gomachine: $*" >&2
    exit 1
}
command -v apt-get >/dev/null || fail "the image (BASE) is neither Debian nor Ubuntu: it has no apt-get"

# git and gcc: what the go command itself calls, for modules, build stamps and cgo.
packages="ca-certificates gcc git libc6-dev openssh-server procps"
[ -n "$GO_VERSION" ] && packages="$packages curl" || packages="$packages golang-go"
[ -n "$DELVE_VERSION" ] || packages="$packages delve"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of words
apt-get install -q -y --no-install-recommends $packages ||
    fail "apt-get could not install: $packages (Debian has delve since bookworm, Ubuntu since 23.04: set DELVE_VERSION)"
rm -rf /var/lib/apt/lists/*
# Each container makes its own at its first start.
rm -f /etc/ssh/ssh_host_*

if [ -n "$GO_VERSION" ]; then
    archive=go$GO_VERSION.linux-$(dpkg --print-architecture).tar.gz
    curl -fsSL --retry 3 -o /tmp/go.tar.gz "$GO_DOWNLOAD/$archive" || fail "there is no Go $GO_VERSION at $GO_DOWNLOAD/$archive"
    tar -C /usr/local -xzf /tmp/go.tar.gz
    rm /tmp/go.tar.gz
    ln -s /usr/local/go/bin/go /usr/local/go/bin/gofmt /usr/local/bin/
fi
if [ -n "$DELVE_VERSION" ]; then
    # In a directory of its own that goes away; the Go in the image is to build it, not one that its go.mod would fetch.
    GOPATH=$(mktemp -d)
    export GOPATH GOPROXY GOCACHE="$GOPATH/cache" GOTOOLCHAIN=local
    go install "github.com/go-delve/delve/cmd/dlv@v$DELVE_VERSION" ||
        fail "Delve $DELVE_VERSION was not built with $(go version): see above; a Delve version knows only some Go versions"
    mv "$GOPATH/bin/dlv" /usr/local/bin/
    go clean -modcache
    rm -rf "$GOPATH"
fi
go version
dlv version

# Ubuntu's images have a user of their own with the first number.
taken=$(getent passwd "$USER_ID" | cut -d: -f1)
[ -z "$taken" ] || userdel "$taken"
# A locked account would be refused by sshd; * is no password that could be typed.
useradd --create-home --shell /bin/bash --uid "$USER_ID" --password '*' go
# The source of one who works as root may be mounted below root's home, at its own path.
chmod 711 /root
