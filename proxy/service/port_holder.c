#include "proxy/service/port_holder.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/service/peer.h"

enum {
    PATH_SIZE = 320,
    LINK_SIZE = 64,
    ANSWER_MAX = 8192, /* bytes of systemctl's answer that are read */
    ASK_MS = 2000,
    MS_PER_S = 1000,
    NS_PER_MS = 1000000,
    BASE = 10
};

/* --- its process --- */

static bool has_socket(const char *pid, const char *socket)
{
    char path[PATH_SIZE], link[LINK_SIZE];
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%s/fd", pid);
    DIR *fds = opendir(path);
    for (struct dirent *e = fds ? readdir(fds) : NULL; e && !found; e = readdir(fds)) {
        ssize_t n = readlinkat(dirfd(fds), e->d_name, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        found = strcmp(link, socket) == 0;
    }
    if (fds)
        (void)closedir(fds);
    return found;
}

static void read_name(struct port_holder *h, const char *pid)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "/proc/%s/comm", pid);
    FILE *f = fopen(path, "re");
    if (f && fgets(h->name, sizeof h->name, f))
        h->name[strcspn(h->name, "\n")] = '\0';
    if (f)
        (void)fclose(f);
}

/* Several may share the socket, as systemd and what it starts do: delvegate is the one to name. */
static void find_process(struct port_holder *h, unsigned long inode)
{
    char socket[LINK_SIZE];
    (void)snprintf(socket, sizeof socket, "socket:[%lu]", inode);
    DIR *all = opendir("/proc");
    for (struct dirent *e = all ? readdir(all) : NULL; e && !port_holder_is_delvegate(h); e = readdir(all)) {
        if (!isdigit((unsigned char)e->d_name[0]) || !has_socket(e->d_name, socket))
            continue;
        h->pid = (pid_t)strtol(e->d_name, NULL, BASE);
        read_name(h, e->d_name);
    }
    if (all)
        (void)closedir(all);
}

/* --- the socket unit --- */

static int start_systemctl(int out, pid_t *pid)
{
    static const char *const argv[] = {
        "systemctl", "--user", "show", "--property=ActiveState", "--property=Listen", "--", "delvegate.socket", NULL};
    posix_spawn_file_actions_t files;
    if (posix_spawn_file_actions_init(&files) != 0)
        return -1;
    int r = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    r = r ? r : posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, STDERR_FILENO);
    r = r ? r : posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    r = r ? r : posix_spawnp(pid, argv[0], &files, NULL, (char *const *)argv, environ);
    (void)posix_spawn_file_actions_destroy(&files);
    return r ? -1 : 0;
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * MS_PER_S + t.tv_nsec / NS_PER_MS;
}

/* Reads until its end or the deadline. */
static void read_answer(int fd, char answer[static ANSWER_MAX])
{
    size_t len = 0;
    long end = now_ms() + ASK_MS, left = ASK_MS;
    ssize_t n = 1;
    while (n > 0 && len < ANSWER_MAX - 1 && left > 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        n = poll(&ready, 1, (int)left) > 0 ? read(fd, answer + len, ANSWER_MAX - 1 - len) : 0;
        len += n > 0 ? (size_t)n : 0;
        left = end - now_ms();
    }
    answer[len] = '\0';
}

static bool ask_systemctl(char answer[static ANSWER_MAX])
{
    int fds[2];
    pid_t pid;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return false;
    int r = start_systemctl(fds[1], &pid);
    (void)close(fds[1]);
    if (r == 0) {
        read_answer(fds[0], answer);
        (void)kill(pid, SIGKILL); /* one that has answered has no more to say */
        (void)waitpid(pid, NULL, 0);
    }
    (void)close(fds[0]);
    return r == 0;
}

static bool is_socket_units(int port)
{
    char answer[ANSWER_MAX], listen[LINK_SIZE];
    (void)snprintf(listen, sizeof listen, ":%d (Stream)", port);
    return ask_systemctl(answer) && strstr(answer, "ActiveState=active\n") && strstr(answer, listen);
}

/* --- */

bool port_holder_is_delvegate(const struct port_holder *h)
{
    static const char name[] = "delvegate";
    return h->is_known && h->uid == geteuid() && (h->is_socket_unit || strncmp(h->name, name, sizeof name - 1) == 0);
}

void port_holder_find(int port, struct port_holder *h)
{
    unsigned long inode = 0;
    *h = (struct port_holder){0};
    h->is_known = peer_port_owner(port, &h->uid, &inode);
    if (!h->is_known)
        return;
    find_process(h, inode);
    h->is_socket_unit = h->uid == geteuid() && is_socket_units(port);
}
