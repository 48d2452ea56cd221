# Follows a cmocka test of test/supervisor into the supervisor that it starts, past the warden, its parent, and stops there:
#   make KIND=debug program build/debug/supervisor-tests/session_test
#   SUPERVISOR=$PWD/build/debug/supervisor CASE=PATTERN gdb -x test/supervisor/supervisor.gdb --args \
#       build/debug/supervisor-tests/session_test
# The test's own time limits, 30 seconds and less, go on.
set breakpoint pending on
set follow-fork-mode child
catch exec
run
delete
set follow-fork-mode parent
break warden_run
continue
set follow-fork-mode child
break supervise_work
continue
