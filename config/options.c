#include "config/options.h"

#include <string.h>

#include "config/config.h"

enum {
    PORT_MAX = 65535,
    MINUTE = 60,
    DAY = 24 * 60 * MINUTE,
    LEASE_MIN = 5,
    OUTAGE_OUTPUT_MAX = 1 << 30,
    PATH_BYTES_MAX = 4096,
    SSH_BYTES_MAX = 512,
    TEXT_BYTES_MAX = 1024,
    PEERS_MAX = 16,
    TARGETS_MAX = 256,
    LIST_MAX = 256,
    STEPS_MAX = 16,
    ATTEMPTS_MAX = 20,
    BACKOFF_MAX = 60000 /* milliseconds */
};

/* Each in the order of its enum in config.h. */
static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const mod_files[] = {"shadow", "edit", "never", NULL};
static const char *const while_running[] = {"tell", "always", NULL};
static const char *const after_crash[] = {"restart", "end", NULL};

const char *const config_steps[] = {"download", "tidy", "verify", "vendor", "cleanTestCache", NULL};

/* The aliases stand last. */
const char *const config_layers[] = {"debugger", "dap",          "rpc",   "fncall",  "gdbwire", "lldbout",
                                     "minidump", "debuglineerr", "stack", "modules", "gc",      NULL};

bool config_layer_is_alias(const char *layer)
{
    return strcmp(layer, "modules") == 0 || strcmp(layer, "gc") == 0;
}

bool config_env_is_pinned(const char *name, const char **option)
{
    static const struct {
        const char *name, *option;
    } pinned[] = {{"GOCACHE", "go.GOCACHE"}, {"GOMODCACHE", "go.GOMODCACHE"}, {"GOTMPDIR", NULL}};
    for (size_t i = 0; i < sizeof(pinned) / sizeof(*pinned); i++) {
        if (strcmp(name, pinned[i].name) == 0) {
            *option = pinned[i].option;
            return true;
        }
    }
    return false;
}

static const struct config_option path_options[] = {
    {.name = "client",
     .type = CONFIG_CLIENT_PATH,
     .offset = offsetof(struct config_path, client),
     .required = true,
     .max = PATH_BYTES_MAX,
     .example = "\"/Users/me/src\"",
     .text = "A directory on the machine of the editor, as an absolute path. A path with a drive letter (C:\\src) or a "
             "network name (\\\\server\\share) is a Windows path and is compared without regard to case."},
    {.name = "remote",
     .type = CONFIG_GO_PATH,
     .offset = offsetof(struct config_path, remote),
     .required = true,
     .max = PATH_BYTES_MAX,
     .example = "\"/home/me/src\"",
     .text = "The same directory on the Go machine, as an absolute path."},
    {0}};

static const struct config_option go_options[] = {
    {.name = "GOCACHE",
     .type = CONFIG_GO_PATH,
     .offset = offsetof(struct config_target, gocache),
     .max = PATH_BYTES_MAX,
     .otherwise = "what `go env GOCACHE` prints on the Go machine in a clean environment",
     .example = "\"/home/me/.cache/go-build\"",
     .text = "Go's build cache on the Go machine, as an absolute path. It is used by every Delve and every build of a "
             "session, whatever launch.json says."},
    {.name = "GOMODCACHE",
     .type = CONFIG_GO_PATH,
     .offset = offsetof(struct config_target, gomodcache),
     .max = PATH_BYTES_MAX,
     .otherwise = "what `go env GOMODCACHE` prints on the Go machine in a clean environment",
     .example = "\"/home/me/go/pkg/mod\"",
     .text = "Go's module cache on the Go machine, as an absolute path. It is used by every Delve and every build of a "
             "session, whatever launch.json says."},
    {.name = "path",
     .type = CONFIG_GO_PATH,
     .offset = offsetof(struct config_target, go_path),
     .max = PATH_BYTES_MAX,
     .otherwise = "looked for in PATH, the PATH of the login shell and the usual directories",
     .example = "\"/usr/local/go/bin/go\"",
     .text = "The go command on the Go machine, as an absolute path."},
    {.name = "env",
     .type = CONFIG_ENV,
     .offset = offsetof(struct config_target, go_env),
     .max = LIST_MAX,
     .otherwise = "nothing is added",
     .example = "{\"GOPRIVATE\": \"example.com\"}",
     .text = "Environment variables for Delve, the builds and the debugged program. Those of launch.json's env take "
             "precedence. GOCACHE and GOMODCACHE are set by their own options, and GOTMPDIR is always in the session's "
             "run directory: these three are refused here."},
    {0}};

