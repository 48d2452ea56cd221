#!/bin/sh
# The command transport, any program of this machine that gives a shell: test/ssh/command.sh [PROBE].
# shellcheck source=test/ssh/lib.sh
. "$(dirname "$0")/lib.sh"

# Reads the script byte by byte, so that data may follow at once.
shell=$(command -v bash) || { echo "0 passed, 0 failed, 1 skipped"; exit 0; }
# script LINE...: the script of the next checks.
script() {
    PROBE_SCRIPT=$(printf '%s\n' "$@" x)
    PROBE_SCRIPT=${PROBE_SCRIPT%x}
    export PROBE_SCRIPT
}
script '{ echo out; read x; echo "got $x" >&2; echo "$x"; exit 3; }'
check 'a script and data behind it' "^ready .*bash
^out out
typed$
lost after 10 retry: The command \`$shell\` ended with exit status 3: got typed" command echo "$shell"
script 'exec cat'
check '20 MB each way' 'same 20971520 bytes' command cat "$shell"
check 'a shell within a shell' 'same 20971520 bytes' command cat sh -c 'exec "$0"' "$shell"
check 'arguments stay what they are' '^out a b\|\|\*\|x"y$' command run sh -c 'printf "%s|%s|%s|%s\n" "$@"; exit' sh 'a b' '' '*' 'x"y'
script 'exec cat'
check 'noise while it starts is told' '^note who is there\?
^note a second line
same' command cat sh -c 'printf "who is there?\r\na second line\n\n" >&2; exec "$0"' "$shell"
PROBE_INFO=1
export PROBE_INFO
script 'echo here' 'sleep 0.3' 'echo later words >&2' 'exit'
check 'what it says later goes to the log' 'lost after 5 retry' command run "$shell"
logged 'stderr: later words'
unset PROBE_INFO
grep -q '^note later' "$work/out"
[ $? = 1 ]
count $? '... and is no note'
script true
check 'a command that dies' '^note gone wrong
lost after 0 retry: The command `sh` ended with exit status 4 before a shell answered: gone wrong$' command run sh -c 'echo gone wrong >&2; exit 4'
check 'a command that is killed' 'lost after 0 retry: The command `sh` was killed by signal 9 before a shell answered\.$' command run sh -c 'kill -9 $$'
check 'a command that cannot run what it shall' 'lost after 0 never: .*exit status 127 .*not found' command run sh -c 'exec no-such-program'
check 'a program that is not there' 'lost after 0 never: The command `no-such-program` is not on this machine
^Write its full path in `command` of target probe' command run no-such-program
check 'a file that is no program' 'lost after 0 never: The command `'"$work"'/keys/user_rsa` of target probe cannot be started: permission denied' command run "$work/keys/user_rsa"
check 'bytes that are no text' 'lost after 0 retry: .*: [?]+.\[31mred' command run sh -c 'printf "\033\377\000[31mred\n" >&2; exit 1'
check 'a flood of words' 'lost after 0 retry: .*: x*the end$' command run sh -c 'head -c 3000000 /dev/zero | tr "\0" x >&2; echo the end >&2; exit 1'
check 'a command that takes no input' 'lost after 0 retry' command cat sh -c 'exec <&-; sleep 0.5; exit 1'

# Nothing is left of it, whatever it does.
check 'a command that hangs is closed' '^closed$' command closed sh -c 'trap "" TERM HUP; echo $$ >'"$work/stubborn"'; sleep 1000 & echo $! >'"$work/its_child"'; wait; sleep 1000'
ended stubborn
ended its_child
check 'a command that ends with its input' '^closed$' command closed sh -c 'echo $$ >'"$work/willing"'; exec cat'
ended willing
check 'a command that closes its stdout and runs on' 'lost after 0 retry: The command `sh` closed its standard input or output before a shell answered' command run sh -c 'echo $$ >'"$work/closer"'; exec >&-; sleep 1000'
ended closer
check 'a command that leaves somebody with its stdout' 'lost after 3 retry: The command `sh` ended with exit status 0' command run sh -c 'sleep 1000 & echo $! >'"$work/heir"'; echo hi'
ended heir
check 'closed from within a note' '^note close me' command closing sh -c 'echo $$ >'"$work/noted"'; echo close me >&2; exec sleep 1000'
ended noted
environment="NOTIFY_SOCKET=/of/the/manager KEPT=kept"
check 'the environment is that of all children' 'out KEPT=kept' command run sh -c 'env | grep -E "^(KEPT|NOTIFY_SOCKET)="; exit'
! grep -q /of/the/manager "$work/out"
count $? '... without what is the manager'"'"'s'
finish
