/* Remedies for a module graph or a cache that is broken. Each runs in a process of its own, with Delve's environment
 * and in the build's directory; what it prints is for the user. Never are go's checks loosened, and in mode shadow
 * nothing of the user's is written but what go itself writes to the caches. */
#ifndef PROXY_SUPERVISOR_REMEDY_H
#define PROXY_SUPERVISOR_REMEDY_H

enum {
    REMEDY_DONE = 0,     /* what Delve will see has changed */
    REMEDY_FAILED = 1,   /* its output says why */
    REMEDY_UNSUITED = 2, /* it does not apply here (no vendor directory, a workspace, no proxy that answers, ...) */
    REMEDY_RESTORED = 3, /* nothing could be fetched: what was moved aside is back in its place */
    REMEDY_REFUSED = 4   /* it would change what is debugged: its output says what, and with which command */
};

/* argv of the run: NAME (download, tidy, mod-mod, mod-readonly, copies, work, work-off, toolchain, purge, gocache,
 * modcache, clean-modcache), DIR (made here:
 * session_dir/mended-LAUNCH; those of other launches are removed), shadow or edit, MODULE, VERSION, PACKAGE, `test`
 * when its test is built, and the build flags of launch.json, one word each. In the process of the run: its environment
 * and directory are set, stdout and stderr are the text. session_dir: the session's directory, where what is moved
 * aside is written down. notes: a descriptor for records: ORDER_NOTE, and ORDER_FACT "mended" when the builds of this
 * launch need something besides that the remedy has made (TEXT: "gocache"). Returns the exit status. */
int remedy_main(int argc, char *const *argv, const char *session_dir, int notes);

/* Puts back what a remedy of that session directory has moved aside, or removes it when what came in its place is good.
 * May be ended at any point and called again. Returns -1 with errno when something could not be put back. */
int remedy_restore(const char *session_dir);

#endif
