/* A delvegate that does nothing but reach a supervisor: reach [OPTION...] PROGRAM HASH CLIENT ARGV...
 * ARGV is what carries it; with the option line the command line is its last argument, with script the script is its
 * stdin. It says what happens, a line each:
 *   need              the program is being sent
 *   up MS             the tunnel is up, so long after the start
 *   dir PATH          the supervisor's directory
 *   error TEXT        it could not be reached
 *   gone TEXT         the supervisor is gone
 *   down TEXT         the connection has ended
 *   sent N BYTES      N uploads, BYTES in all
 * It stays until its own stdin ends. Options: line, script, damage=N (a byte of each of the first N uploads is another
 * one), arch=NAME (what the program is said to be for), pid (says the carrier's), once (ends when it knows the
 * directory), session (begins one without Delve, with a lease of a minute; `ready` when it is). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "delve/bootstrap.h"
#include "delve/order.h"
#include "proxy/machine/boot.h"
#include "proxy/tunnel/tunnel.h"

enum {
    PROGRAM_MAX = 16 * 1024 * 1024,
    CHUNK = 16 * 1024,
    ARGUMENTS_MAX = 64,
    OUTPUT = 2 * TUNNEL_FRAME_MAX,
    LEASE = 60
};

static struct {
    bool line, script, say_pid, once, session;
    int damage;
    const char *arch;
    struct bootstrap_program program;
    char *bytes;
    struct boot boot;
    struct tunnel *tunnel;
    uint64_t link, begun;
    int uploads;
    size_t uploaded;
    int in, out, err; /* the carrier's stdout, its stdin, its stderr */
    unsigned char output[OUTPUT];
    size_t output_len;
    struct buf about, order, reports;
    uint32_t control;
    bool is_up;
} me;

static uint64_t now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

_Noreturn static void die(const char *what)
{
    perror(what);
    exit(2);
}

static void say(const char *word, const char *text)
{
    printf("%s %s\n", word, text);
    fflush(stdout);
}

static void read_program(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;
    me.bytes = malloc(PROGRAM_MAX);
    if (fd < 0 || !me.bytes)
        die(path);
    while ((n = read(fd, me.bytes + len, PROGRAM_MAX - len)) > 0)
        len += (size_t)n;
    close(fd);
    me.program.bytes = me.bytes;
    me.program.size = len;
    me.program.crc = bootstrap_crc(me.bytes, len);
}

static void take_option(const char *o)
{
    if (strcmp(o, "line") == 0)
        me.line = true;
    else if (strcmp(o, "script") == 0)
        me.script = true;
    else if (strcmp(o, "pid") == 0)
        me.say_pid = true;
    else if (strcmp(o, "once") == 0)
        me.once = true;
    else if (strcmp(o, "session") == 0)
        me.session = true;
    else if (strncmp(o, "damage=", 7) == 0)
        me.damage = atoi(o + 7);
    else if (strncmp(o, "arch=", 5) == 0)
        me.arch = o + 5;
    else
        die(o);
}

static bool is_option(const char *o)
{
    return strcmp(o, "line") == 0 || strcmp(o, "script") == 0 || strcmp(o, "pid") == 0 || strcmp(o, "once") == 0 ||
           strcmp(o, "session") == 0 || strchr(o, '=');
}

/* Starts the carrier. */
static void carry(char **argv, int count, struct buf *line)
{
    char *args[ARGUMENTS_MAX + 2] = {0};
    int to[2], from[2], errors[2];
    pid_t pid;
    memcpy(args, argv, (size_t)count * sizeof *args);
    if (me.line)
        args[count] = line->data;
    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0)
        die("pipe");
    pid = fork();
    if (pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        dup2(errors[1], STDERR_FILENO);
        signal(SIGPIPE, SIG_DFL);
        execvp(args[0], args);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    close(errors[1]);
    me.err = errors[0];
    fcntl(me.err, F_SETFL, O_NONBLOCK);
    me.out = to[1];
    me.in = from[0];
    fcntl(me.out, F_SETFL, O_NONBLOCK);
    if (me.say_pid) {
        printf("pid %ld\n", (long)pid);
        fflush(stdout);
    }
}

