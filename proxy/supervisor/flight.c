#include "proxy/supervisor/flight.h"

#include <stdlib.h>
#include <string.h>

#include "dap/decoder.h"
#include "dap/message.h"

enum { ANSWER_MAX = 64 * 1024 /* bytes of an answer that are read: of a longer one its beginning says enough */ };

enum flight_state {
    FLIGHT_WRITING,
    FLIGHT_AWAITING, /* the answer to what was written */
    FLIGHT_OVER
};

struct flight {
    enum flight_state state;
    uint32_t run, edition, count;
    struct order requests;
    size_t at;                  /* order_next's, behind the present one */
    uint32_t number;            /* of the present one, from 1: its seq */
    struct order_field present; /* its bytes */
    size_t written;             /* of them */
    struct dap_decoder *decoder;
    char fields[];
};

static void next(struct flight *f)
{
    while (order_next(&f->requests, &f->at, &f->present)) {
        if (f->present.key != ORDER_REQUEST || f->present.len == 0)
            continue;
        f->number++;
        f->written = 0;
        f->state = FLIGHT_WRITING;
        return;
    }
    f->state = FLIGHT_OVER;
}

static uint32_t count(const struct order *o)
{
    struct order_field field;
    uint32_t n = 0;
    for (size_t at = 0; order_next(o, &at, &field);)
        n += field.key == ORDER_REQUEST && field.len > 0;
    return n;
}

struct flight *flight_new(const struct order *o)
{
    struct flight *f = malloc(sizeof *f + o->len);
    if (!f)
        return NULL;
    *f = (struct flight){.run = (uint32_t)order_get_number(o, ORDER_NUMBER, 0),
                         .edition = (uint32_t)order_get_number(o, ORDER_EDITION, 0) & ORDER_NUMBER_MAX,
                         .count = count(o)};
    memcpy(f->fields, o->fields, o->len);
    f->requests = (struct order){.kind = o->kind, .fields = f->fields, .len = o->len};
    f->decoder = dap_decoder_new(ANSWER_MAX, DAP_OVERSIZE_SKIP);
    if (!f->decoder) {
        free(f);
        return NULL;
    }
    next(f);
    return f;
}

void flight_free(struct flight *f)
{
    if (!f)
        return;
    dap_decoder_free(f->decoder);
    free(f);
}

uint32_t flight_run(const struct flight *f)
{
    return f->run;
}

uint32_t flight_edition(const struct flight *f)
{
    return f->edition;
}

uint32_t flight_count(const struct flight *f)
{
    return f->count;
}

size_t flight_peek(const struct flight *f, const char **bytes)
{
    if (f->state != FLIGHT_WRITING)
        return 0;
    *bytes = f->present.value + f->written;
    return f->present.len - f->written;
}

void flight_wrote(struct flight *f, size_t n)
{
    f->written += n;
    if (f->state == FLIGHT_WRITING && f->written >= f->present.len)
        f->state = FLIGHT_AWAITING;
}

/* What must have succeeded for the rest to make sense. */
static bool is_needed(const char *command)
{
    return strcmp(command, "initialize") == 0 || strcmp(command, "attach") == 0;
}

static void on_message(struct flight *f, const struct dap_message *m)
{
    if (m->type != DAP_RESPONSE || m->request_seq != f->number || f->state != FLIGHT_AWAITING)
        return;
    if (!m->success && is_needed(m->name))
        f->state = FLIGHT_OVER;
    else
        next(f);
}

void flight_heard(struct flight *f, const char *bytes, size_t n)
{
    struct dap_frame frame;
    struct dap_message m;
    struct err ignored; /* delvegate reads it, too, and says what is wrong */
    while (f->state != FLIGHT_OVER) {
        size_t used = 0;
        enum dap_result r = dap_decoder_feed(f->decoder, bytes, n, &used, &frame);
        bytes += used;
        n -= used;
        if (r == DAP_MORE)
            return;
        if (r == DAP_BROKEN || (r == DAP_MESSAGE && dap_message_scan(&m, frame.body, frame.len, &ignored) < 0))
            f->state = FLIGHT_OVER;
        else if (r == DAP_MESSAGE || dap_message_scan_prefix(&m, frame.body, frame.len, &ignored) == 0)
            on_message(f, &m);
    }
}

bool flight_is_over(const struct flight *f)
{
    return f->state == FLIGHT_OVER;
}
