/* What a command reads from its stdin. */
#include "proxy/machine/keeper_private.h"

static void on_drained(void *arg)
{
    struct keeper *k = arg;
    keeper_enter(k);
    if (k->handler && k->handler->input_drained)
        k->handler->input_drained(k->arg);
    keeper_leave(k);
}

static void on_closed(void *arg, const struct err *why, enum channel_end how)
{
    struct keeper *k = arg;
    (void)why;
    (void)how;
    k->input = NULL;
    keeper_enter(k);
    if (k->handler && k->handler->input_closed)
        k->handler->input_closed(k->arg);
    keeper_leave(k);
}

static const struct channel_handler events = {.drained = on_drained, .closed = on_closed};

int keeper_input_open(struct keeper *k)
{
    k->input = link_open(k->link, ORDER_STREAM_INPUT, (uint32_t)k->number, &events, k);
    return k->input ? 0 : -1;
}

void keeper_input_close(struct keeper *k, bool link_lost)
{
    if (k->input && !link_lost)
        channel_close(k->input);
    k->input = NULL;
}

bool keeper_input(struct keeper *k, const char *data, size_t len)
{
    return k->input && channel_write(k->input, data, len);
}

void keeper_input_end(struct keeper *k)
{
    if (k->input)
        channel_shut(k->input);
}
