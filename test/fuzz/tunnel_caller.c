/* What the Go machine says to delvegate. */
#include "test/fuzz/tunnel_end.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_end(TUNNEL_CALLER, data, size);
}
