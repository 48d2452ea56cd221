#!/bin/sh
# What known_hosts says of a host, beside what OpenSSH's own client makes of it, and whether the advice of each error helps:
# test/ssh/known.sh [PROBE].
# shellcheck source=test/ssh/lib.sh
. "$(dirname "$0")/lib.sh"

# What the ssh program would do instead is the matter of program.sh.
never_program
start_sshd plain
start_sshd edonly "HostKey $work/keys/host_ed25519"
start_sshd rsaonly "HostKey $work/keys/host_rsa"
p=$(port plain)
for type in ed25519 ecdsa rsa; do echo "[127.0.0.1]:$p $(public $type)"; done >"$work/known"
: >"$work/empty"
host plain "$p" "UserKnownHostsFile $work/known" "$(key ed25519)"
case $(pkg-config --modversion libssh2) in
1.10.*) rsa_checked= ;; # no rsa-sha2 for host keys
*) rsa_checked=yes ;;
esac
# The advice of each error is followed as it stands.
stranger=$(cut -d' ' -f1,2 "$work/keys/user_ed25519.pub")
# recorded NAME LINE...: a host on the plain server with these lines of known_hosts.
recorded() {
    recorded_name=$1
    shift
    for line; do echo "$line"; done >"$work/known_$recorded_name"
    host "$recorded_name" "$p" "UserKnownHostsFile $work/known_$recorded_name" "$(key ed25519)"
}
answer_yes
recorded noport "127.0.0.1 $(public ed25519)"
check 'recorded without its port' '^ready' noport login
recorded noport_hashed "127.0.0.1 $(public ecdsa)"
ssh-keygen -q -H -f "$work/known_noport_hashed" >/dev/null 2>&1
check 'recorded without its port, hashed, another type' '^ready' noport_hashed login
recorded noport_pattern "127.0.0.? $(public ed25519)"
check 'recorded without its port, as a pattern' '^ready' noport_pattern login
recorded noport_other "127.0.0.1 $stranger"
check 'another key of the name without its port' 'lost after 0 never: The host key of \[127.0.0.1\]:'"$p"' is not known' noport_other login
follow 'another key of the name without its port' noport_other
recorded noport_revoked "127.0.0.1 $(public ed25519)" "@revoked 127.0.0.1 $(public ed25519)"
check 'revoked without its port' 'lost after 0 never: .*marked as revoked at .*known_noport_revoked:2' noport_revoked login
recorded noport_both "127.0.0.1 $(public ed25519)" "[127.0.0.1]:$p $stranger"
check 'the name with its port decides' 'lost after 0 never: .* has CHANGED' noport_both login
follow 'the name with its port decides' noport_both
echo "127.0.0.1 $(public ed25519)" >"$work/known_noport_alias"
host noport_alias "$p" "UserKnownHostsFile $work/known_noport_alias" "$(key ed25519)" "HostKeyAlias machine"
check 'an alias has no name without a port' 'lost after 0 never: The host key of machine is not known' noport_alias login
follow 'an alias has no name without a port' noport_alias

recorded strictly
sed -i '/^Host strictly$/a\  StrictHostKeyChecking yes' "$work/config"
check 'unknown with StrictHostKeyChecking yes' 'lost after 0 never: The host key of .* is not known' strictly login
follow 'unknown with StrictHostKeyChecking yes' strictly
: >"$work/known_withport"
host "127.0.0.1" "$p" "UserKnownHostsFile $work/known_withport" "$(key ed25519)"
check 'unknown, with a port in the destination' 'lost after 0 never: The host key of .* is not known' "$user@127.0.0.1:$p" login
follow 'unknown, with a port in the destination' "$user@127.0.0.1:$p"
host nowhere "$p" "UserKnownHostsFile /dev/null" "$(key ed25519)"
check 'unknown, and nowhere to record it' 'lost after 0 never: .* is not known .*nothing can be recorded: UserKnownHostsFile is /dev/null' nowhere login
recorded ca "@cert-authority * $(public ecdsa)"
check 'an authority alone' 'lost after 0 never: The host key .* is not known .*only a certificate authority is recorded for it .*known_ca:1.* does not support host certificates' ca login
follow 'an authority alone' ca
host localhost "$p" "UserKnownHostsFile $work/empty" "$(key ed25519)" "NoHostAuthenticationForLocalhost yes"
check 'NoHostAuthenticationForLocalhost' '^ready' localhost login
host localhost_jump "$p" "UserKnownHostsFile $work/empty" "$(key ed25519)" "NoHostAuthenticationForLocalhost yes" "ProxyJump plain"
check 'NoHostAuthenticationForLocalhost, through a proxy' 'lost after 0 never: The host key .* is not known' localhost_jump login

recorded rsa_recorded "[127.0.0.1]:$p $(public rsa)"
if [ -z "$rsa_checked" ]; then
    check 'only an RSA key recorded, of several' 'lost after 0 never: Of the host keys of .* only RSA is recorded .*known_rsa_recorded:1.*the server also has ED25519 SHA256:' rsa_recorded login
    follow 'only an RSA key recorded, of several' rsa_recorded
    recorded rsa_pattern "[127.0.0.*]:* $(public rsa)"
    check 'only an RSA key recorded, for a pattern' 'lost after 0 never: Of the host keys of .* only RSA is recorded
^Compare that key and add it to .*known_rsa_pattern: \[127.0.0.1\]:'"$p"' ssh-ed25519 [A-Za-z0-9+/]*$' rsa_pattern login
    sed -n 's/^Compare that key and add it to .*known_rsa_pattern: //p' "$work/out" >>"$work/known_rsa_pattern"
    check 'only an RSA key recorded, for a pattern: what was advised helps' '^ready' rsa_pattern login
else
    check 'only an RSA key recorded, of several' '^ready' rsa_recorded login
fi
echo "[127.0.0.1]:$(port edonly) $(public ecdsa)" >"$work/known_type"
host type "$(port edonly)" "UserKnownHostsFile $work/known_type" "$(key ed25519)"
check 'a recorded type that the server does not have' 'lost after 0 never: The host key of .* has CHANGED: the server shows ED25519 SHA256:.*, but ECDSA SHA256:.*is recorded .*known_type:1.*a type that the server does not have' type login
follow 'a recorded type that the server does not have' type
echo "[127.0.0.1]:$(port rsaonly) $(public ecdsa)" >"$work/known_tors"
host tors "$(port rsaonly)" "UserKnownHostsFile $work/known_tors" "$(key ed25519)"
check 'a recorded type, and the server has only RSA now' 'lost after 0 never: The host key of .* has CHANGED' tors login
finish
