/* Runs at the supervisor as a process, with real Delve. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/process.h"
#include "test/supervisor/driver.h"

enum { LEASE = 3600, PUMP_MS = 100, LINES = 200000, LINE = 14, PATH_SIZE = 4096 };

/* --- the program that is debugged --- */

static const char source[] =
    "package main\n"
    "import (\"bufio\"; \"fmt\"; \"os\"; \"strconv\"; \"syscall\"; \"time\")\n"
    "func main() {\n"
    "\tswitch os.Args[1] {\n"
    "\tcase \"print\":\n"
    "\t\tn, _ := strconv.Atoi(os.Args[2])\n"
    "\t\tout, err := bufio.NewWriter(os.Stdout), bufio.NewWriter(os.Stderr)\n"
    "\t\tfor i := 0; i < n; i++ { fmt.Fprintf(out, \"%09d out\\n\", i); fmt.Fprintf(err, \"%09d err\\n\", i) }\n"
    "\t\tout.Flush(); err.Flush()\n"
    "\t\treturn\n"
    "\tcase \"read\":\n"
    "\t\tfmt.Printf(\"up %d\\n\", os.Getpid())\n"
    "\t\tfor s := bufio.NewScanner(os.Stdin); s.Scan(); { fmt.Printf(\"read %q\\n\", s.Text()) }\n"
    "\t\tfmt.Println(\"end of input\")\n"
    "\t}\n"
    "\tfor _, a := range os.Args[2:] { fmt.Printf(\"arg %s\\n\", strconv.Quote(a)) }\n"
    "\tfmt.Printf(\"umask %o\\nup %d\\n\", syscall.Umask(0), os.Getpid())\n"
    "\tfor { time.Sleep(time.Hour) }\n"
    "}\n";

