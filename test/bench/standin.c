/* Stands in for dlv and the program where a machine has not the memory for so many of both: says its version and that
 * it listens, answers every request of DAP and JSON-RPC, stops once, and ends when it is disconnected from. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 8, ROOM = 256 * 1024, ANSWER = 1024, NAME = 64, BACKLOG = 8 };

struct client {
    int fd;
    char *bytes; /* what has come, with a NUL behind it */
    size_t len;
};

static struct client clients[CLIENTS];

static void require(int holds, const char *what)
{
    if (holds)
        return;
    perror(what);
    exit(1);
}

/* What follows --NAME= among the arguments, or NULL. */
static const char *flag(char **argv, const char *name)
{
    for (char **a = argv; *a; a++)
        if (strncmp(*a, name, strlen(name)) == 0)
            return *a + strlen(name);
    return NULL;
}

/* Its streams are open for as long as it lives, as the program's are. */
static int open_output(const char *path)
{
    int fd = path ? open(path, O_WRONLY) : STDOUT_FILENO;
    require(fd >= 0, path);
    return fd;
}

static int listen_and_say(int log)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    require(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, BACKLOG) == 0 &&
                getsockname(fd, (struct sockaddr *)&at, &len) == 0,
            "listen");
    require(dprintf(log, "API server listening at: 127.0.0.1:%d\n", ntohs(at.sin_port)) > 0, "log");
    return fd;
}

static void say(const struct client *c, const char *json)
{
    require(dprintf(c->fd, "Content-Length: %zu\r\n\r\n%s", strlen(json), json) > 0, "write");
}

/* The first number, or word in quotes, behind a key; the requests are delvegate's, which begin with both. */
static long number_of(const char *json, const char *key)
{
    const char *at = strstr(json, key);
    return at ? strtol(at + strlen(key), NULL, 10) : 0;
}

static void command_of(const char *json, char name[NAME])
{
    static const char key[] = "\"command\":\"";
    const char *at = strstr(json, key);
    (void)snprintf(name, NAME, "%.*s", at ? (int)strcspn(at + sizeof key - 1, "\"") : 0, at ? at + sizeof key - 1 : "");
}

static void answer_dap(const struct client *c, const char *json)
{
    static int seq;
    char command[NAME], answer[ANSWER];
    command_of(json, command);
    if (strcmp(command, "attach") == 0)
        say(c, "{\"seq\":0,\"type\":\"event\",\"event\":\"initialized\"}");
    (void)snprintf(
        answer, sizeof answer,
        "{\"seq\":%d,\"type\":\"response\",\"request_seq\":%ld,\"success\":true,\"command\":\"%s\",\"body\":%s}", ++seq,
        number_of(json, "\"seq\":"), command,
        strcmp(command, "threads") == 0 ? "{\"threads\":[{\"id\":1,\"name\":\"main\"}]}" : "{}");
    say(c, answer);
    if (strcmp(command, "configurationDone") == 0)
        say(c, "{\"seq\":0,\"type\":\"event\",\"event\":\"stopped\",\"body\":{\"reason\":\"entry\",\"threadId\":1,"
               "\"allThreadsStopped\":true}}");
    if (strcmp(command, "disconnect") == 0)
        exit(0);
}

/* How many bytes the first message takes; 0: it is not whole. */
static size_t read_dap(const struct client *c)
{
    char *body = strstr(c->bytes, "\r\n\r\n");
    size_t len = (size_t)number_of(c->bytes, "Content-Length: ");
    if (!body || (size_t)(body + 4 - c->bytes) + len > c->len)
        return 0;
    body += 4;
    char after = body[len];
    body[len] = '\0';
    answer_dap(c, body);
    body[len] = after;
    return (size_t)(body - c->bytes) + len;
}

static size_t read_rpc(const struct client *c)
{
    char *end = strchr(c->bytes, '\n');
    if (!end)
        return 0;
    require(
        dprintf(c->fd,
                "{\"id\":%ld,\"result\":{\"Pid\":%ld,\"DelveVersion\":\"1.20.2\",\"APIVersion\":2},\"error\":null}\n",
                number_of(c->bytes, "\"id\":"), (long)getpid()) > 0,
        "write");
    return (size_t)(end + 1 - c->bytes);
}

static void drop(struct client *c)
{
    (void)close(c->fd);
    free(c->bytes);
    *c = (struct client){.fd = -1};
}

static void serve(struct client *c)
{
    ssize_t n = read(c->fd, c->bytes + c->len, ROOM - c->len - 1);
    if (n <= 0) {
        drop(c);
        return;
    }
    c->len += (size_t)n;
    for (size_t used = 1; used > 0;) {
        c->bytes[c->len] = '\0';
        used = c->len == 0 ? 0 : c->bytes[0] == 'C' ? read_dap(c) : read_rpc(c);
        memmove(c->bytes, c->bytes + used, c->len - used);
        c->len -= used;
    }
}

static void take(int listener)
{
    int fd = accept(listener, NULL, NULL);
    for (size_t i = 0; i < CLIENTS; i++) {
        if (clients[i].fd >= 0)
            continue;
        clients[i] = (struct client){.fd = fd, .bytes = malloc(ROOM)};
        require(clients[i].bytes != NULL, "memory");
        return;
    }
    (void)close(fd);
}

static void run(int listener)
{
    for (;;) {
        struct pollfd polled[CLIENTS + 1] = {{.fd = listener, .events = POLLIN}};
        for (size_t i = 0; i < CLIENTS; i++)
            polled[i + 1] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
        require(poll(polled, CLIENTS + 1, -1) > 0, "poll");
        for (size_t i = 0; i < CLIENTS; i++)
            if (polled[i + 1].revents)
                serve(&clients[i]);
        if (polled[0].revents)
            take(listener);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "version") == 0)
        return puts("Delve Debugger\nVersion: 1.20.2\nBuild: a stand-in") < 0;
    (void)open_output(flag(argv, "--redirect=stdout:"));
    (void)open_output(flag(argv, "--redirect=stderr:"));
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i].fd = -1;
    run(listen_and_say(open_output(flag(argv, "--log-dest="))));
}
