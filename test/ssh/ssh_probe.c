/* Drives the ssh transport alone, without a session: ssh_probe DESTINATION SCENARIO [ARGUMENT]. What it saw goes to
   stdout, one fact a line; test/ssh/run.sh compares. Ends with 0 unless something is wrong in itself. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/base/timer.h"
#include "proxy/machine/transport.h"

enum {
    PROBE_MB = 1024 * 1024,
    PROBE_BULK = 20 * PROBE_MB,
    PROBE_CHUNK = 64 * 1024,
    PROBE_DEADLINE_MS = 60 * 1000,
    PROBE_LINKS_MAX = 16,
    PROBE_CHANNELS_MAX = 16
};

struct probe_channel {
    struct channel *c;
    const char *name;
    size_t got[3]; /* by source */
    size_t sent, to_send;
    unsigned long sum_in, sum_out; /* order-sensitive sums of what came and went */
};

static struct {
    uv_loop_t loop;
    struct transport *t;
    const char *scenario, *argument;
    struct link *links[PROBE_LINKS_MAX];
    struct probe_channel channels[PROBE_CHANNELS_MAX];
    int ready, open, closed, lost;
    struct timer *deadline, *later;
} probe;

static bool is(const char *scenario)
{
    return strcmp(probe.scenario, scenario) == 0;
}

static void finish(void)
{
    for (int i = 0; i < PROBE_LINKS_MAX; i++)
        if (probe.links[i])
            link_close(probe.links[i]);
    memset(probe.links, 0, sizeof probe.links);
    transport_release(probe.t);
    timer_free(probe.deadline);
    timer_free(probe.later);
}