static char top[] = "/tmp/delvegate-runs-XXXXXX";
static char program_dir[PATH_SIZE], binary[PATH_SIZE];

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[2 * PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int build(void **state)
{
    char command[3 * PATH_SIZE];
    (void)state;
    if (!mkdtemp(top))
        return -1;
    (void)snprintf(program_dir, sizeof program_dir, "%s/program", top);
    (void)snprintf(binary, sizeof binary, "%s/prog", top);
    if (mkdir(program_dir, 0700) < 0)
        return -1;
    write_file(program_dir, "go.mod", "module example.com/prog\ngo 1.18\n");
    write_file(program_dir, "main.go", source);
    (void)snprintf(command, sizeof command, "cd '%s' && go build -gcflags='all=-N -l' -o '%s' .", program_dir, binary);
    return system(command) == 0 ? 0 : -1;
}

static int clear(void **state)
{
    char command[PATH_SIZE];
    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf '%s'", top);
    return system(command);
}

/* --- orders --- */

struct ordered {
    struct driver *d;
    struct driver_stream *control;
    uint32_t session, number;
    struct buf record;
    size_t begin;
};

static struct ordered new_session(struct driver *d, uint32_t session)
{
    struct ordered o = {.d = d, .session = session, .control = driver_session(d, session, LEASE, true)};
    (void)driver_record(o.control, ORDER_READY);
    return o;
}
static void begin(struct ordered *o, const char *what)
{
    buf_init(&o->record, ORDER_RECORD_MAX);
    o->begin = order_open(&o->record, ORDER_RUN);
    order_put_number(&o->record, ORDER_NUMBER, ++o->number);
    order_put(&o->record, ORDER_WHAT, what);
}
static void with(struct ordered *o, enum order_key key, const char *value)
{
    order_put(&o->record, key, value);
}
static pid_t go(struct ordered *o)
{
    order_close(&o->record, o->begin);
    driver_send(o->control, &o->record);
    buf_free(&o->record);
    return (pid_t)order_get_number(driver_record(o->control, ORDER_STARTED), ORDER_PID, 0);
}
static void shell(struct ordered *o, const char *script)
{
    begin(o, "command");
    with(o, ORDER_ARG, "/bin/sh");
    with(o, ORDER_ARG, "-c");
    with(o, ORDER_ARG, script);
}
static void with_path(struct ordered *o, const char *flag, const char *name)
{
    char text[2 * PATH_SIZE];
    (void)snprintf(text, sizeof text, "%s%s/%u/%u/%s", flag, o->d->dir, (unsigned)o->session, (unsigned)o->number,
                   name);
    with(o, ORDER_ARG, text);
}
static void dlv(struct ordered *o, const char *command, const char *what)
{
    static const char *const pins[] = {"--headless=true",           "--api-version=2",      "--only-same-user=true",
                                       "--accept-multiclient=true", "--listen=127.0.0.1:0", "--log"};
    begin(o, "dlv");
    with(o, ORDER_ARG, command);
    with(o, ORDER_ARG, what);
    with_path(o, "--log-dest=", "log");
    for (size_t i = 0; i < sizeof pins / sizeof pins[0]; i++)
        with(o, ORDER_ARG, pins[i]);
}
static void with_arguments(struct ordered *o, const char *const *arguments)
{
    with_path(o, "--redirect=stdout:", "out");
    with_path(o, "--redirect=stderr:", "err");
    with(o, ORDER_ARG, "--continue");
    with(o, ORDER_ARG, "--");
    for (; *arguments; arguments++)
        with(o, ORDER_ARG, *arguments);
}
static struct driver_stream *stream(const struct ordered *o, enum order_stream kind)
{
    return driver_stream(o->d, kind, o->number, o->session);
}
static int exited(const struct ordered *o)
{
    const struct order *r = driver_record(o->control, ORDER_EXITED);
    assert_int_equal(order_get_number(r, ORDER_NUMBER, 0), o->number);
    return (int)order_get_number(r, ORDER_STATUS, -1);
}
static void stop(const struct ordered *o, const char *how)
{
    driver_say(o->control, ORDER_STOP, ORDER_HOW, how);
}

struct text_wait {
    struct driver_stream *s;
    const char *text;
};
static bool has_text(void *arg)
{
    struct text_wait *w = arg;
    return w->s->in.data && memmem(w->s->in.data, w->s->in.len, w->text, strlen(w->text));
}
/* Waits for a text, and returns what follows it. */
static const char *until(struct driver_stream *s, const char *text)
{
    struct text_wait w = {s, text};
    driver_wait(s->driver, has_text, &w, text);
    return (char *)memmem(s->in.data, s->in.len, text, strlen(text)) + strlen(text);
}
/* The program's pid, from its line "up PID". */
static pid_t up(struct driver_stream *s)
{
    (void)until(s, "up ");
    while (!strchr(until(s, "up "), '\n'))
        driver_pump(s->driver, PUMP_MS);
    return (pid_t)atol(until(s, "up "));
}
static uint32_t port(const struct ordered *o)
{
    struct driver_stream *log = stream(o, ORDER_STREAM_LOG);
    while (!strchr(until(log, "API server listening at: 127.0.0.1:"), '\n'))
        driver_pump(o->d, PUMP_MS);
    return (uint32_t)atol(until(log, "API server listening at: 127.0.0.1:"));
}
static bool is_gone(pid_t pid)
{
    struct process p;
    return process_read(pid, &p) < 0 || p.state == 'Z';
}
static bool goes(void *pid)
{
    return is_gone(*(pid_t *)pid);
}
static bool count_one(void *arg, const struct process *p)
{
    (void)arg;
    (void)p;
    return true;
}
static size_t living(pid_t process_session)
{
    return process_each(process_session, count_one, NULL);
}
static void finish(struct ordered *o)
{
    driver_say(o->control, ORDER_END, ORDER_HOW, "kill");
    driver_wait_ended(o->control);
}
static void over(struct ordered *o)
{
    finish(o);
    assert_int_equal(driver_finish(o->d), 0);
    driver_free(o->d);
}

/* --- a program's life --- */

static bool in_file(pid_t pid, const char *file, const char *text, size_t n)
{
    static char bytes[1024 * 1024];
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t got = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    return memmem(bytes, got, text, n) != NULL;
}
static bool has_pair(pid_t pid, const char *pair)
{
    return in_file(pid, "environ", pair, strlen(pair) + 1);
}

struct pair_wait {
    pid_t pid;
    const char *pair;
};
static bool pair_is_there(void *arg)
{
    struct pair_wait *w = arg;
    return has_pair(w->pid, w->pair);
}
/* As has_pair, of a process that may be between two programs. */
static void wait_pair(struct driver *d, pid_t pid, const char *pair)
{
    struct pair_wait w = {pid, pair};
    driver_wait(d, pair_is_there, &w, pair);
}

static bool has_default_signals(pid_t pid)
{
    enum { HEXADECIMAL = 16 };
    static const unsigned long long standard = 0x7fffffff; /* signals 1 to 31 */
    char path[64], line[256];
    unsigned long long ignored = standard;
    const char *supervisor = getenv("SUPERVISOR");
    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, "SigIgn:", strlen("SigIgn:")) == 0)
            ignored = strtoull(line + strlen("SigIgn:"), NULL, HEXADECIMAL);
    (void)fclose(f);
    /* An emulator keeps others for itself. */
    return (supervisor && strstr(supervisor, "qemu") ? ignored & standard : ignored) == 0;
}

