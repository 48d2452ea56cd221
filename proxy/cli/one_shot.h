/* The frame of a one-shot command: `delvegate COMMAND [TARGET]`, which does one thing on a target's Go machine and
 * exits, as `exec` and `check-env` do. The frame reads the command line and the configuration, finds the target and the
 * directory on its Go machine, runs the loop, connects, starts the session with the supervisor, notes on stderr what it
 * waits for when that takes long, and cleans up. The command has what it orders, what it makes of the reports, and its
 * exit status.
 *
 * A third one is:
 * - a row in command_line.c, for its options, --help and the completions, whose `arguments` take a target;
 * - a row in main.c's table of commands, which calls one_shot_main;
 * - a struct one_shot_command, whose run may be as small as check_env.c's:
 *
 *     static int run(struct one_shot *s, const struct one_shot_options *o)
 *     {
 *         struct which w = {.shot = s};
 *         if (one_shot_start(s, &w) == 0)
 *             one_shot_wait(s);
 *         return w.found ? EXIT_SUCCESS : EXIT_FAILURE;
 *     }
 *
 * From there the course is `begun`, where the command gives its orders to s->keeper or waits for the keeper's `ready`,
 * then what the keeper reports, up to one_shot_stop; or `failed`, at any time. */
#ifndef PROXY_CLI_ONE_SHOT_H
#define PROXY_CLI_ONE_SHOT_H

#include <stdbool.h>
#include <uv.h>

#include "dap/must_use.h"
#include "config/config.h"
#include "dap/err.h"
#include "proxy/machine/keeper.h"
#include "proxy/machine/machine.h"

enum {
    ONE_SHOT_WRONG = 2,  /* exit status: wrong command line or configuration */
    ONE_SHOT_SIGNALS = 4 /* that a command can handle */
};

/* What the command line says. Strings are argv's. */
struct one_shot_options {
    const char *config; /* --config; NULL: not given */
    const char *target; /* NULL: not given */
    const char *cwd;    /* --cwd; NULL: not given */
    char **command;     /* what follows the target, NULL-terminated, may be empty */
    bool help;          /* --help: nothing else counts */
};

struct one_shot;

/* What makes a command. `arg` of all its functions, and of the keeper's handler, is what one_shot_start was given. */
struct one_shot_command {
    const char *name;         /* in command_line.h's table; also the subject of its lines in the log */
    const char *needs_target; /* what is missing without TARGET, and the usage; the targets that there are follow */
    bool target_is_optional;  /* without TARGET: the one called `local`, else the only one */
    bool needs_delve;         /* it fails when the Go machine has no dlv */
    /* What the command does, from one_shot_start to one_shot_wait; the configuration and s->target outlive it. The
     * session and the loop are closed after it: handles of its own it closes itself. Returns the exit status. */
    int (*run)(struct one_shot *s, const struct one_shot_options *o);
    /* What the supervisor reports: `ended` and `failed`, which must lead to one_shot_over or one_shot_stop, and what
     * comes of the orders (keeper.h): `facts` for keeper_examine alone; `ready`, `note` and the run's for keeper_run.
     */
    const struct keeper_handler *keeper;
    /* The machine is connected, and the session with its supervisor, s->keeper, has begun: time for the first orders.
     * May be NULL. */
    void (*begun)(void *arg);
    /* The machine cannot be reached, the connection is lost for good (then s->link is NULL; s->keeper is not if the
     * session had begun), or memory ran out. Once, and then it is over as with one_shot_over. */
    void (*failed)(void *arg, const struct err *why);
    /* SIGINT, SIGTERM, SIGHUP or SIGQUIT has come. NULL: they end the process at once, as usual. */
    void (*signalled)(void *arg, int number);
};

/* A command that runs. Its members are read only for the command. */
struct one_shot {
    const struct one_shot_command *command;
    const struct config_target *target;
    uv_loop_t loop;          /* from one_shot_start on */
    struct machine *machine; /* from one_shot_start on */
    struct link *link;       /* from one_shot_start on; NULL once it is lost for good */
    struct keeper *keeper;   /* from `begun` until it is over */
    /* one_shot.c's own */
    void *arg;
    struct timer *slow;
    uv_signal_t signals[ONE_SHOT_SIGNALS];
    bool is_open; /* the loop is */
    bool is_over;
    bool is_slow;                 /* connecting takes long, or the connection is lost */
    char waits_for[ERR_TEXT_MAX]; /* until then, the link's last note */
};

/* Runs a command from the command line to its exit status. config_given: --config from before the command, or NULL.
 * argv[0] is the command's name. What is wrong is reported on stderr. Returns the status of run, ONE_SHOT_WRONG for a
 * wrong command line, configuration or target; with --help, which is printed on stdout, whether that could be. */
int one_shot_main(const struct one_shot_command *c, const char *config_given, int argc, char **argv) MUST_USE;

/* Reads what follows the command's name, which is argv[0], into o. What is wrong goes to stderr. Returns 0, -1 for a
 * wrong command line. */
int one_shot_options_read(struct one_shot_options *o, int argc, char **argv) MUST_USE;

/* --- from run: --- */

/* Makes the loop and begins to connect. arg: of all handlers, none of which is called before one_shot_wait. Returns 0,
 * or -1 when memory ran out: then only returning from run may follow. */
int one_shot_start(struct one_shot *s, void *arg) MUST_USE;
/* Runs the loop until one_shot_stop. */
void one_shot_wait(struct one_shot *s);

/* --- from handlers: --- */

/* Nothing more is to be done on the Go machine: gives the session up, which ends what it still has there, and calls no
 * handler but `signalled` any more. The loop goes on, for what the command has still to write. Any number of times. */
void one_shot_over(struct one_shot *s);
/* Likewise, and has one_shot_wait return. */
void one_shot_stop(struct one_shot *s);
/* Prints a text on stderr, each of its lines behind "delvegate: ". Longer ones than ERR_TEXT_MAX are cut. */
void one_shot_report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- directories: --- */

/* A directory of the user's and what it is on the Go machine. All zero: none. */
struct one_shot_dir {
    char *given;    /* as it was named; NULL: that can't be determined */
    char *path;     /* on the Go machine, absolute; NULL: nowhere */
    char *rules;    /* the rule in the target's `paths` that maps it, else the first of those that don't; NULL: none */
    bool is_mapped; /* by a rule; else it is the same on the Go machine */
};

/* Finds what --cwd means on the target's Go machine: where its paths map it, else the same path. Returns 0, or -1 with
 * *why when it is no absolute path there, or memory ran out. one_shot_dir_free in any case. */
int one_shot_dir_find(struct one_shot_dir *d, const struct config_target *t, const char *cwd, struct err *why) MUST_USE;
/* Likewise for the current directory, by the name that the shell has for it or by its real one. Returns -1 with *why
 * when it can't be determined or no rule maps it: then only a machine that is this one, or a target without any rules,
 * has it. */
int one_shot_dir_current(struct one_shot_dir *d, const struct config_target *t, struct err *why) MUST_USE;
void one_shot_dir_free(struct one_shot_dir *d);

#endif
