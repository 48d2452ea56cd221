/* One way to a machine's supervisor: the carrier, what puts the supervisor there, and up to its answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/base/log.h"
#include "proxy/base/nonce.h"
#include "proxy/machine/boot.h"
#include "proxy/machine/machine_private.h"
#include "proxy/machine/programs.h"

#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

enum {
    MS = 1000,
    START_MS = 60 * MS /* from the command's start to the supervisor's answer: a login shell may be slow */
};

/* --- the carrier --- */

void machine_close_carrier(struct remote_machine *m)
{
    timer_stop(m->deadline);
    free(m->boot);
    m->boot = NULL;
    if (m->carrier)
        carrier_close(m->carrier);
    m->carrier = NULL;
}

static void on_note(void *arg, const char *text)
{
    struct remote_machine *m = arg;
    log_info(m->base.where, "%s", text);
    if (!m->lost_at)
        machine_note_all(m, text);
}

static void on_running(void *arg)
{
    struct remote_machine *m = arg;
    if (m->state != MACHINE_CONNECTING)
        return;
    timer_start(m->deadline, START_MS, 0);
    if (!m->boot)
        machine_set_state(m, MACHINE_GREETING, "the supervisor is started");
    else
        machine_set_state(m, MACHINE_BOOTING, "the command is started");
    machine_turn(m);
}

static void send_boot(struct remote_machine *m)
{
    const char *bytes;
    size_t n;
    while (m->carrier && carrier_queued(m->carrier) < CARRIER_HIGH_WATER && (n = boot_output(m->boot, &bytes)) > 0) {
        n = n < CARRIER_HIGH_WATER ? n : CARRIER_HIGH_WATER;
        (void)carrier_write(m->carrier, bytes, n);
        boot_sent(m->boot, n);
    }
}

static bool was_uploading(const struct remote_machine *m)
{
    return m->boot && boot_is_uploading(m->boot);
}

/* Returns how many bytes are not the tunnel's. */
static size_t read_boot(struct remote_machine *m, const char *data, size_t len)
{
    struct err text;
    bool before = was_uploading(m);
    size_t used = boot_receive(m->boot, data, len);
    if (!before && was_uploading(m)) {
        err_set(&text, "copying the supervisor to %s", m->base.where);
        machine_note_all(m, text.text);
    }
    send_boot(m);
    if (m->boot->state == BOOT_READY)
        machine_set_state(m, MACHINE_GREETING, "the supervisor has been copied");
    return used;
}

static void give_carrier_up(struct remote_machine *m, const struct err *why, enum transport_loss loss)
{
    struct err copy = *why;
    machine_close_carrier(m);
    machine_carrier_lost(m, &copy, loss);
}

static void on_data(void *arg, const char *data, size_t len)
{
    struct remote_machine *m = arg;
    size_t mine = len;
    on_running(m); /* if it was not said yet */
    if (m->boot) {
        size_t used = m->state == MACHINE_BOOTING ? read_boot(m, data, len) : 0;
        data += used;
        len -= used;
        mine = len && m->boot->state == BOOT_READY ? boot_tunnel(m->boot, data, len) : 0;
    }
    if (mine > 0 && m->tunnel)
        machine_tunnel_receive(m, data, mine);
    if (m->boot && m->boot->state == BOOT_OVER)
        give_carrier_up(m, boot_why(m->boot), m->state == MACHINE_UP ? TRANSPORT_RETRY : TRANSPORT_NEVER);
}

static void on_drained(void *arg)
{
    struct remote_machine *m = arg;
    if (m->state == MACHINE_BOOTING) {
        timer_start(m->deadline, START_MS, 0); /* a slow link may take long for the program */
        send_boot(m);
    }
    machine_turn(m);
}

static void on_lost(void *arg, const struct err *why, enum transport_loss loss)
{
    struct remote_machine *m = arg;
    struct err copy = *why;
    m->carrier = NULL;
    if (m->state == MACHINE_BOOTING) {
        boot_lost(m->boot, &copy);
        copy = *boot_why(m->boot);
    }
    machine_carrier_lost(m, &copy, loss);
}

static const struct carrier_handler carrier_events = {
    .note = on_note, .running = on_running, .data = on_data, .drained = on_drained, .lost = on_lost};

/* --- who comes, and how --- */

static uint64_t client; /* 0: it has no name */

static uint64_t hash_on(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
    return hash;
}

void machine_set_client(const char *text)
{
    client = hash_on(FNV_OFFSET, text);
}

/* Who comes to the machine. Two ways to one machine are two clients there: a supervisor has one tunnel. Without a name
 * of its own delvegate is somebody who comes once. */
static void name_client(struct remote_machine *m)
{
    if (client)
        (void)snprintf(m->client, sizeof m->client, "%016" PRIx64, hash_on(client, m->name));
    else if (!m->client[0])
        nonce_make(m->client);
}

/* What puts the supervisor there and starts it. */
static int make_boot(struct remote_machine *m, struct buf *line, struct buf *script)
{
    unsigned char hello[TUNNEL_FRAME_MAX];
    m->boot = calloc(1, sizeof *m->boot);
    nonce_make(m->nonce);
    name_client(m);
    if (!m->boot || tunnel_output(m->tunnel, hello, sizeof hello, machine_clock()) != TUNNEL_HELLO_SIZE ||
        bootstrap_line(line, m->client, m->nonce, TUNNEL_HELLO_SIZE, programs_table, programs_count) < 0 ||
        bootstrap_script(script, m->client, m->nonce, TUNNEL_HELLO_SIZE, programs_table, programs_count) < 0)
        return -1;
    boot_init(m->boot, m->nonce, hello, programs_table, programs_count, m->base.where);
    return 0;
}

void machine_connect(struct remote_machine *m)
{
    struct transport_command command = {0};
    struct buf line, script;
    struct err why;
    timer_stop(m->retry);
    timer_stop(m->deadline);
    machine_set_state(m, MACHINE_CONNECTING, m->lost_at ? "trying again" : "a session needs it");
    m->attempts++;
    buf_init(&line, BOOTSTRAP_LINE_MAX);
    buf_init(&script, BOOTSTRAP_SCRIPT_MAX);
    if (m->tunnel || machine_tunnel_new(m) == 0) {
        machine_tunnel_call(m);
        if (m->base.is_local || make_boot(m, &line, &script) == 0) {
            command = (struct transport_command){.line = line.data, .script = script.data, .script_len = script.len};
            m->carrier = transport_open(m->transport, &command, &carrier_events, m);
        }
    }
    buf_free(&line);
    buf_free(&script);
    if (m->carrier && m->boot) {
        send_boot(m);
    } else if (!m->carrier) {
        err_set(&why, "out of memory while connecting to %s", m->base.where);
        machine_lose(m, &why, true);
    }
}

void machine_answer_timeout(void *arg)
{
    struct remote_machine *m = arg;
    struct err why;
    err_set(&why, "the supervisor on %s did not answer within %d s; is the machine or its login shell stuck?",
            m->base.where, START_MS / MS);
    give_carrier_up(m, &why, TRANSPORT_RETRY);
}
