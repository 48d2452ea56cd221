/* What a Delve is told before it listens, as one flight of requests (delve/order.h): composed by the session, composed
 * again when that changes, and taken over by the attachment once it is on its way. */
#include "proxy/delve/delve_private.h"

enum { FLIGHT_OWN = 2 /* requests of a flight that are delvegate's own: initialize, attach */ };

static void keep_older(struct delve *d)
{
    struct delve_older *o = &d->older[d->edition % DELVE_OLDER_MAX];
    dap_pending_free(o->pending);
    *o = (struct delve_older){.edition = d->edition, .pending = attachment_give_pending(d->attachment)};
}

static struct dap_pending *take_older(struct delve *d, uint32_t edition)
{
    struct delve_older *o = &d->older[edition % DELVE_OLDER_MAX];
    struct dap_pending *pending = o->edition == edition ? o->pending : NULL;
    if (pending)
        o->pending = NULL;
    return pending;
}

uint32_t delve_on_compose(void *arg, bool same_process, struct buf *flight)
{
    struct delve *d = arg;
    if (attachment_is_flight(d->attachment))
        keep_older(d);
    if (delve_attach_to(d, 0, same_process) < 0)
        return 0;
    enum delve_flight what = d->handler->compose(d->arg, same_process);
    if (what == DELVE_FLIGHT_NOT_YET) {
        attachment_free(d->attachment);
        d->attachment = NULL;
        return 0;
    }
    if (what == DELVE_FLIGHT_ATTACH || !attachment_flight(d->attachment))
        attachment_shorten_flight(d->attachment);
    const struct buf *requests = attachment_flight(d->attachment);
    if (requests)
        buf_append(flight, requests->data, requests->len);
    if (!requests || flight->failed) {
        delve_fail_memory(d);
        return 0;
    }
    d->edition = d->edition % ORDER_NUMBER_MAX + 1;
    return d->edition;
}

void delve_on_flight_started(void *arg, const struct keeper_flight *flight, bool same_process)
{
    struct delve *d = arg;
    bool is_newest = flight->edition == d->edition;
    if (!attachment_is_flight(d->attachment)) {
        if (flight->channel)
            channel_close(flight->channel);
        return;
    }
    d->same_process = same_process;
    d->sent = flight->count <= FLIGHT_OWN ? DELVE_SENT_ATTACH : is_newest ? DELVE_SENT_ALL : DELVE_SENT_OLD;
    attachment_take(d->attachment, flight, is_newest, is_newest ? NULL : take_older(d, flight->edition));
    delve_await_answer(d, "initialize");
}

void delve_changed(struct delve *d)
{
    if (d->state != DELVE_RUNNING)
        return; /* it is asked for later */
    if (!d->attachment || attachment_is_flight(d->attachment)) {
        process_changed(d->process);
    } else if (attachment_is_attaching(d->attachment) && d->sent == DELVE_SENT_ALL) {
        /* It is being sent already: what has changed follows. */
        d->sent = DELVE_SENT_OLD;
    }
}

void delve_flight_free(struct delve *d)
{
    for (size_t i = 0; i < DELVE_OLDER_MAX; i++)
        dap_pending_free(d->older[i].pending);
}
