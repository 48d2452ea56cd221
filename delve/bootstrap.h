/* What puts the supervisor on the Go machine and starts it there, as text: a script in a command line or on a shell's
 * stdin (delve/bootstrap.sh). No I/O.
 *
 * The conversation: behind the command delvegate sends at once the lead (a line that is the nonce, and the tunnel's
 * hello), and nothing more before an answer. All that we say there is in lines "delvegate NONCE WORD ...", possibly
 * behind noise of a login shell on the same line:
 *   ready BUILD      the tunnel's bytes follow this line
 *   need ARCH        the lead was thrown away; the program's bytes are to follow, and nothing behind them before an
 * answer got              they have arrived: the lead is to follow once more error KIND TEXT  it is over; KIND: arch,
 * dir, disk, noexec, run, sum of the script, others of the door gone PID         behind the tunnel's bytes: the
 * supervisor has died Where the program is there already, the hello is answered in the first round trip after exec. */
#ifndef DELVE_BOOTSTRAP_H
#define DELVE_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "dap/must_use.h"
#include "dap/buf.h"

enum {
    BOOTSTRAP_LINE_MAX = 120 * 1000,   /* bytes of a command line, that sshd and execve take */
    BOOTSTRAP_PADDING = 16 * 1024,     /* what a shell may read ahead of its script, and more */
    BOOTSTRAP_SCRIPT_MAX = 128 * 1024, /* bytes of script and padding */
    BOOTSTRAP_WORD_MAX = 128           /* bytes of a client, a nonce, a hash, an architecture */
};

/* The supervisor for one architecture. */
struct bootstrap_program {
    const char *arch;  /* as uname -m says it; i686 for all of its kind */
    const char *hash;  /* sha256 of the bytes, in hexadecimal */
    const void *bytes; /* the program; not used by these functions */
    size_t size;
    uint32_t crc; /* bootstrap_crc of the bytes */
};

/* The check sum that POSIX's cksum prints. */
uint32_t bootstrap_crc(const void *bytes, size_t n);

/* Appends the command line for a login shell of any kind. client, nonce: letters and digits. hello_size: bytes of the
 * lead behind its line. Returns -1 when the buffer has no room for it or a word has other characters. */
int bootstrap_line(struct buf *out, const char *client, const char *nonce, size_t hello_size,
                   const struct bootstrap_program *programs, size_t count) MUST_USE;
/* The same for the stdin of a shell that has read all that precedes: the line, then newlines, of which it may have read
 * some ahead when it becomes the script's. */
int bootstrap_script(struct buf *out, const char *client, const char *nonce, size_t hello_size,
                     const struct bootstrap_program *programs, size_t count) MUST_USE;

#endif
