/* The configuration: what the file says, checked, with every default filled in. No I/O: the caller reads the file. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"
#include "config/paths.h"

/* One thing that is wrong with a file. */
struct config_problem {
    int line, column; /* from 1 */
    char *text;       /* what, which option, what is allowed or nearest, in one line */
};
struct config_problems {
    struct config_problem *list;
    size_t count;
};

enum config_log_level { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG };

struct config_env {
    char *name;
    char *value;
};

enum config_mod_files { CONFIG_MOD_FILES_SHADOW, CONFIG_MOD_FILES_EDIT, CONFIG_MOD_FILES_NEVER };
enum config_while_running { CONFIG_WHILE_RUNNING_TELL, CONFIG_WHILE_RUNNING_ALWAYS };
enum config_after_crash { CONFIG_AFTER_CRASH_RESTART, CONFIG_AFTER_CRASH_END };

/* How Delve comes back. Written at the top level for all targets, or in a target for that one, option by option. */
struct config_recover {
    int mod_files;       /* enum config_mod_files: where broken module files are repaired */
    long attempts;       /* new starts ... */
    long window_seconds; /* ... in so long */
    long backoff_ms;     /* the wait before the first one; it doubles */
    int while_running;   /* enum config_while_running: what a signature in the log of a live Delve leads to */
    int after_crash;     /* enum config_after_crash: of a program that died with its Delve */
    bool clean_mod_cache;
};

/* An option that may be absent, which is neither yes nor no. */
enum config_maybe { CONFIG_MAYBE_ABSENT, CONFIG_MAYBE_YES, CONFIG_MAYBE_NO };

struct config_target {
    char *name;
    char *listen_host; /* an IP address in its usual form; a loopback one unless allow_peer says more */
    int listen_port;   /* 1 to 65535 */
    char **allow_peer; /* IP addresses in their usual form whose connections' owners are not asked for;
                          NULL-terminated, or NULL: none */
    char *ssh;         /* destination for the ssh transport; NULL: `command`, else this machine */
    int ssh_program;   /* enum config_maybe: the user's own ssh instead of libssh2; absent: where it is needed */
    char **command;    /* argv that gives a shell on the Go machine, NULL-terminated; NULL: none */
    struct config_paths paths; /* may be empty */
    char *gocache;             /* absolute path on the Go machine, NULL: what `go env` says there */
    char *gomodcache;
    char *go_path;             /* NULL: looked for */
    struct config_env *go_env; /* go.env, in the file's order */
    size_t go_env_count;
    char *delve_path;       /* NULL: looked for */
    char *delve_log_output; /* never NULL */
    char **delve_flags;     /* NULL-terminated */
    long lease_seconds;
    long outage_output; /* bytes of one stream that a file there keeps while the connection is lost */
    struct config_recover recover;
    json_t *prelaunch;      /* as written, checked for shape: delve/prelaunch.h reads it; NULL: none. Owned */
    long keep_warm_seconds; /* how long an SSH connection without a session is kept */
};

struct config {
    int references;
    struct config_recover recover; /* the top level's; each target has its own, made from it */
    struct config_target *targets;
    size_t target_count;
    enum config_log_level log_level;
    long idle_exit_seconds;       /* a daemon started by its socket ends after so long without a session; 0: never */
    struct config_problems notes; /* what is taken otherwise than it is written; nothing is wrong with it */
};

/* Reads a configuration's text (JSON with comments and trailing commas). text NULL: no file, the built-in target
   `local` on port 4711; a file without `targets` has that one too. Returns the configuration with one reference, or
   NULL when problems (or, with none, memory) prevent it. All problems are reported, not only the first, ordered by
   line; the caller frees them with config_problems_free. */
struct config *config_parse(const char *text, size_t len, struct config_problems *problems);

/* Takes another reference; sessions hold one, so that a reload does not pull theirs away. Returns c. */
struct config *config_ref(struct config *c);
void config_unref(struct config *c);
/* Writes HOST:PORT as `listen` takes it, an IPv6 host (an address, as in listen_host) in brackets. */
enum { CONFIG_LISTEN_MAX = 64 };
void config_listen_text(char text[static CONFIG_LISTEN_MAX], const char *host, int port);
/* Whether the target's Go machine is the one on which delvegate runs. */
bool config_target_is_local(const struct config_target *t);
/* The Go machine as the target names it, for texts: the destination of ssh, the command's program, or "this machine".
 */
const char *config_target_machine(const struct config_target *t);
/* The target with this name, NULL when there is none. */
const struct config_target *config_target_find(const struct config *c, const char *name);
/* The names of all targets, separated by commas, for a message. The caller frees it; NULL when memory ran out. */
char *config_target_names(const struct config *c) MUST_USE;
void config_problems_free(struct config_problems *problems);

/* The JSON Schema (draft-07) of the file, made from the option table. New reference; NULL when memory ran out. */
json_t *config_schema(void);

/* The man page delvegate.json(5), in roff, its options made from the option table. The caller frees the returned text;
 * NULL when memory ran out. */
char *config_manual(void) MUST_USE;

#endif
