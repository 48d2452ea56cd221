#include <stdbool.h>
#include <string.h>

#include "dap/err.h"
#include "delve/blame.h"
#include "delve/check.h"
#include "delve/log.h"
#include "delve/signatures.h"

enum {
    SHOWN_LINES = 40,   /* of the build's output: the end of it, where the errors are */
    SHOWN_LOG_LINES = 5 /* of Delve's log: errors only */
};

/* What is said of a start that failed for another reason than the module graph, which has a table of its own. The first
   row that matches counts: what is more special comes first. Sources of the texts: cmd/dlv, pkg/proc and the system. */
static const struct {
    const char *text;
    const char *hint;
} hints[] = {
    {"exec: \"go\": executable file not found",
     "Delve cannot find go on the Go machine: set go.path of the target to the go command."},
    {"unknown flag: ",
     "This version of Delve does not know the flag: remove it from dlvFlags or delve.flags, or update Delve."},
    {"unknown shorthand flag: ",
     "This version of Delve does not know the flag: remove it from dlvFlags or delve.flags, or update Delve."},
    {"invalid argument ", "Delve does not accept this value: correct it in dlvFlags or delve.flags."},
    {"unknown command ", "This version of Delve lacks the command: update Delve on the Go machine."},
    {"unknown API version",
     "delvegate needs API version 2, which this version of Delve does not support: update Delve on the Go machine."},
    {"Version of Delve is too old for Go version",
     "Update Delve on the Go machine: go install github.com/go-delve/delve/cmd/dlv@latest"},
    {"is too old for this version of Delve",
     "Update Go on the Go machine, use an older Delve, or try \"dlvFlags\": [\"--check-go-version=false\"]."},
    {"[no test files]", "The package has no tests: program must name a package with _test.go files in mode test."},
    {"not an executable file",
     "The program must be a main package for the Go machine: check that program names package main, that GOOS and "
     "GOARCH are not set for another system, and that the run directory is not mounted noexec."},
    {"exec format error", "The binary is for another processor architecture: check GOARCH in env and GOFLAGS."},
    {"could not open debug info", "The binary has no debug information: build it without -ldflags=-s or -w."},
    {"could not launch process: fork/exec", "Either the binary or the program's working directory cannot be used on "
                                            "the Go machine: check cwd and program, and "
                                            "the target's paths."},
    {"could not launch process: open", "The binary is not on the Go machine: check program and the target's paths."},
    {"no such process",
     "No process on the Go machine has this id: check processId against `pgrep -a NAME` on that machine."},
    {"current user does not own the process",
     "The process belongs to another user: use a target that logs in as that user."},
    {"already being debugged by pid", "Another debugger is attached to the process: end that debugger first."},
    {"address already in use", "Another process on the Go machine uses the port: end it and try again."},
    {"redirect error: ", "Delve could not use delvegate's redirections: remove -r from its flags."},
    {"no space left on device", "A disk of the Go machine is full: free some space (`go clean -cache` frees a lot)."},
    {" for flag -", "go does not accept this value of a build flag: correct buildFlags."},
    {"flag provided but not defined", "go does not know this build flag: correct buildFlags."},
    {"cannot execute: required file not found",
     "The binary's dynamic loader is not on the Go machine: build the binary on that machine."},
};

static const char *hint_for(const char *text, const struct delve_facts *facts)
{
    struct delve_diagnosis d;
    if (delve_diagnose_build_with(&d, text, facts))
        return d.signature->advice;
    for (size_t i = 0; text && i < sizeof hints / sizeof hints[0]; i++)
        if (strstr(text, hints[i].text))
            return hints[i].hint;
    return NULL;
}

static size_t line_length(const char *line)
{
    return strcspn(line, "\n");
}

static bool line_begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* The lines that say nothing to a person: which port would have been listened on, and how the go command ended. */
static bool is_noise(const char *line)
{
    static const char ended[] = "exit status ";
    size_t n = line_length(line);
    if (line_begins(line, "API server listening at: ") || n == 0)
        return true;
    return line_begins(line, ended) && strspn(line + sizeof ended - 1, "0123456789") == n - (sizeof ended - 1);
}

/* pflag's complaint is followed by forty lines of usage: the complaint is enough. */
static const char *usage_error(const char *output)
{
    for (const char *line = output; line;) {
        if (line_begins(line, "Error: unknown ") || line_begins(line, "Error: invalid argument "))
            return line;
        line = strchr(line, '\n');
        if (line)
            line++;
    }
    return NULL;
}

static void add_line(struct buf *out, size_t start, const char *line, size_t len)
{
    if (out->len > start)
        buf_puts(out, "\n");
    buf_append(out, line, len);
}

static const char *last_lines(const char *text, size_t wanted)
{
    const char *p = text + strlen(text);
    if (p > text && p[-1] == '\n')
        p--;
    while (p > text && (p[-1] != '\n' || --wanted > 0))
        p--;
    return p;
}

