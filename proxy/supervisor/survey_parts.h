/* Between the files of the survey: what it looks for and has found, and programs that it runs. All of it blocks. */
#ifndef PROXY_SUPERVISOR_SURVEY_PARTS_H
#define PROXY_SUPERVISOR_SURVEY_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/buf.h"
#include "proxy/supervisor/supervisor.h"
#include "proxy/supervisor/survey.h"

enum {
    SURVEY_OUTPUT_MAX = 64 * 1024,  /* bytes kept of what a program prints; the rest is read and dropped */
    SURVEY_TOOL_LIMIT = 60 * 1000,  /* milliseconds for go and dlv to say what they are */
    SURVEY_LOGIN_LIMIT = 5 * 1000,  /* for a login shell, whose profile may print, ask or hang */
    SURVEY_TRACE_LIMIT = 20 * 1000, /* for Delve's try to start a program */
    SURVEY_FILE_MAX = 1024 * 1024,  /* bytes read of a file of the user's */
    SURVEY_TOOLCHAINS_MAX = 64,     /* facts about toolchains in the module cache */
    SURVEY_USED_MAX = 50,           /* modules of a workspace */
    SURVEY_ENV_MAX = 4096           /* variables of a clean environment */
};

/* --- programs (survey_run.c) --- */

struct survey_run {
    char *const *argv;   /* argv[0] is looked for in PATH when it has no slash */
    char **env;          /* its own environment; NULL: that of all of them */
    struct buf out, err; /* what it printed, text; empty at first */
    int status;   /* exit code, or SUPERVISOR_SIGNAL_STATUS + signal; -1: it could not be started or waited for */
    bool is_late; /* it was killed at the deadline */
    /* survey_run_all's: */
    int fds[2];
    long pid;
};

/* Runs all of them at the same time, with /dev/null as stdin and in that environment and directory, and waits until
 * they have ended, not for those whom they leave behind. After limit_ms it kills them and, in a worker, all that was
 * started by them (they are in the worker's process session, so that they also end with it). */
void survey_run_all(struct survey_run *runs, size_t count, char *const *env, const char *dir, long limit_ms);
void survey_run_free(struct survey_run *runs, size_t count);

/* --- what is looked for --- */

struct look {
    const struct survey *s;
    int out;                            /* for worker_say */
    bool is_alone, has_facts;           /* ORDER_ALONE, ORDER_EXAMINE */
    long tool_ms, login_ms, trace_ms;   /* limits */
    char *go, *dlv;                     /* where they are; NULL: not found */
    char *login_path;                   /* NULL: not asked for */
    char *go_version, *dlv_version;     /* NULL: not known */
    char *gocache, *gomodcache;         /* as a session has them; NULL: not known */
    char *env_gocache, *env_gomodcache; /* what go env says; NULL: it was not asked */
    char *goroot, *gotoolchain;         /* likewise */
    char **clean;                       /* the environment that go and dlv are run in */
    size_t clean_count;
};

/* Does what survey_work does, with the limits in l; s, out and limits are set, all else is zero. */
int survey_look(struct look *l);
void survey_look_free(struct look *l);
/* A variable of the environment; "" when it is not set. */
const char *survey_env(const struct look *l, const char *name);
/* A field of ORDER_SESSION; "" when it is not there. */
const char *survey_given(const struct look *l, enum order_key key);
/* HOME, or when it is not set, what stands for it. */
const char *survey_home(const struct look *l, const char *otherwise);
void survey_fact(const struct look *l, const char *name, const char *text);
/* A.B or A.B.C */
void survey_fact_of(const struct look *l, const char *a, const char *b, const char *c, const char *text);
/* A file's text up to SURVEY_FILE_MAX bytes, or NULL. The caller frees it. */
char *survey_read(const char *path);
/* Whether there is a file that can be run. */
bool survey_is_program(const char *path);
bool survey_is_dir(const char *path);
bool survey_is_file(const char *path);
/* An allocated copy of a formatted text, or NULL. */
char *survey_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- go and dlv (survey_find.c) --- */

/* The program `name` in one of the directories of a list, separated by colons; the caller frees it. NULL: not there. */
char *survey_in_path(const char *name, const char *list);
/* Where a tool is: as configured, in PATH, a login shell's PATH, the usual directories. NULL: nowhere; *why is why
 * then. The caller frees both. */
char *survey_find(struct look *l, const char *name, const char *configured, const char *option, char **why);

/* --- facts (survey_facts.c, survey_module.c) --- */

/* Of rights, variables and the module; before tools are looked for: when that fails, this may be why. */
void survey_machine(const struct look *l);
/* Of the caches, by writing to them. */
void survey_caches(const struct look *l);
/* Whether Delve may start a program at all. */
void survey_trace(const struct look *l);
/* The file that `go env -w` writes; NULL: none. The caller frees it. */
char *survey_goenv_file(const struct look *l);
void survey_module(const struct look *l, const char *dir);

/* --- what is known from an earlier session (survey_cache.c) --- */

/* Takes what an earlier session of this supervisor has found, where nothing has changed since: the login shell's PATH,
 * and with tools that were found in the same directories also what they said. */
void survey_recall_login(struct look *l);
/* Returns whether the rest is known by this: versions and, when they are needed, the caches. */
bool survey_recall(struct look *l, bool needs_goenv);
/* Keeps it for the next one. What can't be kept is looked for again. */
void survey_keep(const struct look *l);

#endif