static void a_life(void **state)
{
    static const char odd[] = "quote' \"double\" $(touch evil) `x` \\ \\0101 %s\ttab\nline\n\n";
    static const char arguments[] =
        "show\0quote' \"double\" $(touch evil) `x` \\ \\0101 %s\ttab\nline\n\n\0\0 \0Gr\xc3\xbc\xc3\x9f"
        "e\0\xff\xc3\0*\0-x";
    static const char pinned[] =
        "--headless=true\0--api-version=2\0--only-same-user=true\0--accept-multiclient=true\0--listen=127.0.0.1:0";
    char text[2 * PATH_SIZE], link[PATH_SIZE];
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "exec", binary);
    (void)snprintf(text, sizeof text, "--wd=%s", top);
    with(&o, ORDER_ARG, text);
    with_arguments(&o, (const char *const[]){"show", odd, "", " ",
                                             "Gr\xc3\xbc\xc3\x9f"
                                             "e",
                                             "\xff\xc3", "*", "-x", NULL});
    with(&o, ORDER_CWD, program_dir);
    order_put_pair(&o.record, ORDER_ENV, "ODD", odd);
    order_put_pair(&o.record, ORDER_ENV, "A(x86)", "1");
    order_put_pair(&o.record, ORDER_ENV, "GOCACHE", "/elsewhere");
    with(&o, ORDER_UNSET, "USER");
    pid_t delve = go(&o);
    struct driver_stream *out = stream(&o, ORDER_STREAM_OUT);
    pid_t program = up(out);
    assert_true(in_file(delve, "cmdline", pinned, sizeof pinned));
    assert_true(in_file(program, "cmdline", arguments, sizeof arguments));
    (void)snprintf(text, sizeof text, "ODD=%s", odd);
    for (int i = 0; i < 2; i++) {
        pid_t pid = i == 0 ? delve : program;
        assert_true(has_pair(pid, text));
        assert_true(has_pair(pid, "A(x86)=1"));
        assert_false(has_pair(pid, "GOCACHE=/elsewhere"));
        assert_false(in_file(pid, "environ", "\0USER=", 6));
    }
    (void)snprintf(text, sizeof text, "GOTMPDIR=%s/1/tmp", o.d->dir);
    assert_true(has_pair(delve, text));
    (void)snprintf(text, sizeof text, "/proc/%ld/cwd", (long)program);
    ssize_t n = readlink(text, link, sizeof link - 1);
    assert_int_equal(n, strlen(top));
    assert_memory_equal(link, top, strlen(top));
    assert_true(has_default_signals(program));
    mode_t mask = umask(0);
    (void)umask(mask);
    (void)snprintf(text, sizeof text, "umask %o\n", (unsigned)mask);
    (void)until(out, text);
    struct process p;
    assert_int_equal(process_read(program, &p), 0);
    assert_int_equal(p.session, delve);
    driver_say(o.control, ORDER_LAUNCHED, ORDER_NAME, NULL);
    over(&o);
    assert_int_equal(living(delve), 0);
    assert_true(is_gone(program));
}