static void on_deadline(void *arg)
{
    (void)arg;
    printf("TIMEOUT\n");
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
static void feed(struct probe_channel *p)
{
    static char chunk[PROBE_CHUNK];
    while (p->sent < p->to_send) {
        for (size_t i = 0; i < sizeof chunk; i++)
            chunk[i] = (char)((p->sent + i) * 7 / 5);
        p->sum_out = add_sum(p->sum_out, chunk, sizeof chunk);
        p->sent += sizeof chunk;
        if (channel_write(p->c, chunk, sizeof chunk))
            return;
    }
    channel_shut(p->c);
}

static void on_opened(void *arg)
{
    struct probe_channel *p = arg;
    printf("%s opened\n", p->name);
    probe.open++;
    if (p->to_send)
        feed(p);
}

static void shell(int i, struct link *l, const char *name, const char *input);

static void on_data(void *arg, enum channel_source source, const char *data, size_t len)
{
    struct probe_channel *p = arg;
    size_t before = p->got[source];
    if (is("cat") && p->to_send == 0) { /* "go": sh has read its script, what follows is cat's */
        p->to_send = PROBE_BULK;
        feed(p);
        return;
    }
    p->got[source] += len;
    p->sum_in = add_sum(p->sum_in, data, len);
    if (p->to_send == 0 && p->got[source] < 200)
        printf("%s %d: %.*s\n", p->name, (int)source, (int)len, data);
    if (is("echo") && before == 0 && source == CHANNEL_STDOUT) /* now sh has read its script */
        (void)channel_write(p->c, "typed\n", strlen("typed\n"));
    if (is("pause") && before < PROBE_MB && p->got[source] >= PROBE_MB) {
        channel_pause(p->c, true);
        timer_start(probe.later, 500, 0);
    }
    /* What the server sent stays in libssh2 while another shell ends this connection's sshd. */
    if (is("lost") && before == 0) {
        channel_pause(p->c, true);
        shell(1, probe.links[0], "killer", "kill -9 $PPID\n");
        timer_start(probe.later, 1000, 0);
    }
}

static void on_eof(void *arg)
{
    struct probe_channel *p = arg;
    printf("%s eof after %zu %zu\n", p->name, p->got[CHANNEL_STDOUT], p->got[CHANNEL_STDERR]);
    if (p->to_send)
        printf("%s %s\n", p->name, p->sum_in == p->sum_out ? "same" : "DIFFERENT");
    if (strcmp(p->name, "stream") == 0) {
        channel_close(p->c);
        finish();
    }
}

static void on_drained(void *arg)
{
    feed(arg);
}

static void on_closed(void *arg, const struct err *why, int status)
{
    struct probe_channel *p = arg;
    printf("%s closed %d %s\n", p->name, status, why->text);
    probe.closed++;
    if (is("sessions") ? why->text[0] != '\0' : !is("multi") && !is("many") && !is("again"))
        finish();
}

static const struct channel_handler channel_handler = {
    .opened = on_opened, .data = on_data, .eof = on_eof, .drained = on_drained, .closed = on_closed};

static void shell(int i, struct link *l, const char *name, const char *input)
{
    struct probe_channel *p = &probe.channels[i];
    p->name = name;
    p->c = link_shell(l, &channel_handler, p);
    if (input)
        (void)channel_write(p->c, input, strlen(input));
}

static void stream(int i, struct link *l, size_t to_send)
{
    struct probe_channel *p = &probe.channels[i];
    p->name = "stream";
    p->to_send = to_send;
    p->c = link_stream(l, atoi(probe.argument), &channel_handler, p);
}

static void on_note(void *arg, const char *text)
{
    (void)arg;
    printf("note %s\n", text);
}

static void begin_link(int i);

static void on_lost(void *arg, const struct err *why, bool transient)
{
    struct link **l = arg;
    *l = NULL;
    printf("lost after %zu %s: %s\n", probe.channels[0].got[CHANNEL_STDOUT], transient ? "transient" : "final",
           why->text);
    if (++probe.lost == 1 && is("again") && probe.ready == 1)
        begin_link(1);
    else if (probe.lost == 1)
        finish();
}

static void on_ready(void *arg)
{
    struct link *l = *(struct link **)arg;
    printf("ready %s\n", probe.t->where);
    probe.ready++;
    if (is("echo")) {
        shell(0, l, "shell", "echo err >&2; echo out; read x; echo \"$x\"; exit 3\n");
    } else if (is("killed")) {
        shell(0, l, "shell", "kill -9 $$\n");
    } else if (is("cat")) {
        shell(0, l, "shell", "echo go; exec cat\n");
    } else if (is("pause")) {
        shell(0, l, "shell", "head -c 52428800 /dev/zero\nexit 0\n");
    } else if (is("lost")) {
        shell(0, l, "shell", "head -c 200000 /dev/zero\n");
    } else if (is("stream")) {
        shell(0, l, "shell", NULL);
        stream(1, l, PROBE_BULK);
    } else if (is("refused")) {
        shell(0, l, "shell", NULL);
        stream(1, l, 0);
    } else if (is("sessions")) {
        for (int i = 0; i < 12; i++)
            shell(i, l, "shell", NULL);
    } else if (is("many") || is("warm")) {
        if (probe.ready == (is("many") ? 6 : 1))
            timer_start(probe.later, is("many") ? 0 : 5000, 0);
        if (is("warm")) {
            printf("link closed\n");
            link_close(l);
            *(struct link **)arg = NULL;
            if (probe.ready == 2)
                finish();
        }
    } else if (is("again") && probe.ready == 1) { /* the argument's commands, then the end of this connection's sshd */
        shell(0, l, "shell", probe.argument);
    } else if (is("login") || is("again")) {
        finish();
    }
}

static const struct link_handler link_handler = {.ready = on_ready, .note = on_note, .lost = on_lost};

static void begin_link(int i)
{
    probe.links[i] = transport_link(probe.t, &link_handler, &probe.links[i]);
}

static void on_later(void *arg)
{
    (void)arg;
    struct probe_channel *p = &probe.channels[0];
    if (is("lost")) {
        printf("%s\n", probe.lost ? "TOLD TOO EARLY" : "still held");
        channel_pause(p->c, false);
    } else if (is("pause")) {
        printf("paused at %s\n", p->got[CHANNEL_STDOUT] <= 2 * PROBE_MB ? "once" : "LATER");
        channel_pause(p->c, false);
    } else if (is("warm")) {
        printf("again\n");
        begin_link(1);
    } else if (is("many")) {
        finish();
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: ssh_probe DESTINATION SCENARIO [ARGUMENT]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level(getenv("PROBE_DEBUG")  ? CONFIG_LOG_DEBUG
                  : getenv("PROBE_INFO") ? CONFIG_LOG_INFO
                                         : CONFIG_LOG_WARNING);
    (void)uv_loop_init(&probe.loop);
    probe.scenario = argv[2];
    probe.argument = argc > 3 ? argv[3] : "0";
    probe.deadline = timer_new(&probe.loop, on_deadline, NULL);
    probe.later = timer_new(&probe.loop, on_later, NULL);
    timer_start(probe.deadline, PROBE_DEADLINE_MS, 0);
    probe.t = transport_ssh(&probe.loop, argv[1], 600);
    int links = is("many") ? 6 : 1;
    for (int i = 0; i < links; i++)
        begin_link(i);
    (void)uv_run(&probe.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&probe.loop) != 0)
        printf("HANDLES LEFT\n");
    return 0;
}
