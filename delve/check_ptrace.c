/* Whether Delve may trace: what it says when it may not, and what permits it. */
#include <stdlib.h>
#include <string.h>

#include "dap/err.h"
#include "delve/check_parts.h"

enum {
    CAP_SYS_PTRACE_BIT = 19, /* linux/capability.h */
    SECCOMP_FILTERED = 2,    /* /proc/PID/status: a filter is installed */
    YAMA_ATTACH = 1,         /* only to descendants, unless with the capability */
    YAMA_ADMIN = 2,          /* nothing without the capability */
    YAMA_NONE = 3,           /* nothing */
    HEXADECIMAL = 16,
    DECIMAL = 10
};

/* What decides it; the number is -1 where it is not known. */
struct rights {
    long yama, seccomp;
    bool is_effective, is_bounding; /* the capability, or that it is not known */
    bool is_root, is_container;
};

static long number(const struct delve_facts *f, const char *name)
{
    const char *text = delve_facts_get(f, name);
    return text && *text ? strtol(text, NULL, DECIMAL) : -1;
}

static bool has_capability(const struct delve_facts *f, const char *set)
{
    const char *text = delve_facts_get(f, set);
    return !text || (strtoull(text, NULL, HEXADECIMAL) >> CAP_SYS_PTRACE_BIT) & 1U;
}

static struct rights read_rights(const struct delve_facts *f)
{
    return (struct rights){
        .yama = number(f, "yama"),
        .seccomp = number(f, "Seccomp"),
        .is_effective = has_capability(f, "CapEff"),
        .is_bounding = has_capability(f, "CapBnd"),
        .is_root = number(f, "uid") == 0,
        .is_container = delve_facts_get(f, "container") != NULL,
    };
}

/* --- what Delve says --- */

static bool has(const char *line, size_t len, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= len; i++)
        if (strncmp(line + i, text, n) == 0)
            return true;
    return false;
}

static bool ends_with(const char *line, size_t len, const char *text)
{
    size_t n = strlen(text);
    return len >= n && strncmp(line + len - n, text, n) == 0;
}

bool delve_is_ptrace_failure(const char *text, bool *attach)
{
    for (const char *line = text; line && *line;) {
        size_t len = strcspn(line, "\n");
        /* A filter answers with either. */
        bool refused =
            ends_with(line, len, ": operation not permitted") || ends_with(line, len, ": function not implemented");
        *attach = has(line, len, "ould not attach to pid ");
        if (*attach && (refused || has(line, len, "kernel security setting") ||
                        ends_with(line, len, ": current user does not own the process")))
            return true;
        if (refused && has(line, len, "could not launch process: fork/exec "))
            return true;
        line += len + (line[len] == '\n');
    }
    return false;
}

/* --- what permits it --- */

#define RUN_ARGS " in runArgs of devcontainer.json (or to docker or podman run), and recreate the container"

static const char *of_yama(const struct rights *rights, bool attach)
{
    if (rights->yama >= YAMA_NONE)
        return "kernel.yama.ptrace_scope is 3 on the Go machine, which forbids all tracing: configure a lower value "
               "and reboot that machine (for a container: its host)";
    if (rights->is_effective)
        return NULL;
    if (rights->yama == YAMA_ADMIN)
        return "kernel.yama.ptrace_scope is 2 on the Go machine: run `sysctl -w kernel.yama.ptrace_scope=0` as root "
               "(for a container: on its host), or debug as root, in a container with "
               "\"--cap-add=SYS_PTRACE\"" RUN_ARGS;
    if (rights->yama == YAMA_ATTACH && attach)
        return rights->is_root ? "the Go machine's kernel forbids attaching (kernel.yama.ptrace_scope is 1) and the "
                                 "capability SYS_PTRACE is missing: add \"--cap-add=SYS_PTRACE\"" RUN_ARGS
                               : "the Go machine's kernel forbids attaching (kernel.yama.ptrace_scope is 1): run "
                                 "`sysctl -w kernel.yama.ptrace_scope=0` as root (for a container: on its host), or "
                                 "let delvegate launch the program";
    return NULL;
}

#define OF_ANOTHER_USER                                                                                                \
    "only root may trace another user's process, or one that is not dumpable (in a container with "                    \
    "\"--cap-add=SYS_PTRACE\"): use a target that logs in as the process's user"

