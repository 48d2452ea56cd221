/* What delvegate and the supervisor on the Go machine say to each other: records on streams of the tunnel. No I/O, libc
 * alone: it is linked into both.
 *
 * A record is a kind and fields, each a key and a value of any bytes: never text for a shell. Numbers are decimal text.
 * Kinds and keys that are not known are passed over, so that either end may learn new ones.
 *
 * Streams, by the label that tunnel_open is given; `session` there is the number of the debug session, 0: none.
 *   ABOUT     from the supervisor, as soon as there is a tunnel: ORDER_ABOUT
 *   CONTROL   to the supervisor, one for a session: orders down, reports up. Its first record is ORDER_SESSION. When
 *             delvegate ends it without ORDER_END, the session is ended as by the lease.
 *   CONNECT   to the supervisor: a connection to number (a port) of 127.0.0.1 there, then of ::1; bytes both ways.
 *             Reset with an errno when it breaks, and with ORDER_UNREACHED besides when it can't be made.
 *   OWNER     to the supervisor, for number (a port): the text "UID SELF" comes back: the user ids of who listens there
 *             and of the supervisor, -1: not known.
 *   HEARTBEAT to the supervisor, for number (a Delve's port): asked by JSON-RPC GetVersion every few seconds until the
 *             stream is reset: "answered" comes back at its first answer, "silent SECONDS" and the end when it does
 *             not answer any more; a line each.
 *   EXIT      to the supervisor, likewise: "exited STATUS" or "unknown" comes back, and the end.
 *   QUIT      to the supervisor: it ends as soon as it has no session; nothing is said on it.
 *   LOG TEXT OUT ERR   from the supervisor, for run `number`: bytes of Delve's log; of what dlv, the build, a remedy or
 *             a command without streams prints itself; of the program's (or command's) stdout and stderr.
 *             LOG and TEXT end before ORDER_EXITED counts: who reads waits for both ends and the record.
 *   DAP       from the supervisor, for the flight with edition `number`, which is being carried out: Delve's
 *             connection. What Delve says; once the flight is over, bytes both ways. Ends and is reset as CONNECT.
 *   INPUT     to the supervisor, for run `number`: the stdin of a run that asked for one.
 *   TERMINAL  from the supervisor, for run `number`: the pty of a run that asked for one, bytes both ways.
 *
 * Runs of a session come one after the other, with rising numbers; the next may be ordered once ORDER_EXITED came. A
 * run may be ordered right behind ORDER_SESSION: it begins when the session is ready.
 *
 * A flight is what is sent to the Delve of a run as soon as it listens: DAP requests whose seq counts from 1, each
 * sent after the answer to the one before. A newer one replaces it until it is carried out; an attach that is refused
 * ends it, for Delve would obey the rest and run the program. */
#ifndef DELVE_ORDER_H
#define DELVE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dap/buf.h"

enum {
    ORDER_RECORD_MAX = 16 * 1024 * 1024, /* bytes of a record: launch arguments of 4 MiB, with room */
    ORDER_FLIGHT_MAX = 1024 * 1024,      /* bytes of a flight beyond initialize and attach */
    ORDER_HEADER = 8,                    /* bytes before its fields */
    ORDER_NUMBER_BITS = 24,
    ORDER_NUMBER_MAX = (1 << ORDER_NUMBER_BITS) - 1,
    ORDER_UNREACHED = 1 << 16 /* beside an errno: see CONNECT */
};

/* What a stream is for. */
enum order_stream {
    ORDER_STREAM_ABOUT = 1,
    ORDER_STREAM_CONTROL,
    ORDER_STREAM_CONNECT,
    ORDER_STREAM_LOG,
    ORDER_STREAM_TEXT,
    ORDER_STREAM_OUT,
    ORDER_STREAM_ERR,
    ORDER_STREAM_INPUT,
    ORDER_STREAM_TERMINAL,
    ORDER_STREAM_OWNER,
    ORDER_STREAM_HEARTBEAT,
    ORDER_STREAM_EXIT,
    ORDER_STREAM_QUIT,
    ORDER_STREAM_DAP
};