static const struct config_option delve_options[] = {
    {.name = "path",
     .type = CONFIG_GO_PATH,
     .offset = offsetof(struct config_target, delve_path),
     .max = PATH_BYTES_MAX,
     .otherwise = "looked for in PATH, the PATH of the login shell, ~/go/bin and the usual directories",
     .example = "\"/home/me/go/bin/dlv\"",
     .text = "The dlv command on the Go machine, as an absolute path."},
    {.name = "logOutput",
     .type = CONFIG_LAYERS,
     .offset = offsetof(struct config_target, delve_log_output),
     .max = TEXT_BYTES_MAX,
     .value = "\"debugger\"",
     .example = "\"debugger,rpc\"",
     .text = "What Delve logs: its layers, separated by commas. `debugger` is always included, because delvegate reads "
             "it. Delve has no layers `modules` and `gc`; they are taken to mean `debugger`."},
    {.name = "flags",
     .type = CONFIG_FLAGS,
     .offset = offsetof(struct config_target, delve_flags),
     .max = LIST_MAX,
     .otherwise = "no flags other than delvegate's own",
     .example = "[\"--check-go-version=false\"]",
     .text = "Additional flags for dlv, each as one string: --name=value. Flags that delvegate sets itself "
             "(--headless, --api-version, --only-same-user, --accept-multiclient, --listen, --log-dest, --tty, "
             "--output, --continue, --init, -r and others) are refused."},
    {0}};

static const struct config_option recover_options[] = {
    {.name = "modFiles",
     .type = CONFIG_CHOICE,
     .names = mod_files,
     .offset = offsetof(struct config_recover, mod_files),
     .value = "\"shadow\"",
     .example = "\"never\"",
     .text =
         "Where module files that prevent a build are repaired. `shadow`: in copies in the session's run directory, "
         "which Delve then builds with; your go.mod, go.sum and go.work are not modified. `edit`: in your source tree. "
         "`never`: nothing is repaired, the problem is only explained. In any case a remedy only adds what is missing; "
         "one that would change the version of, replace or drop anything that go.mod names is refused."},
    {.name = "attempts",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct config_recover, attempts),
     .min = 1,
     .max = ATTEMPTS_MAX,
     .value = "3",
     .example = "5",
     .text = "How many times Delve is restarted within `window` before the session ends. A launch and your own Restart "
             "reset the count."},
    {.name = "window",
     .type = CONFIG_DURATION,
     .offset = offsetof(struct config_recover, window_seconds),
     .min = 1,
     .max = DAY,
     .value = "\"2m\"",
     .example = "\"10m\"",
     .text = "The period in which `attempts` are counted."},
    {.name = "backoff",
     .type = CONFIG_DURATION,
     .milliseconds = true,
     .offset = offsetof(struct config_recover, backoff_ms),
     .min = 1,
     .max = BACKOFF_MAX,
     .value = "\"250ms\"",
     .example = "\"1s\"",
     .text = "The delay before the first restart. The delay doubles with each further restart."},
    {.name = "whileRunning",
     .type = CONFIG_CHOICE,
     .names = while_running,
     .offset = offsetof(struct config_recover, while_running),
     .value = "\"tell\"",
     .example = "\"always\"",
     .text = "What happens when the log of a Delve whose program is running or stopped shows that the module graph is "
             "broken. `tell`: the Debug Console reports it, and the next Restart repairs it. `always`: Delve is "
             "restarted at once."},
    {.name = "afterCrash",
     .type = CONFIG_CHOICE,
     .names = after_crash,
     .offset = offsetof(struct config_recover, after_crash),
     .value = "\"restart\"",
     .example = "\"end\"",
     .text = "What happens when Delve dies, and the program with it. `restart`: the program is started again, with its "
             "breakpoints. `end`: the session ends; for programs that must not run twice."},
    {.name = "cleanModCache",
     .type = CONFIG_BOOLEAN,
     .offset = offsetof(struct config_recover, clean_mod_cache),
     .value = "false",
     .example = "true",
     .text = "Whether the entire module cache may be deleted (`go clean -modcache`) as a last resort, provided that "
             "the module proxy responds. Otherwise at most the damaged entry is fetched again."},
    {0}};

