#!/bin/sh
# The entrypoint of the Go machine: the container's first process becomes sshd.
#   /authorized_keys   a mounted file with the public keys that may log in, or
#   AUTHORIZED_KEYS    the same as text
#   SSH_PORT           the port, instead of 22; SSH_LISTEN the address, instead of all: for --network=host
set -eu

fail() {
    echo "gomachine: $*" >&2
    exit 2
}

# A copy, because sshd requires that root owns the file.
if [ -n "${AUTHORIZED_KEYS:-}" ]; then
    printf '%s\n' "$AUTHORIZED_KEYS" >/etc/ssh/authorized_keys
elif [ -f /authorized_keys ] && [ -s /authorized_keys ]; then # Docker makes a directory if the file to mount does not exist
    cat /authorized_keys >/etc/ssh/authorized_keys
else
    fail "nobody could log in: mount a public key (-v ~/.ssh/id_ed25519.pub:/authorized_keys:ro), or set AUTHORIZED_KEYS"
fi
chmod 644 /etc/ssh/authorized_keys

# A container that is restarted keeps its keys.
ssh-keygen -q -A
mkdir -p /run/sshd
exec /usr/sbin/sshd -D -e -f /usr/local/lib/gomachine/sshd.conf -o Port="${SSH_PORT:-22}" \
    -o ListenAddress="${SSH_LISTEN:-0.0.0.0}"
