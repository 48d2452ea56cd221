/* Of a function that fails, or whose answer somebody has to free: nobody may ignore what it returns. */
#ifndef DAP_MUST_USE_H
#define DAP_MUST_USE_H

#define MUST_USE __attribute__((warn_unused_result))

#endif