static const struct config_option step_options[] = {
    {.name = "step",
     .type = CONFIG_CHOICE,
     .alternative = true,
     .names = config_steps,
     .offset = offsetof(struct config_step, step),
     .otherwise = "`command` is run",
     .example = "\"tidy\"",
     .text = "A predefined step: `download` (go mod download), `tidy` (go mod tidy), `verify` (go mod verify), "
             "`vendor` (go mod vendor) or `cleanTestCache` (go clean -testcache)."},
    {.name = "command",
     .type = CONFIG_COMMAND,
     .alternative = true,
     .max = LIST_MAX,
     .otherwise = "`step` is run",
     .example = "[\"make\", \"generate\"]",
     .text = "Your own command: a line for sh -c, or a list of the program and its arguments."},
    {.name = "optional",
     .type = CONFIG_BOOLEAN,
     .offset = offsetof(struct config_step, optional),
     .value = "false",
     .example = "true",
     .text = "Whether the launch continues if this step fails."},
    {0}};

static const struct config_option target_options[] = {
    {.name = "listen",
     .type = CONFIG_LISTEN,
     .offset = offsetof(struct config_target, listen_host),
     .min = 1,
     .max = PORT_MAX,
     .value = "4711",
     .example = "\"127.0.0.1:4711\"",
     .text = "Where the editor connects: a port, or a loopback address and a port, such as 127.0.0.1:4711 or "
             "[::1]:4711. `debugServer` in launch.json names the same port. Each target needs its own port. An address "
             "that is not a loopback address is accepted only together with `allowPeer`."},
    {.name = "allowPeer",
     .type = CONFIG_ADDRESSES,
     .offset = offsetof(struct config_target, allow_peer),
     .max = PEERS_MAX,
     .otherwise = "only the user who runs delvegate can connect",
     .example = "[\"172.17.0.1\"]",
     .text = "Addresses from which anyone may connect. This is needed for a published port of a container (docker run "
             "-p): such connections come from the container's gateway, so the user who made them cannot be determined. "
             "Anyone who can connect from these addresses can run programs as the user who runs delvegate: publish the "
             "port on a loopback address only (-p 127.0.0.1:4711:4711)."},
    {.name = "ssh",
     .type = CONFIG_SSH,
     .offset = offsetof(struct config_target, ssh),
     .max = SSH_BYTES_MAX,
     .otherwise = "without `command`, the Go machine is the one on which delvegate runs",
     .example = "\"me@gomachine:22\"",
     .text = "The Go machine, as a destination for ssh: a Host of ssh_config, user@host or user@host:port."},
    {.name = "sshProgram",
     .type = CONFIG_MAYBE,
     .needs = "ssh",
     .offset = offsetof(struct config_target, ssh_program),
     .otherwise = "the ssh program is run if the SSH configuration requires something that delvegate lacks",
     .example = "true",
     .text = "Whether the Go machine is reached by running the ssh program of this machine: `true` always, `false` "
             "never. By default delvegate connects itself, through libssh2, and runs the ssh program only for "
             "certificates, security keys, PKCS#11, GSSAPI, KnownHostsCommand and algorithms that libssh2 lacks."},
    {.name = "command",
     .type = CONFIG_ARGV,
     .excludes = "ssh",
     .offset = offsetof(struct config_target, command),
     .max = LIST_MAX,
     .otherwise = "`ssh` determines how the Go machine is reached",
     .example = "[\"podman\", \"exec\", \"-i\", \"NAME\", \"sh\"]",
     .text = "A command that runs a shell on the Go machine and connects it to its own standard input and output, as a "
             "list: the program and its arguments. It is run on this machine, without a shell. Use it instead of `ssh` "
             "for containers and pods: podman exec, docker exec, kubectl exec."},
    {.name = "paths",
     .type = CONFIG_PATHS,
     .offset = offsetof(struct config_target, paths),
     .max = LIST_MAX,
     .otherwise = "files have the same path on both machines",
     .example = "[{\"client\": \"/Users/me/src\", \"remote\": \"/home/me/src\"}]",
     .text = "Which directories on the editor's machine correspond to which on the Go machine. Only complete path "
             "components match; if several match, the longest is used.",
     .members = path_options},
    {.name = "go",
     .type = CONFIG_OBJECT,
     .otherwise = "the defaults of its options",
     .example = "{\"GOCACHE\": \"/home/me/.cache/go-build\"}",
     .text = "Settings for Go on the Go machine.",
     .members = go_options},
    {.name = "delve",
     .type = CONFIG_OBJECT,
     .otherwise = "the defaults of its options",
     .example = "{\"path\": \"/home/me/go/bin/dlv\"}",
     .text = "Settings for Delve on the Go machine.",
     .members = delve_options},
    {.name = "prelaunch",
     .type = CONFIG_STEPS,
     .offset = offsetof(struct config_target, prelaunch),
     .max = STEPS_MAX,
     .otherwise = "nothing is run",
     .example = "[\"download\", {\"command\": \"make generate\", \"optional\": true}]",
     .text = "Steps that are run on the Go machine before Delve, at a launch and at each Restart: in this order, in "
             "the directory in which Delve builds, with Delve's environment. Each is the name of a predefined step, or "
             "an object. Output goes to the Debug Console; a failure ends the launch. `prelaunch` in the `delvegate` "
             "object of launch.json has the same form and replaces this one.",
     .members = step_options},
    {.name = "recover",
     .type = CONFIG_OBJECT,
     .inherits = true,
     .offset = offsetof(struct config_target, recover),
     .otherwise = "the settings of `recover` at the top level",
     .example = "{\"afterCrash\": \"end\"}",
     .text = "How Delve is restarted on this target. Options that are left out are taken from the top level.",
     .members = recover_options},
    {.name = "lease",
     .type = CONFIG_DURATION,
     .offset = offsetof(struct config_target, lease_seconds),
     .min = LEASE_MIN,
     .max = DAY,
     .value = "\"12h\"",
     .example = "\"90s\"",
     .text = "How long Delve and the program are kept after delvegate was last heard from, because the connection is "
             "lost or delvegate was killed. delvegate tries to reconnect for the same time. A build is kept for 10 "
             "minutes at most. On this machine (without `ssh` and `command`) all of them end as soon as delvegate "
             "does, or after this time if delvegate hangs."},
    {.name = "outageOutput",
     .type = CONFIG_INTEGER,
     .offset = offsetof(struct config_target, outage_output),
     .max = OUTAGE_OUTPUT_MAX,
     .value = "67108864",
     .example = "1073741824",
     .text = "How many bytes of each of the program's output streams are kept in a file on the Go machine while the "
             "connection is lost, in addition to 1 MiB in memory. A program that prints more waits until the "
             "connection is restored; the Debug Console reports this."},
    {.name = "keepWarm",
     .type = CONFIG_DURATION,
     .offset = offsetof(struct config_target, keep_warm_seconds),
     .max = DAY,
     .value = "\"10m\"",
     .example = "\"1h\"",
     .text = "How long the connection to the Go machine is kept after its last session, so that the next one starts "
             "faster. \"0s\" closes it at once."},
    {0}};

