/* A service manager as small as can be, where no systemd is: binds sockets, runs a program with LISTEN_FDS and
 * NOTIFY_SOCKET, and prints what it is sent.
 *
 *   manager [-l ADDRESS:PORT[=NAME]]... [-w SECONDS] [-p PID] [-ugcdnsa] -- PROGRAM [ARGUMENT...]
 *     -l  binds and listens there (port 0: any), hands it over; NAME is its name in LISTEN_FDNAMES
 *     -u  hands over a listening Unix socket as well
 *     -g  hands over a socket for datagrams, of UDP
 *     -c  hands over a connected socket, as Accept=yes does
 *     -d  hands over the socket before it once more
 *     -n  announces one descriptor more than there is
 *     -w  sets WATCHDOG_USEC: a program that says nothing for so long is ended with SIGABRT
 *     -p  sets LISTEN_PID to PID instead of the program's
 *     -s  starts the program when somebody connects, and again after it has ended: socket activation
 *     -a  NOTIFY_SOCKET is an abstract one
 *
 * Prints a line for each event: `listen ADDRESS PORT`, `start PID`, `told TEXT` (each line of a datagram ends with
 * `|`), `watchdog`, `exit STATUS`, `signal NUMBER`. SIGTERM and SIGHUP are passed on. Ends with the program, but for
 * -s: then at SIGTERM. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FIRST_FD = 3, SOCKETS_MAX = 8, HIGH_FD = 100, TEXT_MAX = 8192, MS = 1000, POLL_MAX = SOCKETS_MAX + 2 };

static struct {
    int fds[SOCKETS_MAX]; /* to be handed over */
    char names[TEXT_MAX];
    int count;
    int announced; /* besides, which are not there */
    int notify, signals;
    char notify_path[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *listen_pid;
    int watchdog_s;
    bool on_demand, abstract, stopping;
    pid_t pid; /* 0: not running */
} m;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)putchar('\n');
    (void)fflush(stdout);
}

/* Descriptors to be handed over stay above the numbers that the program sees them at. */
static void hand_over(int fd, const char *name)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
    if (high < 0 || m.count == SOCKETS_MAX)
        die("too many sockets");
    (void)close(fd);
    m.fds[m.count++] = high;
    if (m.count > 1)
        strcat(m.names, ":");
    strcat(m.names, name);
}

static void bind_port(char *where)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (void *)&address;
    struct sockaddr_in6 *v6 = (void *)&address;
    socklen_t len = sizeof address;
    char *name = strchr(where, '='), text[INET6_ADDRSTRLEN];
    int one = 1;
    if (name)
        *name++ = '\0';
    char *port = strrchr(where, ':');
    if (!port)
        die(where);
    *port++ = '\0';
    bool is_v6 = strchr(where, ':') != NULL;
    address.ss_family = is_v6 ? AF_INET6 : AF_INET;
    *(is_v6 ? &v6->sin6_port : &v4->sin_port) = htons((uint16_t)atoi(port));
    if (inet_pton(address.ss_family, where, is_v6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) != 1)
        die(where);
    int fd = socket(address.ss_family, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, is_v6 ? sizeof *v6 : sizeof *v4) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        die(where);
    inet_ntop(address.ss_family, is_v6 ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr, text, sizeof text);
    say("listen %s %d", text, ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
    hand_over(fd, name ? name : "");
}

static void unix_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "delvegate-test-%d", (int)getpid());
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 1) < 0)
        die("unix socket");
    hand_over(fd, "unix");
}

static void datagram_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("datagram socket");
    hand_over(fd, "datagram");
}

static void again(void)
{
    int fd = m.count ? dup(m.fds[m.count - 1]) : -1;
    if (fd < 0)
        die("no socket to hand over again");
    hand_over(fd, "again");
}

static void connected_socket(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int server = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 1) < 0 ||
        getsockname(server, (struct sockaddr *)&address, &len) < 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connected socket");
    hand_over(fd, "connection");
}

static void notify_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;
    char directory[] = "/tmp/delvegate-manager-XXXXXX";
    m.notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (m.abstract) {
        (void)snprintf(m.notify_path, sizeof m.notify_path, "@delvegate-notify-%d", (int)getpid());
        memcpy(address.sun_path + 1, m.notify_path + 1, strlen(m.notify_path) - 1);
        len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(m.notify_path));
    } else {
        if (!mkdtemp(directory))
            die("mkdtemp");
        (void)snprintf(m.notify_path, sizeof m.notify_path, "%s/notify", directory);
        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", m.notify_path);
    }
    if (bind(m.notify, (struct sockaddr *)&address, len) < 0)
        die("notify socket");
}