/* Whether a process has this file, pipe or socket open. */
static bool has_open(pid_t pid, const char *file)
{
    char path[64], link[PATH_SIZE], target[PATH_SIZE];
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e && !found; e = readdir(dir)) {
        (void)snprintf(link, sizeof link, "%s/%s", path, e->d_name);
        ssize_t n = readlink(link, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        found = strcmp(target, file) == 0;
    }
    (void)closedir(dir);
    return found;
}
static pid_t supervisor;
static bool find_supervisor(void *warden, const struct process *p)
{
    if (p->parent == *(pid_t *)warden)
        supervisor = p->pid;
    return true;
}

/* Descriptors from 3 up are the program's own: none is open at the supervisor or here. */
static void no_descriptor_is_inherited(void **state)
{
    char path[64], link[PATH_SIZE], target[PATH_SIZE];
    struct process p;
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "exec", binary);
    with_arguments(&o, (const char *const[]){"show", NULL});
    (void)go(&o);
    pid_t program = up(stream(&o, ORDER_STREAM_OUT));
    assert_int_equal(process_read(o.d->pid, &p), 0);
    supervisor = o.d->pid;
    (void)process_each(p.session, find_supervisor, &o.d->pid);
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)program);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        (void)snprintf(link, sizeof link, "%s/%s", path, e->d_name);
        ssize_t n = readlink(link, target, sizeof target - 1);
        if (e->d_name[0] == '.' || atoi(e->d_name) < 3)
            continue;
        target[n > 0 ? n : 0] = '\0';
        if (strncmp(target, "anon_inode:", sizeof "anon_inode:" - 1) == 0)
            continue;
        assert_false(has_open(supervisor, target));
        assert_false(has_open(getpid(), target));
    }
    (void)closedir(dir);
    over(&o);
}

static void output_is_whole(void **state)
{
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "exec", binary);
    with_arguments(&o, (const char *const[]){"print", "200000", NULL});
    pid_t delve = go(&o);
    struct driver_stream *out = stream(&o, ORDER_STREAM_OUT), *err = stream(&o, ORDER_STREAM_ERR);
    /* A reader that stops for a while: the program waits. */
    out->waits = true;
    (void)port(&o);
    driver_wait_bytes(err, 1);
    out->waits = false;
    driver_wait_bytes(out, LINES * LINE);
    driver_wait_bytes(err, LINES * LINE);
    driver_say(o.control, ORDER_LAUNCHED, ORDER_NAME, NULL);
    /* They end with the program, though dlv lives on. */
    driver_wait_end(out);
    driver_wait_end(err);
    assert_false(is_gone(delve));
    for (size_t i = 0; i < LINES; i++) {
        char line[LINE + 1];
        (void)snprintf(line, sizeof line, "%09zu out\n", i);
        assert_memory_equal(out->in.data + i * LINE, line, LINE);
    }
    over(&o);
}

static void text_of_any_size(void **state)
{
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    shell(&o, "head -c 40000000 /dev/zero; echo end >&2");
    (void)go(&o);
    struct driver_stream *text = stream(&o, ORDER_STREAM_TEXT);
    text->drops = true;
    driver_wait_end(text);
    assert_int_equal(text->total, 40000004);
    assert_int_equal(exited(&o), 0);
    over(&o);
}