/* The label of a stream, and its parts; number <= ORDER_NUMBER_MAX. */
uint32_t order_label(enum order_stream stream, uint32_t number);
enum order_stream order_label_stream(uint32_t label);
uint32_t order_label_number(uint32_t label);

enum order_kind {
    /* From the supervisor, on ABOUT. DIR: its instance's directory, where a session's is DIR/SESSION and a run's
       DIR/SESSION/NUMBER; NAME: the architecture (uname -m). */
    ORDER_ABOUT = 1,

    /* To the supervisor, on CONTROL. */
    ORDER_SESSION =
        16, /* LEASE, LOCAL, OUTAGE_OUTPUT; GO, DLV, GOCACHE, GOMODCACHE as configured or not at all; GOENV (NAME=VALUE)
               any number; NO_DELVE: dlv is not looked for; EXAMINE: facts are reported, the value is the
               directory whose module counts, empty: home; ALONE: the facts are all that is wanted */
    ORDER_RUN,      /* see below */
    ORDER_LAUNCHED, /* the target of a dlv run has started for sure: the end of its streams is the program's end */
    ORDER_STOP,     /* ends the present run. HOW: "kill", "detach" (a process that was attached to lives on) or
                       "now" (it does not answer: SIGKILL first) */
    ORDER_END,      /* ends the session likewise; HOW: "kill" or "detach" */
    ORDER_SIGNAL,   /* STATUS: the number of a signal for the present run's process group, if it is a command */
    ORDER_SIZE,     /* ROWS, COLUMNS of the present run's terminal */
    ORDER_FLIGHT,   /* NUMBER: of the present run, or of one that is not ready yet; EDITION; REQUEST, any number */

    /* From the supervisor, on CONTROL. */
    ORDER_TOOL = 64,  /* NAME: go, dlv, goVersion, dlvVersion, GOCACHE, GOMODCACHE or home; TEXT: its value */
    ORDER_FACT,       /* NAME, TEXT: as delve/check.h has them; of an inspection, as delve/signatures.h has them; of
                         a remedy, as proxy/supervisor/remedy.h has them */
    ORDER_READY,      /* tools are found, the directory is made */
    ORDER_STARTED,    /* NUMBER: the run has a process; PID */
    ORDER_EXITED,     /* NUMBER; STATUS: exit code, or 128 + signal; TEXTS: how many of LOG and TEXT it had, OUTPUTS: of
                         OUT and ERR. Nothing of it is left */
    ORDER_NOTE,       /* TEXT: a line for the Debug Console */
    ORDER_PATH_ERROR, /* NAME: missing, notdir or closed; TEXT: the path. The run was not started; ORDER_EXITED follows
                       */
    ORDER_ERROR,      /* NAME: its kind; TEXT: what happened, where, what to do. Before ORDER_READY the session is over;
                         later it concerns the present run alone, whose ORDER_EXITED follows */
    ORDER_ENDED,      /* all is reaped, the session's directory is gone; the control stream ends */
    ORDER_FLIGHT_STARTED /* the flight of run NUMBER with EDITION is being carried out, on a DAP stream: COUNT requests,
                    to a Delve at PORT. Later ones for that run are passed over */
};