#define FOR_THE_SAME "; if the user is the same, the container's seccomp filter forbids it: "

static const char *of_seccomp(const struct rights *rights, bool attach)
{
    if (rights->seccomp != SECCOMP_FILTERED)
        return NULL;
    /* Every container has a filter, and most of them let ptrace pass. */
    if (rights->is_container && attach && !rights->is_root && rights->is_bounding)
        return OF_ANOTHER_USER FOR_THE_SAME "add \"--security-opt=seccomp=unconfined\"" RUN_ARGS;
    if (rights->is_container && attach && !rights->is_root)
        return OF_ANOTHER_USER FOR_THE_SAME "add \"--cap-add=SYS_PTRACE\", and if that is not enough "
                                            "\"--security-opt=seccomp=unconfined\"," RUN_ARGS;
    if (rights->is_bounding && rights->is_container)
        return "the container's seccomp filter forbids ptrace: add \"--security-opt=seccomp=unconfined\"" RUN_ARGS;
    if (rights->is_container && attach && rights->is_root)
        return "the container lacks the capability SYS_PTRACE, which root needs to trace another user's process (with "
               "some seccomp filters, any process): add \"--cap-add=SYS_PTRACE\", and if that is not enough "
               "\"--security-opt=seccomp=unconfined\"," RUN_ARGS;
    if (rights->is_container)
        return "the container's seccomp filter forbids ptrace and the capability SYS_PTRACE is missing: add "
               "\"--cap-add=SYS_PTRACE\", and if that is not enough \"--security-opt=seccomp=unconfined\"," RUN_ARGS;
    return rights->is_bounding
               ? "a seccomp filter on the Go machine forbids ptrace: remove it (systemd: SystemCallFilter; in a "
                 "container add \"--security-opt=seccomp=unconfined\"" RUN_ARGS ")"
               : "a seccomp filter on the Go machine forbids ptrace, and the capability SYS_PTRACE is missing: in a "
                 "container add \"--cap-add=SYS_PTRACE\", and if that is not enough "
                 "\"--security-opt=seccomp=unconfined\"," RUN_ARGS "; under systemd allow it in SystemCallFilter";
}

static const char *of_another_cause(const struct rights *rights, bool attach)
{
    if (attach && !rights->is_root)
        return OF_ANOTHER_USER;
    if (!rights->is_bounding || (attach && rights->is_root && !rights->is_effective))
        return "the capability SYS_PTRACE is missing on the Go machine: in a container add "
               "\"--cap-add=SYS_PTRACE\"" RUN_ARGS;
    return "seccomp, capabilities and Yama all permit it: in a container add \"--cap-add=SYS_PTRACE\" "
           "and \"--security-opt=apparmor=unconfined\"" RUN_ARGS
           " (an emulated processor does not support it: use an image for the machine's own); elsewhere "
           "check the logs of AppArmor or SELinux";
}

void delve_ptrace_advice(const struct delve_facts *f, bool attach, struct buf *out)
{
    struct rights rights = read_rights(f);
    const char *text = of_yama(&rights, attach);
    if (!text)
        text = of_seccomp(&rights, attach);
    if (!text)
        text = of_another_cause(&rights, attach);
    buf_puts(out, text);
}

void check_ptrace(struct check_run *r)
{
    const struct delve_facts *f = r->check->facts;
    struct rights rights = read_rights(f);
    const char *trace = delve_facts_get(f, "trace");
    struct buf advice;
    bool attach = false;
    bool is_refused = delve_is_ptrace_failure(trace, &attach);
    const char *yama = of_yama(&rights, false);
    const char *yama_attach = of_yama(&rights, true);
    buf_init(&advice, ERR_TEXT_MAX);
    if (is_refused || (!trace && yama)) {
        delve_ptrace_advice(f, false, &advice);
        if (advice.failed)
            r->failed = true;
        else
            check_add(r, DELVE_FATAL, "Delve may not trace on %s%s%s, so nothing can be debugged: %s.", r->check->where,
                      is_refused ? ": " : "", is_refused ? trace : "", advice.data);
    } else if (yama_attach && (r->check->use == DELVE_USE_ANY || r->check->use == DELVE_USE_ATTACH)) {
        check_add(r, DELVE_WARNING, "Delve may not attach to a running process on %s: %s.", r->check->where,
                  yama_attach);
    }
    buf_free(&advice);
}
