/* Drives a transport alone: ssh_probe DESTINATION SCENARIO [ARGUMENT...]. What it saw goes to stdout, one fact a line;
   test/ssh/run.sh compares. Ends with 0 unless something is wrong in itself. DESTINATION "command": the command
   transport, with the arguments from the third on as its argv. PROBE_PROGRAM=yes or no is sshProgram. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/machine/child.h"
#include "proxy/machine/transport.h"

enum {
    PROBE_MB = 1024 * 1024,
    PROBE_MB_DEFAULT = 20,
    PROBE_CHUNK = 24 * 1024,
    PROBE_SHOWN = 400,
    PROBE_DEADLINE_MS = 100 * 1000,
    PROBE_CLOSED_MS = 300,
    PROBE_STALL_S = 2
};

static struct {
    uv_loop_t loop;
    struct transport *t;
    struct carrier *c;
    const char *scenario, *argument, *line;
    char text[PROBE_CHUNK];
    size_t got, sent, to_send;
    unsigned long sum_in, sum_out; /* order-sensitive sums of what came and went */
    bool high;
    int opened, lost;
    uint64_t began;
    struct timer *deadline, *later;
} probe;

static bool is(const char *scenario)
{
    return strcmp(probe.scenario, scenario) == 0;
}

static void finish(void)
{
    if (probe.c)
        carrier_close(probe.c);
    probe.c = NULL;
    transport_free(probe.t);
    probe.t = NULL;
    timer_free(probe.deadline);
    timer_free(probe.later);
}

static void on_deadline(void *arg)
{
    (void)arg;
    printf("TIMEOUT after %zu of %zu, %zu queued\n", probe.got, probe.sent, carrier_queued(probe.c));
    (void)fflush(stdout);
    abort();
}

static unsigned long add_sum(unsigned long sum, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + (unsigned char)data[i];
    return sum;
}

/* Bulk data whose every place differs from its neighbours. */
static void feed(void)
{
    static char chunk[PROBE_CHUNK];
    while (probe.sent < probe.to_send) {
        size_t n = probe.to_send - probe.sent < sizeof chunk ? probe.to_send - probe.sent : sizeof chunk;
        for (size_t i = 0; i < n; i++)
            chunk[i] = (char)((probe.sent + i) * 7 / 5);
        probe.sum_out = add_sum(probe.sum_out, chunk, n);
        probe.sent += n;
        probe.high = carrier_write(probe.c, chunk, n);
        if (probe.high != (carrier_queued(probe.c) >= CARRIER_HIGH_WATER) && !probe.high)
            printf("HIGH WATER IS NOT TOLD\n");
        if (probe.high)
            return;
    }
}

static void on_note(void *arg, const char *text)
{
    (void)arg;
    printf("note %s\n", text);
    if (is("closing") && strstr(text, "close me"))
        finish();
}

static void on_running(void *arg)
{
    (void)arg;
    printf("ready %s\n", probe.t->where);
    if (is("closed"))
        timer_start(probe.later, PROBE_CLOSED_MS, 0);
}

static void show(const char *data, size_t len)
{
    size_t before = probe.got - len;
    if (before < PROBE_SHOWN)
        printf("out %.*s\n", (int)(len < PROBE_SHOWN - before ? len : PROBE_SHOWN - before), data);
}

static void on_data(void *arg, const char *data, size_t len)
{
    (void)arg;
    if (probe.got == 0 && is("lost"))
        (void)sleep(PROBE_STALL_S); /* all that the server sends until then waits here */
    probe.got += len;
    if (is("cat")) {
        probe.sum_in = add_sum(probe.sum_in, data, len);
        if (probe.got == probe.to_send) {
            printf("%s %zu bytes\n", probe.sum_in == probe.sum_out ? "same" : "DIFFERENT", probe.got);
            finish();
        }
        return;
    }
    show(data, len);
    if (is("time")) {
        printf("first %llu ms\n", (unsigned long long)((uv_hrtime() - probe.began) / 1000000));
        finish();
    } else if (is("login") || (is("again") && probe.opened == 2)) {
        finish();
    }
}

static void on_drained(void *arg)
{
    (void)arg;
    if (carrier_queued(probe.c) >= CARRIER_LOW_WATER)
        printf("DRAINED TOO EARLY\n");
    feed();
}