static void one_after_the_other(void **state)
{
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    for (int i = 0; i < 3; i++) {
        dlv(&o, "exec", binary);
        with_arguments(&o, (const char *const[]){"show", NULL});
        pid_t delve = go(&o), program = up(stream(&o, ORDER_STREAM_OUT));
        (void)port(&o);
        stop(&o, i == 1 ? "now" : "kill");
        (void)exited(&o);
        assert_true(is_gone(program));
        assert_int_equal(living(delve), 0);
        driver_wait_end(stream(&o, ORDER_STREAM_LOG));
        driver_wait_end(stream(&o, ORDER_STREAM_TEXT));
        driver_wait_end(stream(&o, ORDER_STREAM_OUT));
        driver_wait_end(stream(&o, ORDER_STREAM_ERR));
    }
    over(&o);
}

/* In the same flight, too. */
static void stopped_at_once(void **state)
{
    static const char *const hows[] = {"kill", "detach", "now"};
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    for (int i = 0; i < 3; i++) {
        dlv(&o, "exec", binary);
        with_arguments(&o, (const char *const[]){"show", NULL});
        order_close(&o.record, o.begin);
        driver_send(o.control, &o.record);
        buf_free(&o.record);
        stop(&o, hows[i]);
        pid_t delve = (pid_t)order_get_number(driver_record(o.control, ORDER_STARTED), ORDER_PID, 0);
        (void)exited(&o);
        assert_int_equal(living(delve), 0);
    }
    shell(&o, "exit 3");
    (void)go(&o);
    assert_int_equal(exited(&o), 3);
    dlv(&o, "exec", binary);
    with_arguments(&o, (const char *const[]){"show", NULL});
    pid_t delve = go(&o);
    over(&o);
    assert_int_equal(living(delve), 0);
}

static void delve_is_killed(void **state)
{
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "exec", binary);
    with_arguments(&o, (const char *const[]){"show", NULL});
    pid_t delve = go(&o), program = up(stream(&o, ORDER_STREAM_OUT));
    assert_int_equal(kill(delve, SIGKILL), 0);
    assert_int_equal(exited(&o), 137);
    assert_true(is_gone(program));
    over(&o);
}

static void send_request(struct driver_stream *s, const char *body)
{
    char text[512];
    int n = snprintf(text, sizeof text, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    driver_write(s, text, (size_t)n);
}

/* A connection of ours that nobody has closed, while the program runs: SIGTERM alone would hang Delve. */
static void ended_with_a_client(void **state)
{
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "exec", binary);
    with_arguments(&o, (const char *const[]){"show", NULL});
    (void)go(&o);
    pid_t program = up(stream(&o, ORDER_STREAM_OUT));
    struct driver_stream *dap = driver_open(o.d, TUNNEL_DAP, ORDER_STREAM_CONNECT, port(&o), 1);
    send_request(dap,
                 "{\"seq\":1,\"type\":\"request\",\"command\":\"initialize\",\"arguments\":{\"adapterID\":\"go\"}}");
    (void)until(dap, "\"success\":true");
    stop(&o, "kill");
    assert_int_not_equal(exited(&o), 137);
    assert_true(is_gone(program));
    over(&o);
}

static void a_slow_end_is_nobody_elses(void **state)
{
    (void)state;
    struct driver *d = driver_start();
    struct ordered slow = new_session(d, 1), other = new_session(d, 2);
    shell(&slow, "trap '' TERM; echo here; while :; do sleep 0.1; done");
    (void)go(&slow);
    (void)until(stream(&slow, ORDER_STREAM_TEXT), "here\n");
    stop(&slow, "kill");
    shell(&other, "exit 5");
    (void)go(&other);
    assert_int_equal(exited(&other), 5);
    struct order o;
    while (driver_next(slow.control, &o))
        assert_int_not_equal(o.kind, ORDER_EXITED);
    assert_int_equal(exited(&slow), 137);
    finish(&slow);
    over(&other);
}