static void add_output(struct buf *out, size_t start, const char *output)
{
    const char *error = usage_error(output);
    if (error) {
        add_line(out, start, error, line_length(error));
        return;
    }
    size_t gap = 0; /* empty lines inside the text stay, those around it go */
    for (const char *line = last_lines(output, SHOWN_LINES); *line;) {
        size_t n = line_length(line);
        if (n == 0)
            gap++;
        if (!is_noise(line)) {
            for (; gap && out->len > start; gap--)
                buf_puts(out, "\n");
            gap = 0;
            add_line(out, start, line, n);
        }
        line += n + (line[n] == '\n');
    }
}

static void add_log_errors(struct buf *out, size_t start, const char *log)
{
    struct buf line;
    buf_init(&line, ERR_TEXT_MAX);
    size_t shown = 0;
    for (const char *p = log; *p && shown < SHOWN_LOG_LINES;) {
        size_t n = line_length(p);
        buf_clear(&line);
        buf_append(&line, p, n < ERR_TEXT_MAX ? n : ERR_TEXT_MAX);
        if (line.len) {
            struct delve_log_event event = delve_log_read(line.data);
            if (event.kind == DELVE_LOG_ERROR && !strstr(out->data ? out->data + start : "", event.message)) {
                add_line(out, start, event.message, strlen(event.message));
                shown++;
            }
        }
        p += n + (p[n] == '\n');
    }
    buf_free(&line);
}

/* Appends a sentence on ptrace when that is what failed. Returns whether it is. */
static bool add_ptrace(struct buf *out, const char *text, const struct delve_facts *machine)
{
    bool attach = false;
    if (!text || !delve_is_ptrace_failure(text, &attach))
        return false;
    if (strstr(text, "ptrace_scope") && !delve_facts_get(machine, "yama")) {
        buf_puts(out, "\nThe Go machine's kernel forbids attaching: run `sysctl -w kernel.yama.ptrace_scope=0` as root "
                      "(for a container: on its host).");
        return true;
    }
    buf_printf(out, "\nDelve may not %s: ", attach ? "attach to the process" : "trace the program");
    delve_ptrace_advice(machine, attach, out);
    buf_puts(out, ".");
    return true;
}

/* Whether a name of the package itself is missing: `undefined: name`, or a method (`x.m undefined (type T has no field
   or method m)`), but not `undefined: fmt.Printn`. */
static bool lacks_own_name(const char *output)
{
    static const char undefined[] = "undefined: ";
    for (const char *at = output; (at = strstr(at, undefined)); at += sizeof undefined - 1) {
        const char *name = at + sizeof undefined - 1;
        if (name[strcspn(name, ".\n")] != '.')
            return true;
    }
    return strstr(output, " undefined (type ");
}

/* Appends a sentence when names are missing that may be in the package's other files. Returns whether they may. */
static bool add_one_file(struct buf *out, const char *build_output, const struct delve_plan *plan)
{
    /* Go's name for a package of files that its command line names. */
    const char *at = build_output ? strstr(build_output, "# command-line-arguments\n") : NULL;
    if (!at || !lacks_own_name(at))
        return false;
    buf_puts(out, "\nprogram names one file of a package, so its other files are not compiled. If the names are "
                  "declared in those, set program to the directory");
    if (plan && plan->build_dir && !plan->dlv_cwd_from.attribute)
        buf_printf(out, ": %s", plan->build_dir);
    buf_puts(out, ".");
    return true;
}

/* Appends a sentence when the fault is in launch.json. Returns whether it is. */
static bool add_blame(struct buf *out, const char *build_output, const struct delve_known *known)
{
    struct delve_blame_of of = {.plan = known->plan, .facts = known->facts, .machine = known->machine};
    struct buf blame;
    buf_init(&blame, ERR_TEXT_MAX);
    bool found = of.plan && delve_blame(&of, build_output, &blame) && !blame.failed;
    if (found)
        buf_printf(out, "\n%s", blame.data);
    buf_free(&blame);
    return found;
}

int delve_log_explain(struct buf *out, const char *build_output, const char *log, int exit_status)
{
    return delve_log_explain_on(out, build_output, log, exit_status, &(struct delve_known){0});
}

int delve_log_explain_on(struct buf *out, const char *build_output, const char *log, int exit_status,
                         const struct delve_known *known)
{
    size_t start = out->len;
    if (build_output)
        add_output(out, start, build_output);
    if (log)
        add_log_errors(out, start, log);
    if (out->len == start)
        buf_printf(out, "Delve ended with exit status %d before it was ready, without a message.", exit_status);
    if (add_blame(out, build_output, known))
        return out->failed ? -1 : 0;
    if (add_ptrace(out, build_output, known->machine) || add_ptrace(out, log, known->machine))
        return out->failed ? -1 : 0;
    if (add_one_file(out, build_output, known->plan))
        return out->failed ? -1 : 0;
    const char *hint = hint_for(build_output, known->facts);
    if (!hint)
        hint = hint_for(log, known->facts);
    if (hint)
        buf_printf(out, "\n%s", hint);
    return out->failed ? -1 : 0;
}
