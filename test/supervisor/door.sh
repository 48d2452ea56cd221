#!/bin/sh
# The door and the supervisor, with the real sshd: what each end learns when a part is killed, and who gets in.
# shellcheck source=test/supervisor/lib.sh
. "$(dirname "$0")/lib.sh"

PATH=$PATH:/usr/sbin
work_user=$(id -un)
fresh
mkdir -m 700 "$work/keys" "$work/cache"
for key in host user; do ssh-keygen -q -t ed25519 -N '' -f "$work/keys/$key"; done
start_sshd() {
    port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
    cat >"$work/sshd_config" <<END
ListenAddress 127.0.0.1
Port $port
PidFile none
HostKey $work/keys/host
AuthorizedKeysFile $work/keys/user.pub
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
UsePAM no
MaxSessions 1
AllowTcpForwarding no
SetEnv XDG_CACHE_HOME=$work/cache
END
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    "$(command -v sshd)" -D -e -f "$work/sshd_config" 2>"$work/sshd.log" &
    pids="$pids $!"
    until_true 10 grep -qs 'Server listening' "$work/sshd.log" || { cat "$work/sshd.log"; exit 1; }
    cat >"$work/ssh_config" <<END
Host *
  HostName 127.0.0.1
  Port $port
  User $work_user
  IdentityFile $work/keys/user
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
END
}
if ! command -v sshd >/dev/null; then
    echo "sshd is missing"
    echo "0 passed, 0 failed, 1 skipped"
    exit
fi
start_sshd

# --- a delvegate that stays

# stay NAME ARGUMENT...: reach in the background, until `leave NAME`. Its words are in $work/NAME.
stay() {
    stay_name=$1
    shift
    rm -f "$work/$stay_name"
    mkfifo "$work/in_$stay_name"
    "$reach" pid "$@" <"$work/in_$stay_name" >"$work/$stay_name" 2>&1 &
    reach_pid=$!
    pids="$pids $reach_pid"
    exec 9>"$work/in_$stay_name"
    if ! until_true 20 grep -qs '^dir ' "$work/$stay_name"; then
        cat "$work/$stay_name"
        return 1
    fi
    dir=$(sed -n 's/^dir //p' "$work/$stay_name")
    carrier_pid=$(sed -n 's/^pid //p' "$work/$stay_name")
    supervisor_pid=$(supervisors "$dir")
    door_pid=$(door_of "$client")
    [ -n "$supervisor_pid" ] && [ -n "$door_pid" ] || echo "no supervisor or door in $dir: '$supervisor_pid' '$door_pid'"
}
leave() {
    exec 9>&-
    wait "$reach_pid"
    rm -f "$work/in_$stay_name"
}
# door_of CLIENT: the pid of its door.
door_of() {
    for d in /proc/[0-9]*; do
        { tr '\0' ' ' <"$d/cmdline"; } 2>/dev/null | grep -q "^$work.*$hash door $1 " && echo "${d#/proc/}"
    done
    return 0
}
parent() { sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f2; }
ended() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
said() { grep -Eq "$1" "$work/$stay_name"; }
# expect NAME PATTERN: what reach says in the end.
expect() {
    until_true 10 said "$2"
    status=$?
    cp "$work/$stay_name" "$work/out"
    count $status "$1"
}
ends() { # NAME PID
    until_true 10 ended "$2"
    count $? "$1"
}
lives() { # NAME PID
    ! ended "$2"
    count $? "$1"
}

over_ssh() { stay "$1" line "$supervisor" "$hash" "$client" ssh -F "$work/ssh_config" host; }
over_command() { stay "$1" script "$supervisor" "$hash" "$client" env XDG_CACHE_HOME="$work/cache" sh; }