static const struct config_option log_options[] = {
    {.name = "level",
     .type = CONFIG_CHOICE,
     .names = levels,
     .offset = offsetof(struct config, log_level),
     .value = "\"info\"",
     .example = "\"debug\"",
     .text = "How much delvegate logs to standard error. Each level includes those before it."},
    {0}};

const struct config_option config_options[] = {
    {.name = "$schema",
     .type = CONFIG_IGNORED,
     .max = PATH_BYTES_MAX,
     .otherwise = "the editor does not check this file",
     .example = "\"./delvegate.schema.json\"",
     .text = "Where an editor finds the JSON Schema of this file (delvegate --print-schema prints it). delvegate "
             "ignores it."},
    {.name = "recover",
     .type = CONFIG_OBJECT,
     .offset = offsetof(struct config, recover),
     .otherwise = "the defaults of its options",
     .example = "{\"modFiles\": \"never\"}",
     .text = "How Delve is restarted if the module graph is broken, or if Delve crashes or is killed. This applies to "
             "all targets; each can override it.",
     .members = recover_options},
    {.name = "targets",
     .type = CONFIG_TARGETS,
     .min = 1,
     .max = TARGETS_MAX,
     .value = "{\"local\": {}}",
     .example = "{\"gomachine\": {\"ssh\": \"gomachine\"}}",
     .text = "The Go machines, each under a name of letters, digits, \".\", \"_\" and \"-\".",
     .members = target_options},
    {.name = "idleExit",
     .type = CONFIG_DURATION,
     .offset = offsetof(struct config, idle_exit_seconds),
     .min = 1,
     .max = DAY,
     .otherwise = "delvegate runs until it is stopped",
     .example = "\"30m\"",
     .text = "How long a delvegate that was started by its socket (systemd's delvegate.socket) runs without a session "
             "before it exits. The next connection starts it again."},
    {.name = "log",
     .type = CONFIG_OBJECT,
     .otherwise = "the defaults of its options",
     .example = "{\"level\": \"info\"}",
     .text = "Settings for delvegate's log.",
     .members = log_options},
    {0}};

