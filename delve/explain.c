#include <stdbool.h>
#include <string.h>

#include "dap/err.h"
#include "delve/log.h"

enum {
    SHOWN_LINES = 40,   /* of the build's output: the end of it, where the errors are */
    SHOWN_LOG_LINES = 5 /* of Delve's log: errors only */
};

/* What is said to whoever sees one of these texts. The first row that matches counts: what is more special comes
   first. Sources of the texts: cmd/dlv, pkg/proc and the go command, seen with the versions in the facts. */
static const struct {
    const char *text;
    const char *hint;
} hints[] = {
    {"exec: \"go\": executable file not found",
     "Delve does not find go on the Go machine: name it with go.path in the target's configuration."},
    {"unknown flag: ", "This Delve does not know the flag: remove it from dlvFlags or delve.flags, or update Delve."},
    {"unknown shorthand flag: ",
     "This Delve does not know the flag: remove it from dlvFlags or delve.flags, or update Delve."},
    {"invalid argument ", "Delve does not take this value: correct it in dlvFlags or delve.flags."},
    {"unknown command ", "This Delve lacks the command: update Delve on the Go machine."},
    {"unknown API version", "delvegate needs API version 2, which this Delve refuses: update Delve on the Go machine."},
    {"Version of Delve is too old for Go version",
     "Update Delve on the Go machine: go install github.com/go-delve/delve/cmd/dlv@latest"},
    {"is too old for this version of Delve",
     "Update Go on the Go machine, use an older Delve, or try \"dlvFlags\": [\"--check-go-version=false\"]."},
    {"[no test files]", "The package has no tests: program must name a package with _test.go files in mode test."},
    {"not an executable file",
     "The program must be a main package for this machine: check that program names package main, that GOOS and GOARCH "
     "are not set for another system, and that the run directory is not mounted noexec."},
    {"exec format error", "The binary is for another processor: check GOARCH in env and GOFLAGS."},
    {"could not open debug info", "The binary has no debug information: build it without -ldflags=-s or -w."},
    {"could not launch process: fork/exec", "Either the binary or the program's working directory cannot be used on "
                                            "the Go machine: check cwd and program, and "
                                            "the target's paths."},
    {"could not launch process: open", "The binary is not on the Go machine: check program and the target's paths."},
    {"no such process", "No process has this id on the Go machine: check processId (`pgrep -a NAME` there)."},
    {"ptrace_scope",
     "The kernel of the Go machine forbids attaching: as root there, write 0 to /proc/sys/kernel/yama/ptrace_scope."},
    {"current user does not own the process",
     "The process belongs to another user: name a target whose ssh user is that one."},
    {"already being debugged by pid", "Another debugger holds the process: end that one first."},
    {"operation not permitted",
     "The Go machine does not let Delve trace processes: in a container, add the capability SYS_PTRACE."},
    {"address already in use", "Another process holds the port on the Go machine: end it and try again."},
    {"redirect error: ", "Delve could not use delvegate's redirections: remove -r from its flags."},
    {"no space left on device",
     "A disk of the Go machine is full: free some space (`go clean -cache` gives back much)."},
    {"signal: killed", "The kernel ended the build, most often for lack of memory on the Go machine."},
    {"text file busy", "An old process of this binary still runs on the Go machine: end it and try again."},
    {"SECURITY ERROR", "The module's checksum is not the one in go.sum. If `go clean -modcache` on the Go machine does "
                       "not help, go.sum or "
                       "the module is wrong: do not turn the check off."},
    {"checksum mismatch", "The module's checksum is not the one expected: see `go help module-auth`."},
    {"inconsistent vendoring in", "Run `go mod vendor` in the module on the Go machine, or build with -mod=mod."},
    {"import lookup disabled by -mod=vendor", "Run `go mod vendor` in the module on the Go machine."},
    {"cannot find package \".\" in:", "Run `go mod vendor` in the module on the Go machine."},
    {"updates to go.mod needed", "Run `go mod tidy` in the module on the Go machine."},
    {"replacement directory ", "The directory that go.mod's replace names is not on the Go machine: copy it there."},
    {"no required module provides package",
     "Run `go mod tidy` in the module on the Go machine; for a package of your own, check that it was copied there."},
    {"module lookup disabled by GOPROXY=off",
     "The module is not in the Go machine's cache and GOPROXY=off: fetch it, or set GOPROXY in go.env of the target."},
    {"missing go.sum entry", "Run `go mod download all` in the module on the Go machine (or `go mod tidy`)."},
    {"malformed go.sum", "Delete the broken line of go.sum and run `go mod tidy`."},
    {"go.mod file not found in current directory",
     "There is no go.mod at or above program on the Go machine: check program and the target's paths, and that the "
     "files were copied there."},
    {"not one of the workspace modules",
     "Run `go work use .` in the module on the Go machine, or set GOWORK=off in env."},
    {"listed in go.work file", "A module that go.work names is not on the Go machine: copy it there."},
    {"errors parsing go.", "Correct the file at the line shown."},
    {"toolchain not available", "go.mod asks for a newer Go than the Go machine has and can fetch: install it there."},
    {"(running go ", "go.mod asks for a newer Go than the Go machine has: install it there, or set GOTOOLCHAIN=auto."},
    {"invalid go version '", "go.mod is written for a newer Go than the Go machine has: install it there."},
    {"error obtaining VCS status",
     "Add -buildvcs=false to buildFlags, or let git trust the directory (safe.directory)."},
    {"build cache is required", "Set GOCACHE of the target to an absolute path on the Go machine."},
    {"failed to initialize build cache",
     "The build cache cannot be written: set GOCACHE of the target to a directory of the ssh user."},
    {"could not create module cache",
     "The module cache cannot be written: set GOMODCACHE of the target to a directory of the ssh user."},
    {"GOMODCACHE entry is relative", "Set GOMODCACHE of the target to an absolute path on the Go machine."},
    {"cannot find GOROOT directory", "GOROOT on the Go machine is wrong: correct it in go.env of the target."},
    {"does not match go tool version",
     "GOROOT on the Go machine is that of another Go: remove it from its environment."},
    {"parsing $GOFLAGS", "Correct GOFLAGS in env, in go.env of the target, or in `go env GOFLAGS` of the Go machine."},
    {"flag provided but not defined", "go does not know this build flag: correct buildFlags."},
    {"zip: not a valid zip file", "The module cache of the Go machine is damaged: run `go clean -modcache` there."},
    {"C compiler ", "Install a C compiler on the Go machine, or set CGO_ENABLED=0 in env."},
    {"terminal prompts disabled",
     "git on the Go machine has no credentials for this repository: see GOPRIVATE and git's helpers."},
    {"could not read Username",
     "git on the Go machine has no credentials for this repository: see GOPRIVATE and git's helpers."},
    {"Permission denied (publickey)", "git on the Go machine has no key for this repository."},
    {"no such host",
     "The Go machine does not find this host: check its network, or set GOPROXY in go.env of the target."},
    {"dial tcp",
     "The Go machine does not reach the module proxy: check its network, or set GOPROXY in go.env of the target."},
    {"build constraints exclude all Go files",
     "No file fits the tags and the system: check -tags in buildFlags, GOOS and GOARCH."},
    {"no Go files in",
     "program names a directory without Go files on the Go machine: check program and the target's paths."},
    {"directory not found", "program is not there on the Go machine: check program and the target's paths."},
    {"creating work dir", "The run directory is gone on the Go machine: start again."},
    {"cannot execute: required file not found", "The binary's loader is not on the Go machine: build it there."},
};

static const char *hint_for(const char *text)
{
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
        if (n && buf_append(&line, p, n < ERR_TEXT_MAX ? n : ERR_TEXT_MAX) == 0) {
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

int delve_log_explain(struct buf *out, const char *build_output, const char *log, int exit_status)
{
    size_t start = out->len;
    if (build_output)
        add_output(out, start, build_output);
    if (log)
        add_log_errors(out, start, log);
    if (out->len == start)
        buf_printf(out, "Delve ended with exit status %d before it was ready, and said nothing.", exit_status);
    const char *hint = hint_for(build_output);
    if (!hint)
        hint = hint_for(log);
    if (hint)
        buf_printf(out, "\n%s", hint);
    return out->failed ? -1 : 0;
}