/* The order that begins the session. */
static size_t give(void *arg, uint32_t stream, void *data, void *room, size_t n)
{
    size_t len = me.order.len;
    (void)arg, (void)stream, (void)data;
    if (len > n)
        die("order");
    memcpy(room, me.order.data, len);
    buf_clear(&me.order);
    return len;
}

static void begin_session(void)
{
    size_t at = order_open(&me.order, ORDER_SESSION);
    order_put_number(&me.order, ORDER_LEASE, LEASE);
    order_put(&me.order, ORDER_NO_DELVE, "");
    order_close(&me.order, at);
    if (me.order.failed)
        die("order");
    me.control = tunnel_open(me.tunnel, TUNNEL_CONTROL, 1, order_label(ORDER_STREAM_CONTROL, 0), NULL);
    tunnel_ready(me.tunnel, me.control);
}

static void make_tunnel(void)
{
    struct tunnel_config c = {.side = TUNNEL_CALLER, .source = give, .build = "reach"};
    if (getrandom(c.instance, sizeof c.instance, 0) != sizeof c.instance)
        die("getrandom");
    me.tunnel = tunnel_new(&c, now());
    me.link = tunnel_call(me.tunnel, now());
    if (tunnel_output(me.tunnel, me.output, sizeof me.output, now()) != TUNNEL_HELLO_SIZE)
        die("hello");
}

static void leave(int status)
{
    printf("sent %d %zu\n", me.uploads, me.uploaded);
    exit(status);
}

static void take(uint32_t stream, struct buf *in)
{
    const void *bytes;
    size_t n;
    struct order o;
    while ((n = tunnel_peek(me.tunnel, stream, &bytes)) > 0) {
        buf_append(in, bytes, n);
        tunnel_consume(me.tunnel, stream, n);
    }
    for (long used; (used = order_read(in->data, in->len, &o)) > 0; buf_consume(in, (size_t)used)) {
        if (o.kind == ORDER_ABOUT)
            say("dir", order_get(&o, ORDER_DIR));
        if (o.kind == ORDER_ABOUT && me.once)
            leave(0);
        if (o.kind == ORDER_READY)
            say("ready", "");
        if (o.kind == ORDER_ERROR)
            say("session", order_get(&o, ORDER_TEXT));
        if (o.kind == ORDER_NOTE)
            say("note", order_get(&o, ORDER_TEXT));
    }
}

static void take_events(void)
{
    struct tunnel_event e;
    while (tunnel_event(me.tunnel, &e)) {
        if (e.kind == TUNNEL_EVENT_UP) {
            char ms[32];
            snprintf(ms, sizeof ms, "%llu", (unsigned long long)(now() - me.begun));
            say("up", ms);
            if (me.session && !me.control)
                begin_session();
        } else if (e.kind == TUNNEL_EVENT_READABLE && order_label_stream(e.label) == ORDER_STREAM_ABOUT) {
            take(e.stream, &me.about);
        } else if (e.kind == TUNNEL_EVENT_READABLE) {
            take(e.stream, &me.reports);
        }
    }
}

static void to_tunnel(const char *bytes, size_t n)
{
    size_t own = boot_tunnel(&me.boot, bytes, n);
    if (own && tunnel_receive(me.tunnel, me.link, bytes, own, now()) != TUNNEL_OK) {
        say("broken", tunnel_reason(me.tunnel));
        leave(1);
    }
    take_events();
    if (me.boot.state == BOOT_OVER) {
        say("gone", boot_why(&me.boot)->text);
        leave(1);
    }
}

/* The upload's bytes are good or damaged, as asked for. */
static void note_upload(bool was)
{
    if (was || !boot_is_uploading(&me.boot) || me.boot.out != me.program.bytes)
        return;
    say("need", me.program.arch);
    me.uploads++;
    me.uploaded += me.program.size;
    if (me.damage && (me.uploads == 1 || me.uploads == me.damage + 1))
        me.bytes[me.program.size / 2] ^= 1;
}

