#!/bin/sh
# Turns a Debian or Ubuntu image into a Go machine. The Dockerfile runs it once, with its build arguments as environment.
set -eu

fail() {
    echo "gomachine: $*" >&2
    exit 1
}
command -v apt-get >/dev/null || fail "the image (BASE) is neither Debian nor Ubuntu: it has no apt-get"

# The go command itself runs git and gcc, for modules, build stamps and cgo.
packages="ca-certificates gcc git libc6-dev openssh-server procps"
[ -n "$GO_VERSION" ] && packages="$packages curl" || packages="$packages golang-go"
[ -n "$DELVE_VERSION" ] || packages="$packages delve"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of words
apt-get install -q -y --no-install-recommends $packages ||
    fail "apt-get could not install: $packages (Debian has delve since bookworm, Ubuntu since 23.04: set DELVE_VERSION)"
rm -rf /var/lib/apt/lists/*
# Each container makes its own host keys at its first start.
rm -f /etc/ssh/ssh_host_*

if [ -n "$GO_VERSION" ]; then
    archive=go$GO_VERSION.linux-$(dpkg --print-architecture).tar.gz
    curl -fsSL --retry 3 -o /tmp/go.tar.gz "$GO_DOWNLOAD/$archive" || fail "there is no Go $GO_VERSION at $GO_DOWNLOAD/$archive"
    tar -C /usr/local -xzf /tmp/go.tar.gz
    rm /tmp/go.tar.gz
    ln -s /usr/local/go/bin/go /usr/local/go/bin/gofmt /usr/local/bin/
fi
if [ -n "$DELVE_VERSION" ]; then
    # Built in a temporary directory, by the image's Go and not by one that Delve's go.mod would download.
    GOPATH=$(mktemp -d)
    export GOPATH GOPROXY GOCACHE="$GOPATH/cache" GOTOOLCHAIN=local
    go install "github.com/go-delve/delve/cmd/dlv@v$DELVE_VERSION" ||
        fail "Delve $DELVE_VERSION could not be built with $(go version), see above; each Delve supports only certain versions of Go"
    mv "$GOPATH/bin/dlv" /usr/local/bin/
    go clean -modcache
    rm -rf "$GOPATH"
fi
go version
dlv version

# Ubuntu's images already have a user with this number.
taken=$(getent passwd "$USER_ID" | cut -d: -f1)
[ -z "$taken" ] || userdel "$taken"
# sshd refuses a locked account; no typed password matches *.
useradd --create-home --shell /bin/bash --uid "$USER_ID" --password '*' go
# If root runs the container, the source may be mounted below /root.
chmod 711 /root