/* --- builds --- */

static void ended_in_the_build(void **state)
{
    char slow[PATH_SIZE], fifo[PATH_SIZE], script[3 * PATH_SIZE], line[64] = "";
    (void)state;
    (void)snprintf(fifo, sizeof fifo, "%s/building", top);
    (void)snprintf(slow, sizeof slow, "%s/slow", top);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    (void)snprintf(script, sizeof script, "#!/bin/sh\necho $$ >'%s'\nexec sleep 1000\n", fifo);
    write_file(top, "slow", script);
    assert_int_equal(chmod(slow, 0700), 0);
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "debug", ".");
    with_path(&o, "--output=", "__debug_bin");
    (void)snprintf(script, sizeof script, "GOFLAGS=-toolexec=%s", slow);
    with(&o, ORDER_ENV, script);
    (void)snprintf(script, sizeof script, "%s/cache", top);
    with(&o, ORDER_GOCACHE, script);
    with(&o, ORDER_CWD, program_dir);
    pid_t delve = go(&o);
    int fd = open(fifo, O_RDWR | O_CLOEXEC);
    assert_true(read(fd, line, sizeof line - 1) > 0);
    (void)close(fd);
    pid_t tool = (pid_t)atol(line);
    (void)snprintf(script, sizeof script, "GOCACHE=%s/cache", top);
    wait_pair(o.d, tool, script);
    (void)snprintf(script, sizeof script, "GOTMPDIR=%s/1/tmp", o.d->dir);
    wait_pair(o.d, tool, script);
    over(&o);
    assert_true(is_gone(tool));
    assert_int_equal(living(delve), 0);
    assert_int_equal(unlink(fifo), 0);
}

static void a_build_fails(void **state)
{
    char dir[2 * PATH_SIZE];
    (void)state;
    (void)snprintf(dir, sizeof dir, "%s/broken", top);
    assert_int_equal(mkdir(dir, 0700), 0);
    write_file(dir, "go.mod", "module example.com/broken\ngo 1.18\n");
    write_file(dir, "main.go", "package main\n\nfunc main() { undefinedName() }\n");
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "debug", ".");
    with(&o, ORDER_CWD, dir);
    (void)go(&o);
    assert_int_equal(exited(&o), 1);
    (void)until(stream(&o, ORDER_STREAM_TEXT), "undefinedName");
    dlv(&o, "exec", binary);
    with_arguments(&o, (const char *const[]){"show", NULL});
    (void)go(&o);
    (void)up(stream(&o, ORDER_STREAM_OUT));
    over(&o);
}

static void what_is_missing(void **state)
{
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "exec", binary);
    with(&o, ORDER_CWD, "/nonexistent/directory");
    (void)go(&o);
    const struct order *r = driver_record(o.control, ORDER_PATH_ERROR);
    assert_string_equal(order_get(r, ORDER_NAME), "missing");
    assert_string_equal(order_get(r, ORDER_TEXT), "/nonexistent/directory");
    assert_int_equal(exited(&o), 126);
    shell(&o, "pwd");
    with(&o, ORDER_CWD, binary);
    (void)go(&o);
    assert_string_equal(order_get(driver_record(o.control, ORDER_PATH_ERROR), ORDER_NAME), "notdir");
    assert_int_equal(exited(&o), 126);
    over(&o);
}

/* --- attach --- */