static void begin(void);

static void on_lost(void *arg, const struct err *why, enum transport_loss loss)
{
    static const char *const names[] = {"retry", "ask", "never"};
    (void)arg;
    probe.c = NULL;
    printf("lost after %zu %s: %s\n", probe.got, names[loss], why->text);
    if (++probe.lost == 1 && is("again"))
        begin();
    else
        finish();
}

static const struct carrier_handler handler = {
    .note = on_note, .running = on_running, .data = on_data, .drained = on_drained, .lost = on_lost};

static void begin(void)
{
    const struct transport_command command = {.line = probe.opened > 0 ? "printf up; exec cat" : probe.line,
                                              .script = probe.text,
                                              .script_len = strlen(probe.text)};
    probe.opened++;
    probe.began = uv_hrtime();
    probe.c = transport_open(probe.t, &command, &handler, NULL);
    if (is("echo"))
        (void)carrier_write(probe.c, "typed\n", strlen("typed\n"));
    feed();
}

static void on_later(void *arg)
{
    (void)arg;
    printf("closed\n");
    finish();
}

/* What is run for each scenario: as a line for a login shell, and as a script on the stdin of a shell, behind which
   data follows after so many newlines that the shell does not read it. */
static const char *line_of(void)
{
    static char line[PROBE_CHUNK];
    static const char *const lines[][2] = {
        {"login", "printf up; exec cat"},
        {"time", "printf up; exec cat"},
        {"echo", "exec sh -c 'echo err >&2; echo out; read x; echo \"$x\"; exit 3'"},
        {"killed", "exec sh -c 'kill -9 $$'"},
        {"cat", "exec cat"},
        {"lost", "exec sh -c 'head -c 200000 /dev/zero; sleep 1; kill -9 $PPID'"},
        {"closed", "exec sh -c 'trap \"\" HUP TERM PIPE; sleep 1000'"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (is(lines[i][0]))
            return lines[i][1];
    if (is("again"))
        (void)snprintf(line, sizeof line, "%s", probe.argument);
    else
        (void)snprintf(line, sizeof line, "exec sh -c '%s'", probe.argument);
    return line;
}

int main(int argc, char **argv)
{
    struct config_target target = {.name = (char *)"probe"};
    const char *program = getenv("PROBE_PROGRAM");
    const char *script = getenv("PROBE_SCRIPT");
    if (argc < 3) {
        (void)fprintf(stderr, "usage: ssh_probe DESTINATION SCENARIO [ARGUMENT]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    log_set_level(getenv("PROBE_DEBUG")  ? CONFIG_LOG_DEBUG
                  : getenv("PROBE_INFO") ? CONFIG_LOG_INFO
                                         : CONFIG_LOG_WARNING);
    (void)uv_loop_init(&probe.loop);
    probe.scenario = argv[2];
    probe.argument = argc > 3 ? argv[3] : "";
    probe.line = line_of();
    if (script)
        (void)snprintf(probe.text, sizeof probe.text, "%s", script);
    if (is("cat"))
        probe.to_send =
            (size_t)(argc > 3 && strcmp(argv[1], "command") != 0 ? atoi(argv[3]) : PROBE_MB_DEFAULT) * PROBE_MB;
    probe.deadline = timer_new(&probe.loop, on_deadline, NULL);
    probe.later = timer_new(&probe.loop, on_later, NULL);
    timer_start(probe.deadline, PROBE_DEADLINE_MS, 0);
    target.ssh = argv[1];
    target.ssh_program = !program                      ? CONFIG_MAYBE_ABSENT
                         : strcmp(program, "yes") == 0 ? CONFIG_MAYBE_YES
                                                       : CONFIG_MAYBE_NO;
    target.command = argv + 3;
    probe.t =
        strcmp(argv[1], "command") == 0 ? transport_command(&probe.loop, &target) : transport_ssh(&probe.loop, &target);
    begin();
    (void)uv_run(&probe.loop, UV_RUN_DEFAULT);
    child_forget(&probe.loop);
    (void)uv_run(&probe.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&probe.loop) != 0)
        printf("HANDLES LEFT\n");
    return 0;
}