for way in ssh command; do
    client=c$way
    "over_$way" first && said '^up '
    count $? "$way: it is reached"
    lives "$way: the door waits" "$door_pid"
    leave
    ends "$way: the door ends with the connection" "$door_pid"
    lives "$way: the supervisor stays" "$supervisor_pid"
    was=$supervisor_pid

    "over_$way" door
    [ "$supervisor_pid" = "$was" ]
    count $? "$way: the same supervisor is found again"
    kill -KILL "$door_pid"
    expect "$way: the door is killed: the connection ends" '^down'
    leave
    lives "$way: ... and the supervisor stays" "$supervisor_pid"

    "over_$way" client
    kill -KILL "$carrier_pid"
    expect "$way: the client is killed: the connection ends" '^down'
    ends "$way: ... and the door" "$door_pid"
    leave

    "over_$way" delvegate
    kill -KILL "$reach_pid"
    ends "$way: delvegate is killed: the door ends" "$door_pid"
    leave 2>/dev/null
    lives "$way: ... and the supervisor stays" "$supervisor_pid"

    if [ $way = ssh ]; then
        over_ssh sshd
        kill -KILL "$(parent "$door_pid")"
        expect "$way: sshd's child is killed: the connection ends" '^down'
        ends "$way: ... and the door" "$door_pid"
        leave
        lives "$way: ... and the supervisor stays" "$supervisor_pid"
    fi

    "over_$way" supervisor
    [ "$supervisor_pid" = "$was" ]
    count $? "$way: after all that it is still the same supervisor"
    warden_pid=$(parent "$supervisor_pid")
    kill -KILL "$supervisor_pid"
    expect "$way: the supervisor is killed: that is said" '^gone The supervisor on testhost ended unexpectedly'
    leave
    ends "$way: ... and the door ends" "$door_pid"
    ends "$way: ... and the warden" "$warden_pid"
    [ ! -e "$dir" ]
    count $? "$way: ... and its directory is gone"

    "over_$way" both
    kill -KILL "$(parent "$supervisor_pid")"
    lives "$way: the warden is killed: the supervisor stays" "$supervisor_pid"
    kill -KILL "$supervisor_pid"
    expect "$way: warden and supervisor are killed: that is said" '^gone '
    leave
    "over_$way" again && said '^up '
    count $? "$way: ... and the next one is reached"
    leave
done

# --- what is in the way
client=cssh
over_ssh frozen
leave
kill -STOP "$supervisor_pid"
run line "$supervisor" "$hash" "$client" ssh -F "$work/ssh_config" host
says 'a supervisor that is stopped is named' "^error On testhost: the supervisor \\(pid $supervisor_pid\\) does not answer; end it on the Go machine with .kill -9 $supervisor_pid., then try again"
kill -CONT "$supervisor_pid"
run line "$supervisor" "$hash" "$client" ssh -F "$work/ssh_config" host
says '... and found again when it goes on' '^up '

cp "$supervisor" "$work/other"
echo other >>"$work/other"
other_hash=$(sha256sum <"$work/other")
other_hash=${other_hash%% *}
run line "$work/other" "$other_hash" "$client" ssh -F "$work/ssh_config" host
says 'one of another build without sessions makes room' '^up '
ends '... it has ended' "$supervisor_pid"
[ "$(supervisors "$dir" | wc -l)" = 1 ]
count $? '... and one is there'
stay session session line "$supervisor" "$hash" "$client" ssh -F "$work/ssh_config" host
until_true 30 said '^ready'
count $? 'a session begins'
run line "$work/other" "$other_hash" "$client" ssh -F "$work/ssh_config" host
says 'one of another build with a session stays' "^error On testhost: a supervisor of another build \\(pid $supervisor_pid\\) still has 1 debug session; end it, or end that supervisor with .kill $supervisor_pid. on the Go machine"
lives '... it lives' "$supervisor_pid"
kill "$supervisor_pid"
ends 'kill ends a supervisor and its session' "$supervisor_pid"
leave
[ ! -e "$dir" ]
count $? '... and its directory is gone'