const char *config_type_text(enum config_type type)
{
    switch (type) {
    case CONFIG_OBJECT:
    case CONFIG_TARGETS:
        return "an object";
    case CONFIG_PATHS:
        return "a list of objects {\"client\": ..., \"remote\": ...}";
    case CONFIG_ENV:
        return "an object of names and strings";
    case CONFIG_FLAGS:
        return "a list of strings";
    case CONFIG_ADDRESSES:
        return "a list of IP addresses such as [\"172.17.0.1\"]";
    case CONFIG_STEPS:
        return "a list of steps such as [\"download\", \"tidy\"]";
    case CONFIG_COMMAND:
        return "a line for sh, or a list of strings with the program first";
    case CONFIG_ARGV:
        return "a list of strings with the program first, such as [\"podman\", \"exec\", \"-i\", \"NAME\", \"sh\"]";
    case CONFIG_IGNORED:
        return "a string";
    case CONFIG_LISTEN:
        return "a port number or a string such as \"127.0.0.1:4711\"";
    case CONFIG_SSH:
        return "a string such as \"user@host\"";
    case CONFIG_GO_PATH:
    case CONFIG_CLIENT_PATH:
        return "a string that is an absolute path";
    case CONFIG_DURATION:
        return "a duration such as \"90s\", \"10m\" or \"1h\"";
    case CONFIG_INTEGER:
        return "a whole number";
    case CONFIG_BOOLEAN:
    case CONFIG_MAYBE:
        return "true or false";
    case CONFIG_CHOICE:
        return NULL;
    case CONFIG_LAYERS:
        return "a string such as \"debugger,rpc\"";
    }
    return NULL;
}

const struct config_option *config_option_find(const struct config_option *members, const char *name)
{
    for (const struct config_option *option = members; option && option->name; option++)
        if (strcmp(option->name, name) == 0)
            return option;
    return NULL;
}