static void set_number(const char *name, long value)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%ld", value);
    setenv(name, text, 1);
}

static void run_program(char **argv)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < m.count; i++)
        if (dup2(m.fds[i], FIRST_FD + i) < 0)
            die("dup2");
    setenv("NOTIFY_SOCKET", m.notify_path, 1);
    if (m.count > 0) {
        set_number("LISTEN_FDS", m.count + m.announced);
        set_number("LISTEN_PID", m.listen_pid ? atol(m.listen_pid) : (long)getpid());
        setenv("LISTEN_FDNAMES", m.names, 1);
    }
    if (m.watchdog_s) {
        set_number("WATCHDOG_USEC", m.watchdog_s * 1000000L);
        set_number("WATCHDOG_PID", (long)getpid());
    }
    execvp(argv[0], argv);
    die(argv[0]);
}

static void start(char **argv)
{
    m.pid = fork();
    if (m.pid < 0)
        die("fork");
    if (m.pid == 0)
        run_program(argv);
    say("start %d", (int)m.pid);
}

static void on_notified(void)
{
    char text[TEXT_MAX];
    ssize_t n;
    while ((n = recv(m.notify, text, sizeof text - 1, 0)) > 0) {
        text[n] = '\0';
        for (char *c = text; *c; c++)
            if (*c == '\n')
                *c = '|';
        say("told %s", text);
    }
}

/* Returns false when the manager is done. */
static bool on_signal(void)
{
    struct signalfd_siginfo info;
    int status;
    if (read(m.signals, &info, sizeof info) != sizeof info)
        return true;
    if (info.ssi_signo != SIGCHLD) {
        m.stopping = m.stopping || info.ssi_signo == SIGTERM;
        if (m.pid)
            kill(m.pid, (int)info.ssi_signo);
        return m.pid || !m.stopping;
    }
    if (m.pid == 0 || waitpid(m.pid, &status, WNOHANG) != m.pid)
        return true;
    on_notified();
    if (WIFEXITED(status))
        say("exit %d", WEXITSTATUS(status));
    else
        say("signal %d", WTERMSIG(status));
    m.pid = 0;
    return m.on_demand && !m.stopping;
}

static void serve(char **argv)
{
    for (;;) {
        struct pollfd fds[POLL_MAX] = {{.fd = m.notify, .events = POLLIN}, {.fd = m.signals, .events = POLLIN}};
        nfds_t n = 2;
        for (int i = 0; i < m.count && m.pid == 0; i++)
            fds[n++] = (struct pollfd){.fd = m.fds[i], .events = POLLIN};
        int ready = poll(fds, n, m.watchdog_s && m.pid ? m.watchdog_s * MS : -1);
        if (ready == 0) {
            say("watchdog");
            kill(m.pid, SIGABRT);
            kill(m.pid, SIGCONT); /* a stopped one does not see another */
        }
        if (fds[0].revents)
            on_notified();
        if (fds[1].revents && !on_signal())
            return;
        for (nfds_t i = 2; i < n; i++) {
            if (fds[i].revents && m.pid == 0) {
                start(argv);
                break;
            }
        }
    }
}

int main(int argc, char **argv)
{
    sigset_t set;
    int c;
    while ((c = getopt(argc, argv, "+l:w:p:ugcdnsa")) != -1) {
        if (c == 'l')
            bind_port(optarg);
        else if (c == 'w')
            m.watchdog_s = atoi(optarg);
        else if (c == 'p')
            m.listen_pid = optarg;
        else if (c == 'u')
            unix_socket();
        else if (c == 'g')
            datagram_socket();
        else if (c == 'c')
            connected_socket();
        else if (c == 'd')
            again();
        else if (c == 'n')
            m.announced = 1;
        else if (c == 's')
            m.on_demand = true;
        else if (c == 'a')
            m.abstract = true;
        else
            return 2;
    }
    if (optind == argc)
        return 2;
    notify_socket();
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    m.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (!m.on_demand)
        start(argv + optind);
    serve(argv + optind);
    if (!m.abstract) {
        unlink(m.notify_path);
        *strrchr(m.notify_path, '/') = '\0';
        rmdir(m.notify_path);
    }
    return 0;
}