# --- what it is like
client=chere
over_command like
[ "$(readlink "/proc/$supervisor_pid/cwd")" = / ] && [ "$(sed 's/.*) //' "/proc/$supervisor_pid/stat" | cut -d' ' -f4)" = "$(parent "$supervisor_pid")" ]
count $? 'it is in a process session of its own, and in no directory'
warden_pid=$(parent "$supervisor_pid")
[ "$(readlink "/proc/$warden_pid/fd/"* | sort -u)" = /dev/null ]
count $? 'the warden has no descriptor'
leave
until_true 10 ended "$door_pid"
! readlink "/proc/$supervisor_pid/fd/"* | grep -vE '^(/dev/null|socket:\[|pipe:\[)' >"$work/out" && [ "$(readlink "/proc/$supervisor_pid/fd/"* | grep -c pipe:)" = 0 ]
count $? 'without a connection it has none of its descriptors'

both() {
    for i in 1 2 3 4 5; do
        timeout 60 "$reach" once script "$supervisor" "$hash" ctogether env XDG_CACHE_HOME="$work/cache" sh </dev/zero >"$work/out_$i" 2>&1 &
        all="${all-} $!"
    done
    # shellcheck disable=SC2086
    wait $all
    cat "$work"/out_[1-5] >"$work/out"
}
both
[ "$(sed -n 's/^dir //p' "$work/out" | sort | uniq | wc -l)" = 1 ] && [ "$(supervisors "$(sed -n 's/^dir //p;' "$work/out" | head -n 1)" | wc -l)" = 1 ]
count $? 'five doors of one delvegate at once start one supervisor'

printf '#!/bin/sh\n(eval "$1")\ngrep flags "/proc/$$/fdinfo/0" "/proc/$$/fdinfo/1" >"%s/flags"\n' "$work" >"$work/sharing"
chmod +x "$work/sharing"
run line "$supervisor" "$hash" chere env XDG_CACHE_HOME="$work/cache" "$work/sharing"
until_true 10 [ -s "$work/flags" ]
cp "$work/flags" "$work/out"
! grep -qE ':.*0*[4-7][0-7]{3}$' "$work/flags" && [ "$(wc -l <"$work/flags")" = 2 ]
count $? 'descriptors that others share are left as they were'

# --- who gets in
knock() { # USER SOCKET: what a process of that user gets from a socket.
    setpriv --reuid="$1" --regid="$1" --clear-groups node -e '
        const s = require("net").connect(process.argv[1]); let got = "";
        s.on("data", d => got += d); s.on("error", e => got += e.code); s.on("close", () => console.log("got:" + got))' "$2"
}
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    over_command knock
    case $(timeout 10 setpriv --reuid=0 --regid=0 --clear-groups node -e '
        const s = require("net").connect(process.argv[1]); s.on("data", d => { console.log("" + d); s.destroy() })' "$dir/socket") in
    "delvegate-supervisor "*" $supervisor_pid 0") true ;;
    *) false ;;
    esac
    count $? 'the same user is greeted'
    [ "$(knock 65534 "$dir/socket")" = got:EACCES ]
    count $? 'another user does not reach the socket'
    chmod 755 "$work" "$work/cache" "$work/cache/delvegate" "$dir"
    chmod 777 "$dir/socket"
    [ "$(knock 65534 "$dir/socket")" = got: ]
    count $? '... and gets nothing when the directories are opened'
    chmod 700 "$dir" "$work/cache/delvegate" "$work/cache"
    leave
    mkdir "$work/nobody"
    cp "$supervisor" "$work/program"
    chown 65534:65534 "$work/nobody"
    chmod 755 "$work/program"
    HOME=$work/nobody stay foreign script "$work/program" "$hash" chere setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$work/nobody" sh
    [ "$(stat -c %u "$dir")" = 65534 ] && [ "$(knock 0 "$dir/socket")" = got: ]
    count $? "root gets nothing from another user's supervisor"
    leave
else
    skip 'another user' 'not root'
fi
finish