/* Keys of fields. Of a key given several times all count in their order where a list is meant, else the last. */
enum order_key {
    ORDER_LEASE = 1, /* seconds */
    ORDER_LOCAL,     /* no network lies between: the end of the tunnel is the session's end */
    ORDER_GO,
    ORDER_DLV,
    ORDER_GOCACHE, /* in ORDER_RUN: instead of the session's */
    ORDER_GOMODCACHE,
    ORDER_GOENV,
    ORDER_NO_DELVE,
    ORDER_EXAMINE,
    ORDER_ALONE,
    ORDER_HOW,
    ORDER_STATUS,
    ORDER_NUMBER,
    ORDER_NAME,
    ORDER_TEXT,
    ORDER_DIR,
    ORDER_PID,
    ORDER_ROWS,
    ORDER_COLUMNS,
    ORDER_TEXTS,
    ORDER_OUTPUTS,
    ORDER_EDITION, /* of a flight, rising */
    ORDER_COUNT,
    ORDER_PORT,
    ORDER_REQUEST, /* of a flight: one DAP message with its header */

    /* Of ORDER_RUN, with ORDER_NUMBER first. */
    ORDER_WHAT,    /* "dlv": the session's dlv with the arguments; "command": argv[0] with the rest; "remedy": argv as
                      proxy/supervisor/remedy.h has it; "inspect": ORDER_FACT, argv as proxy/supervisor/inspect.h has
                      it; "alive": whether process PID is still the one that was attached
                      to first, and lives: status 0 or 1 */
    ORDER_ARG,     /* of argv, in order */
    ORDER_ENV,     /* NAME=VALUE, set after the session's GOENV */
    ORDER_UNSET,   /* NAME, likewise */
    ORDER_CWD,     /* where it is run; home when it is not given */
    ORDER_ATTACH,  /* dlv attaches to PID, which lives on */
    ORDER_NEED,    /* a path that must be there */
    ORDER_NEEDDIR, /* a directory that must be there and can be entered */
    ORDER_STREAMS, /* a command: its stdout and stderr are OUT and ERR, not TEXT */
    ORDER_STDIN,   /* its stdin is an INPUT stream that delvegate opens; else /dev/null */
    ORDER_PTY,     /* it gets a terminal: the TERMINAL stream; ROWS and COLUMNS say how large */
    ORDER_ARG_PTY, /* as ORDER_ARG, with the path of its terminal appended: "stdout:" becomes "stdout:/dev/pts/3" */

    /* Of ORDER_SESSION again. */
    ORDER_OUTAGE_OUTPUT /* bytes of each of a run's streams that a file keeps while there is no link */
};

/* --- writing --- */

/* Begins a record at the end of a buffer; order_put and order_close follow. Failures are the buffer's (sticky). Returns
 * where it begins, for order_close. */
size_t order_open(struct buf *out, enum order_kind kind);
void order_put_bytes(struct buf *out, enum order_key key, const void *value, size_t len);
/* A NUL-terminated text; NULL: nothing is put. */
void order_put(struct buf *out, enum order_key key, const char *value);
/* "name=value". */
void order_put_pair(struct buf *out, enum order_key key, const char *name, const char *value);
void order_put_number(struct buf *out, enum order_key key, long number);
/* Ends the record that begins there; one that is too long fails the buffer. */
void order_close(struct buf *out, size_t begin);

/* --- reading --- */

/* A record; it borrows the bytes that it was read from. */
struct order {
    enum order_kind kind;
    const char *fields;
    size_t len;
};

/* A field. value is followed by a NUL in the record: text can be used where it stands. */
struct order_field {
    enum order_key key;
    const char *value;
    size_t len;
};

/* Reads the record at the beginning of bytes. Returns how many bytes it takes, 0 when it is not whole yet, -1 when
 * there can be none: too long, or fields that do not fit into it. */
long order_read(const char *bytes, size_t len, struct order *o);
/* Goes over the fields: *at begins with 0. Returns whether there was one more. */
bool order_next(const struct order *o, size_t *at, struct order_field *field);
/* The last field with this key. NULL when there is none; a NUL in the value ends it. */
const char *order_get(const struct order *o, enum order_key key);
/* Its number; fallback when there is none or it is no number from 0 to LONG_MAX. */
long order_get_number(const struct order *o, enum order_key key, long fallback);

#endif