static bool is_free(void *pid)
{
    return !in_file(*(pid_t *)pid, "status", "State:\tt", 8) && !in_file(*(pid_t *)pid, "status", "State:\tT", 8) &&
           in_file(*(pid_t *)pid, "status", "TracerPid:\t0\n", 13);
}
static void attached(void **state)
{
    char number[32], line[64] = "";
    int out[2];
    (void)state;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t program = fork();
    if (program == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)execl(binary, binary, "show", NULL);
        _exit(1);
    }
    assert_true(read(out[0], line, sizeof line - 1) > 0);
    (void)snprintf(number, sizeof number, "%ld", (long)program);
    struct ordered o = new_session(driver_start(), 1);
    for (int i = 0; i < 2; i++) {
        dlv(&o, "attach", number);
        with(&o, ORDER_ATTACH, "1");
        with(&o, ORDER_PID, number);
        (void)go(&o);
        (void)until(stream(&o, ORDER_STREAM_LOG), i == 0 ? "attaching to pid" : "listening at");
        stop(&o, "detach");
        (void)exited(&o);
        driver_wait(o.d, is_free, &program, "the attached process to be free");
    }
    begin(&o, "alive");
    with(&o, ORDER_PID, number);
    order_close(&o.record, o.begin);
    driver_send(o.control, &o.record);
    buf_free(&o.record);
    assert_int_equal(exited(&o), 0);
    /* delvegate dies. */
    dlv(&o, "attach", number);
    with(&o, ORDER_ATTACH, "1");
    with(&o, ORDER_PID, number);
    pid_t delve = go(&o);
    (void)until(stream(&o, ORDER_STREAM_LOG), "listening at");
    assert_int_equal(driver_finish(o.d), 0);
    assert_int_equal(living(delve), 0);
    driver_free(o.d);
    assert_int_equal(kill(program, 0), 0);
    assert_true(is_free(&program));
    assert_int_equal(kill(program, SIGKILL), 0);
    (void)close(out[0]);
    (void)close(out[1]);
}

/* --- what is abandoned --- */

static void abandoned(void **state)
{
    (void)state;
    struct driver *d = driver_start();
    struct ordered loud = new_session(d, 1), quiet = new_session(d, 2);
    shell(&loud, "yes 'a line that is long enough' & echo begun; wait");
    pid_t leader = go(&loud);
    (void)until(stream(&loud, ORDER_STREAM_TEXT), "begun");
    driver_stream(d, ORDER_STREAM_TEXT, 1, 1)->waits = true;
    driver_reset(loud.control);
    driver_wait_ended(loud.control);
    assert_int_equal(living(leader), 0);
    dlv(&quiet, "exec", binary);
    with_arguments(&quiet, (const char *const[]){"print", "200000", NULL});
    stream(&loud, ORDER_STREAM_TEXT)->drops = true;
    leader = go(&quiet);
    stream(&quiet, ORDER_STREAM_OUT)->waits = true;
    driver_wait_bytes(stream(&quiet, ORDER_STREAM_ERR), 1);
    assert_int_equal(driver_finish(d), 0);
    assert_int_equal(living(leader), 0);
    driver_free(d);
}

/* Somebody empties ~/.cache while the session runs. */
static void the_directory_is_removed(void **state)
{
    char command[2 * PATH_SIZE];
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "exec", binary);
    with_arguments(&o, (const char *const[]){"show", NULL});
    pid_t delve = go(&o);
    (void)up(stream(&o, ORDER_STREAM_OUT));
    (void)snprintf(command, sizeof command, "rm -rf '%s/1'", o.d->dir);
    assert_int_equal(system(command), 0);
    driver_say(o.control, ORDER_LAUNCHED, ORDER_NAME, NULL);
    over(&o);
    assert_int_equal(living(delve), 0);
}

/* --- a terminal --- */

