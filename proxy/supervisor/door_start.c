/* How a supervisor is started. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/supervisor/door_private.h"
#include "proxy/supervisor/file.h"
#include "proxy/supervisor/supervise.h"

enum {
    BACKLOG = 64,
    CHUNK = 16 * 1024,
    ANSWER_MAX = 4096,  /* bytes of what loginctl prints */
    ANSWER_SECONDS = 3, /* for it */
    CANNOT_EXEC = 127
};

int door_path(char path[SUPERVISOR_PATH_MAX], const char *dir, const char *name)
{
    int n = snprintf(path, SUPERVISOR_PATH_MAX, "%s/%s", dir, name);
    if (n >= 0 && n < SUPERVISOR_PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

int door_bind(const char *dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[SUPERVISOR_PATH_MAX];
    int s, error;
    if (door_path(path, dir, DOOR_SOCKET) < 0)
        return -1;
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return -1;
    (void)unlink(path);
    if (bind(s, (struct sockaddr *)&address, sizeof address) == 0 && listen(s, BACKLOG) == 0)
        return s;
    error = errno;
    (void)close(s);
    errno = error;
    return -1;
}

/* FNV-1a. */
uint64_t door_hash(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ at[i]) * 0x100000001b3U;
    return hash;
}

void door_identity(char *identity)
{
    char bytes[CHUNK];
    uint64_t hash = DOOR_HASH;
    ssize_t n = 0;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && ((n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR)))
        hash = door_hash(hash, bytes, n > 0 ? (size_t)n : 0);
    if (fd >= 0)
        (void)close(fd);
    (void)snprintf(identity, DOOR_IDENTITY_MAX, "%.*s-%016llx", DOOR_IDENTITY_MAX / 2, supervise_build(),
                   (unsigned long long)hash);
    for (char *c = identity; *c; c++)
        if (*c == ' ')
            *c = '_';
}

/* --- logind --- */

/* The value of a line "NAME=VALUE". Returns whether it is `value`, or has that word. */
static bool has_word(const char *text, const char *name, const char *value)
{
    size_t name_len = strlen(name), value_len = strlen(value);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, name_len) != 0 || line[name_len] != '=')
            continue;
        for (const char *at = line + name_len + 1; *at && *at != '\n';) {
            size_t n = strcspn(at, " \n");
            if (n == value_len && strncmp(at, value, n) == 0)
                return true;
            at += n + (at[n] == ' ');
        }
    }
    return false;
}

static bool has_any(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at && at[strlen(name)] == '=' && at[strlen(name) + 1] != '\n' && at[strlen(name) + 1];
}

enum door_logout door_logout(const char *cgroup, const char *manager, const char *user, const char *user_name)
{
    const char *session = strstr(cgroup, "/session-");
    if (!session || !strstr(session, ".scope") || !has_word(manager, "KillUserProcesses", "yes"))
        return DOOR_STAYS;
    if (has_word(manager, "KillExcludeUsers", user_name))
        return DOOR_STAYS;
    if (has_any(manager, "KillOnlyUsers") && !has_word(manager, "KillOnlyUsers", user_name))
        return DOOR_STAYS;
    return has_word(user, "Linger", "yes") ? DOOR_NEEDS_SCOPE : DOOR_IS_KILLED;
}

