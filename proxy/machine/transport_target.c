#include "proxy/machine/transport_target.h"

struct transport *transport_of_target(uv_loop_t *loop, const struct config_target *target)
{
    return target->command ? transport_command(loop, target)
           : target->ssh   ? transport_ssh(loop, target)
                           : transport_local(loop);
}
