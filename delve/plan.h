/* launch and attach arguments -> what delvegate will do: which dlv command, with which flags, environment and attach
 * attributes. */
#ifndef DELVE_PLAN_H
#define DELVE_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "dap/must_use.h"
#include "dap/buf.h"
#include "dap/err.h"

/* What is asked for. */
enum delve_mode {
    DELVE_DEBUG,
    DELVE_TEST,
    DELVE_EXEC,
    DELVE_ATTACH, /* dlv attach PID: launched by delvegate, the process is not */
    DELVE_REMOTE  /* attach mode remote: a headless Delve that the user started */
};

/* A list of strings, owned by whoever holds the struct. */
struct delve_strings {
    char **list;
    size_t count;
};

struct delve_env {
    char *name;
    char *value; /* NULL: unset it */
};

/* Where a path of the plan comes from: for the error when it is not on the Go machine. */
struct delve_source {
    const char *attribute; /* "program", "cwd", ...; NULL: nothing named it */
    char *given;           /* as it was written; NULL: as a path of the Go machine, which nothing maps */
    char *rules;           /* the rule that mapped it; else those that did not, NULL: there are none */
    bool is_mapped;
};

/* What the target's configuration says that a plan needs; borrowed for the call. */
struct delve_target {
    const char *log_output;   /* delve.logOutput, NULL: debugger */
    const char *const *flags; /* delve.flags, NULL-terminated, may be NULL */
    const char *gocache;      /* only to word notes; may be NULL */
    /* Maps a path of the client to one of the Go machine: as dap_map_path. */
    int (*map_path)(void *arg, const char *path, struct buf *out);
    /* Appends the rule that map_path follows for the path and returns 1; when none does, appends the rules that there
       are and returns 0; -1 on failure. May be NULL. */
    int (*name_rule)(void *arg, const char *path, struct buf *out);
    /* The value of a variable in the target's go.env, NULL when it has none. May be NULL. */
    const char *(*go_env)(void *arg, const char *name);
    void *map_arg; /* of all three */
    bool is_local; /* the Go machine is the editor's: addresses and sockets mean the same there */
};

struct delve_plan {
    enum delve_mode mode;
    bool no_debug;   /* launch.json's noDebug ("Run Without Debugging") */
    char *program;   /* package, file or binary on the Go machine; NULL in attach modes */
    char *package;   /* the same as dlv's positional argument, seen from build_dir; NULL in attach modes */
    char *cwd;       /* where the program runs (dlv --wd); NULL: dlv's own directory */
    char *build_dir; /* the directory in which dlv (and so go build) is started; NULL: home */
    struct delve_source program_from, cwd_from, dlv_cwd_from;
    long pid;                    /* DELVE_ATTACH */
    int port;                    /* DELVE_REMOTE: port on the Go machine */
    struct delve_strings flags;  /* dlv's own flags, checked, each `--name=value`, without the pins */
    struct delve_strings strays; /* arguments in the build flags that are no flag and no value of one: packages to go */
    size_t strays_of_flags;      /* so many of them, the first, are of --build-flags in Delve's flags, not buildFlags */
    struct delve_strings args;   /* the program's arguments */
    struct delve_env *env;       /* what launch.json adds to the environment, cleaned */
    size_t env_count;
    json_t *attach; /* arguments of delvegate's own attach request to Delve: mode remote + what remote attach knows */
    json_t *substitute_path;    /* launch.json's substitutePath [{from,to}], checked; NULL when there is none */
    char *log_output;           /* the layers of Delve's log: launch.json's, else the target's; NULL: DELVE_REMOTE */
    bool show_log;              /* launch.json's showLog: Delve's log is to be shown in the Debug Console */
    struct delve_strings notes; /* one line each for the Debug Console: what was dropped or forced, and why */
};

/* Reads the arguments of a launch (is_attach false) or attach request. Returns a plan that the caller frees with
   delve_plan_free, or NULL with *e (what is wrong, which attribute, what to do). arguments is borrowed. Nothing of it
   is dropped without a note, but for attributes that only concern the client (name, type, request, presentation,
   preLaunchTask, debugServer, internal ones with two underscores, dlvToolPath, ...). */
struct delve_plan *delve_plan_new(const json_t *arguments, bool is_attach, const struct delve_target *target,
                                  struct err *e) MUST_USE;
void delve_plan_free(struct delve_plan *plan);
void delve_source_free(struct delve_source *from);

/* What remedies have given to a launch: how Delve is to be started otherwise than the plan alone says. The files are in
 * RUN/mended-LAUNCH, where the remedies have put them. */
struct delve_overrides {
    int launch;        /* number of the launch in its session, from 1: each one begins with fresh copies */
    bool mod_files;    /* build with -modfile=.../go.mod (its go.sum is beside it) */
    bool mod_mod;      /* build with -mod=mod */
    bool mod_readonly; /* build with -mod=readonly */
    bool work_off;     /* GOWORK=off */
    bool work;         /* GOWORK=.../go.work */
    bool toolchain;    /* GOTOOLCHAIN=local */
    bool gocache;      /* GOCACHE=.../gocache */
    bool modcache;     /* GOMODCACHE=.../modcache */
};

/* What a run directory gives to dlv's command line. */
struct delve_run_paths {
    const char *output; /* --output: the binary, inside the run directory; debug and test */
    const char *log;    /* --log-dest: a FIFO */
    const char *out;    /* -r stdout:, a FIFO; NULL in attach mode */
    const char *err;    /* -r stderr:, a FIFO; NULL in attach mode */
    /* For debug and test, put behind the build flags of launch.json, which they override. */
    const char *modfile; /* -modfile=; NULL: none */
    const char *mod;     /* -mod=: "mod" or "readonly"; NULL: as it is */
};

/* dlv's arguments after its own name: command, positional, flags as --name=value, then the supervisor's (-r,
   --log-dest, --output, --wd), then the pins
   (--headless=true --api-version=2 --only-same-user=true --accept-multiclient=true --listen=127.0.0.1:0) last of all
   flags, then `--` and the program's arguments. log_output is used when the plan
   has none of its own. The caller frees with delve_strings_free. Returns 0, -1 when memory ran
   out. Not for DELVE_REMOTE. */
int delve_plan_argv(const struct delve_plan *plan, const struct delve_run_paths *paths, const char *log_output,
                    struct delve_strings *argv) MUST_USE;

void delve_strings_free(struct delve_strings *s);
int delve_strings_add(struct delve_strings *s, const char *text) MUST_USE;

#endif
