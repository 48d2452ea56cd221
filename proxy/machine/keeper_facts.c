#include <string.h>

#include "proxy/machine/keeper_private.h"

int keeper_examine(struct keeper *k, const char *dir, bool alone)
{
    k->examined = strdup(dir ? dir : "");
    k->alone = alone;
    return k->examined ? 0 : -1;
}

void keeper_set_fact(struct keeper *k, const char *name, const char *text)
{
    if (k->examined && delve_facts_add(&k->facts, name, text) < 0)
        keeper_fail_memory(k);
}

void keeper_report_facts(struct keeper *k)
{
    if (!k->examined || k->facts_reported || !k->handler || !k->handler->facts)
        return;
    k->facts_reported = true;
    k->handler->facts(k->arg, &k->facts);
}