static size_t read_text(int fd, char *text, size_t size)
{
    size_t len = 0;
    ssize_t n;
    while (len < size - 1 && ((n = read(fd, text + len, size - 1 - len)) > 0 || (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    text[len] = '\0';
    return len;
}

/* What a command prints; nothing when it is not there or does not come to an end. */
static void ask(char *const argv[], char text[ANSWER_MAX])
{
    int ends[2];
    pid_t pid;
    text[0] = '\0';
    if (pipe2(ends, O_CLOEXEC) < 0)
        return;
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        (void)alarm(ANSWER_SECONDS);
        (void)execvp(argv[0], argv);
        _exit(CANNOT_EXEC);
    }
    (void)close(ends[1]);
    if (pid > 0) {
        (void)read_text(ends[0], text, ANSWER_MAX);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    (void)close(ends[0]);
}

static enum door_logout ask_logind(void)
{
    static char *const of_manager[] = {"loginctl", "show-session",     "-p", "KillUserProcesses", "-p", "KillOnlyUsers",
                                       "-p",       "KillExcludeUsers", NULL};
    char uid[32], cgroup[ANSWER_MAX], manager[ANSWER_MAX], user[ANSWER_MAX], name[ANSWER_MAX];
    char *of_user[] = {"loginctl", "show-user", uid, "-p", "Linger", "-p", "Name", NULL};
    const char *at;
    if (file_read("/proc/self/cgroup", cgroup, sizeof cgroup) < 0 || !strstr(cgroup, "/session-"))
        return DOOR_STAYS;
    (void)snprintf(uid, sizeof uid, "%lu", (unsigned long)getuid());
    ask(of_manager, manager);
    ask(of_user, user);
    at = strstr(user, "Name=");
    (void)snprintf(name, sizeof name, "%.*s", at ? (int)strcspn(at + 5, "\n") : 0, at ? at + 5 : "");
    return door_logout(cgroup, manager, user, name);
}

/* --- The process --- */

static void own_path(char path[SUPERVISOR_PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", path, SUPERVISOR_PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    if (access(path, X_OK) < 0)
        (void)snprintf(path, SUPERVISOR_PATH_MAX, "/proc/self/exe");
}

static void set_runtime_dir(void)
{
    char dir[64];
    (void)snprintf(dir, sizeof dir, "/run/user/%lu", (unsigned long)getuid());
    (void)setenv("XDG_RUNTIME_DIR", dir, 0);
}

/* In a scope of its own below the user's manager: systemd-run becomes the program. Returns when there is none. */
static void exec_scope(char *path, char *dir)
{
    char *check[] = {"systemd-run", "--user", "--scope", "--quiet", "--collect", "true", NULL};
    char *argv[] = {"systemd-run", "--user", "--scope", "--quiet", "--collect", path, DOOR_ROLE, dir, NULL};
    int status = -1;
    pid_t pid;
    set_runtime_dir();
    pid = fork();
    if (pid == 0) {
        (void)alarm(ANSWER_SECONDS);
        (void)execvp(check[0], check);
        _exit(CANNOT_EXEC);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status == 0)
        (void)execvp(argv[0], argv);
}

static void note_logout(void)
{
    (void)setenv(
        DOOR_NOTE,
        "The Go machine kills a user's processes at logout (KillUserProcesses=yes), so a lost connection would end the "
        "debug session; run `loginctl enable-linger` on it, or set KillUserProcesses=no in its logind.conf",
        1);
}

_Noreturn static void become(const char *dir, int socket)
{
    char path[SUPERVISOR_PATH_MAX], where[SUPERVISOR_PATH_MAX];
    char *argv[] = {"delvegate-supervisor", DOOR_ROLE, where, NULL};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)snprintf(where, sizeof where, "%s", dir);
    (void)setsid();
    if (chdir("/") < 0 || null < 0 || dup2(socket, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0)
        _exit(CANNOT_EXEC);
    file_close_from(STDERR_FILENO + 1, NULL, 0);
    own_path(path);
    switch (ask_logind()) {
    case DOOR_NEEDS_SCOPE:
        exec_scope(path, where);
        note_logout();
        break;
    case DOOR_IS_KILLED:
        note_logout();
        break;
    case DOOR_STAYS:
        break;
    }
    (void)execv(path, argv);
    _exit(CANNOT_EXEC);
}

int door_start(const char *dir, int socket)
{
    pid_t pid = fork();
    if (pid == 0)
        become(dir, socket);
    return pid < 0 ? -1 : 0;
}