static void receive(void)
{
    char bytes[CHUNK];
    ssize_t n = read(me.in, bytes, sizeof bytes);
    struct err why;
    if (n <= 0) {
        if (me.boot.state == BOOT_READY) {
            say("down", "");
            leave(1);
        }
        ssize_t words = read(me.err, bytes, sizeof bytes - 1);
        bytes[words > 0 ? words : 0] = '\0';
        bytes[strcspn(bytes, "\n")] = '\0';
        err_set(&why, "the command has ended: %s", bytes);
        boot_lost(&me.boot, &why);
        say("error", boot_why(&me.boot)->text);
        leave(1);
    }
    for (size_t used = 0; used < (size_t)n;) {
        if (me.boot.state == BOOT_READY) {
            to_tunnel(bytes + used, (size_t)n - used);
            return;
        }
        size_t before = me.boot.out_len;
        used += boot_receive(&me.boot, bytes + used, (size_t)n - used);
        note_upload(before > 0 && boot_is_uploading(&me.boot));
        if (me.boot.state == BOOT_OVER) {
            say("error", boot_why(&me.boot)->text);
            leave(1);
        }
    }
}

static bool wants_to_write(void)
{
    const char *bytes;
    return boot_output(&me.boot, &bytes) || me.output_len ||
           (me.boot.state == BOOT_READY && tunnel_has_output(me.tunnel));
}

static void transmit(void)
{
    const char *bytes;
    size_t len = boot_output(&me.boot, &bytes);
    if (len) {
        ssize_t n = write(me.out, bytes, len);
        if (n > 0)
            boot_sent(&me.boot, (size_t)n);
        return;
    }
    if (!me.output_len)
        me.output_len = tunnel_output(me.tunnel, me.output, sizeof me.output, now());
    ssize_t n = write(me.out, me.output, me.output_len);
    if (n > 0) {
        memmove(me.output, me.output + n, me.output_len - (size_t)n);
        me.output_len -= (size_t)n;
    }
}

static void run(void)
{
    for (;;) {
        struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = me.in, .events = POLLIN},
                             {.fd = wants_to_write() ? me.out : -1, .events = POLLOUT}};
        char byte;
        if (poll(p, 3, 1000) < 0)
            die("poll");
        if (me.boot.state == BOOT_READY)
            (void)!tunnel_tick(me.tunnel, now());
        if (p[1].revents)
            receive();
        if (p[2].revents)
            transmit();
        if (p[0].revents && read(STDIN_FILENO, &byte, 1) <= 0)
            leave(0);
    }
}

int main(int argc, char **argv)
{
    struct utsname machine;
    struct buf line;
    int at = 1;
    while (at < argc && is_option(argv[at]))
        take_option(argv[at++]);
    if (argc - at < 4 || argc - at - 3 > ARGUMENTS_MAX)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    uname(&machine);
    me.begun = now();
    me.program.arch = me.arch ? me.arch : machine.machine;
    me.program.hash = argv[at + 1];
    read_program(argv[at]);
    buf_init(&line, BOOTSTRAP_SCRIPT_MAX);
    buf_init(&me.about, ORDER_RECORD_MAX);
    buf_init(&me.order, ORDER_RECORD_MAX);
    buf_init(&me.reports, ORDER_RECORD_MAX);
    char nonce[33];
    unsigned char random[16];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        die("getrandom");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(nonce + 2 * i, 3, "%02x", random[i]);
    if ((me.script ? bootstrap_script : bootstrap_line)(&line, argv[at + 2], nonce, TUNNEL_HELLO_SIZE, &me.program, 1) <
        0)
        die("bootstrap");
    make_tunnel();
    boot_init(&me.boot, nonce, me.output, &me.program, 1, "testhost");
    carry(argv + at + 3, argc - at - 3, &line);
    if (me.script)
        for (size_t sent = 0; sent < line.len;) {
            ssize_t n = write(me.out, line.data + sent, line.len - sent);
            if (n < 0 && errno != EAGAIN)
                break;
            sent += n > 0 ? (size_t)n : 0;
        }
    run();
}