static void a_terminal(void **state)
{
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    dlv(&o, "exec", binary);
    with(&o, ORDER_PTY, "1");
    with(&o, ORDER_ROWS, "31");
    with(&o, ORDER_COLUMNS, "101");
    with(&o, ORDER_ARG, "-r");
    with(&o, ORDER_ARG_PTY, "stdout:");
    with(&o, ORDER_ARG, "-r");
    with(&o, ORDER_ARG_PTY, "stderr:");
    with(&o, ORDER_ARG, "--continue");
    with(&o, ORDER_ARG, "--");
    with(&o, ORDER_ARG, "read");
    pid_t leader = go(&o);
    struct driver_stream *terminal = stream(&o, ORDER_STREAM_TERMINAL);
    pid_t program = up(terminal);
    driver_write(terminal, "hello\r", 6);
    (void)until(terminal, "read \"hello\"");
    driver_write(terminal, "\4", 1);
    (void)until(terminal, "end of input");
    /* ^C is the program's: it ends of it, Delve does not. */
    driver_write(terminal, "\3", 1);
    driver_wait(o.d, goes, &program, "^C to end the program");
    assert_false(is_gone(leader));
    /* The end of what is typed is not the end of the terminal. */
    driver_end(terminal);
    driver_pump(o.d, PUMP_MS);
    assert_false(is_gone(leader));
    stop(&o, "kill");
    (void)exited(&o);
    assert_int_equal(living(leader), 0);
    shell(&o, "trap 'stty size' WINCH; echo here; while :; do sleep 0.1; done");
    with(&o, ORDER_PTY, "1");
    (void)go(&o);
    terminal = stream(&o, ORDER_STREAM_TERMINAL);
    (void)until(terminal, "here");
    struct buf b;
    buf_init(&b, PATH_SIZE);
    size_t at = order_open(&b, ORDER_SIZE);
    order_put_number(&b, ORDER_ROWS, 41);
    order_put_number(&b, ORDER_COLUMNS, 121);
    order_close(&b, at);
    driver_send(o.control, &b);
    buf_free(&b);
    (void)until(terminal, "41 121");
    driver_say(o.control, ORDER_SIGNAL, ORDER_STATUS, "15");
    assert_int_equal(exited(&o), 143);
    driver_wait_end(terminal);
    over(&o);
}

/* --- locks --- */

static void a_lock(void **state)
{
    char path[PATH_SIZE], text[2 * PATH_SIZE];
    (void)state;
    struct ordered o = new_session(driver_start(), 1);
    (void)snprintf(path, sizeof path, "%s/lock", top);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    begin(&o, "command");
    with(&o, ORDER_ARG, "flock");
    with(&o, ORDER_ARG, path);
    with(&o, ORDER_ARG, "echo");
    with(&o, ORDER_ARG, "through");
    (void)go(&o);
    (void)snprintf(text, sizeof text, "a file is locked by process %ld (run_test): waiting for it (%s)", (long)getpid(),
                   path);
    assert_string_equal(order_get(driver_record(o.control, ORDER_NOTE), ORDER_TEXT), text);
    assert_int_equal(flock(fd, LOCK_UN), 0);
    assert_string_equal(order_get(driver_record(o.control, ORDER_NOTE), ORDER_TEXT), "the lock is free, continuing");
    assert_int_equal(exited(&o), 0);
    (void)until(stream(&o, ORDER_STREAM_TEXT), "through");
    (void)close(fd);
    over(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life),
        cmocka_unit_test(no_descriptor_is_inherited),
        cmocka_unit_test(output_is_whole),
        cmocka_unit_test(text_of_any_size),
        cmocka_unit_test(one_after_the_other),
        cmocka_unit_test(stopped_at_once),
        cmocka_unit_test(delve_is_killed),
        cmocka_unit_test(ended_with_a_client),
        cmocka_unit_test(a_slow_end_is_nobody_elses),
        cmocka_unit_test(ended_in_the_build),
        cmocka_unit_test(a_build_fails),
        cmocka_unit_test(what_is_missing),
        cmocka_unit_test(attached),
        cmocka_unit_test(abandoned),
        cmocka_unit_test(the_directory_is_removed),
        cmocka_unit_test(a_terminal),
        cmocka_unit_test(a_lock),
    };
    return cmocka_run_group_tests(tests, build, clear);
}
