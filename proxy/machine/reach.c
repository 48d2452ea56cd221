#include "proxy/machine/reach.h"

struct machine *reach_target(uv_loop_t *loop, const struct config_target *target)
{
    if (!target->ssh)
        return transport_local(loop);
    return transport_ssh(loop, target->ssh, target->keep_warm_seconds);
}
