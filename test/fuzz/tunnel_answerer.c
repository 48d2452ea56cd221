/* What comes by a door to the supervisor. */
#include "test/fuzz/tunnel_end.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_end(TUNNEL_ANSWERER, data, size);
}
