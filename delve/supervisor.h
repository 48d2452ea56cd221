/* The conversation with delve/remote.sh, the supervisor on the Go machine: its script, the lines to it, the lines from
 * it. No I/O.
 *
 * A shell there begins with a hello line on stdout and a mark line on stderr, both with the nonce of this start. Then
 * it takes parameter lines up to `begin`; `role` says what it becomes:
 *   session  tools, run directory, keeper: control lines on stdout, tagged text lines on stderr; with `nodelve 1`
 *            dlv is not looked for
 *   check    facts about the Go environment, as many as there are, and Delve tried out; then `ended`
 *   streams  the program's stdout and stderr, byte for byte, each after an open line with the nonce
 *   door     control lines and text lines of a keeper that is already there (dir), to end it
 *   sweep    ends and removes what sessions have left that died without their end: a note for each, then `ended`
 * A keeper whose door is gone goes on until its lease is over: a network lies between. On the transport local there is
 * none, so delvegate itself has died, and the keeper ends its session at once.
 * To a keeper: `prepare N`; parameters and `run N`; `launched`; `beat`; `stop kill|detach|now`, which ends the run
 * (now: SIGKILL first); `end kill` or `end detach`, which ends all. Runs come one after the other, with rising numbers.
 * Parameters of a run:
 *   arg VALUE, env NAME=VALUE, unset NAME, cwd DIR
 *   attach 1       dlv attaches to a process, which lives on; `pid` names it, its start time is kept at the first one
 *   gocache DIR    instead of the pinned GOCACHE
 *   need PATH      what must be there, checked before anything is run; needdir PATH: a directory that can be entered,
 * as cwd must be. What is not so is an error line `missing`, `notdir` or `closed` with the path kind dlv       the
 * default: dlv with the args kind command   args[0] with the args; stdout and stderr are the text stream's, with
 * `streams 1` the run's own two kind remedy    the remedy args[0] with DIR (RUN/mended-LAUNCH), shadow|edit, MODULE,
 * VERSION and PACKAGE, which dlv builds, seen from cwd (remote_remedy.sh) kind alive     whether the process `pid` is
 * still the one that was attached to first, and lives: status 0 or 1 A command or remedy runs in the environment that
 * dlv would have. */
#ifndef DELVE_SUPERVISOR_H
#define DELVE_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>

#include "dap/buf.h"

enum {
    SUPERVISOR_PROTOCOL = 1,     /* goes up when a line changes its meaning */
    SUPERVISOR_LINE_MAX = 65536, /* bytes of a line from it; a longer one is cut */
    SUPERVISOR_CHUNK_MAX = 1024, /* bytes of a value in one line to it, escaped; longer values are continued */
    SUPERVISOR_BEAT_SECONDS = 15 /* a beat is sent this often */
};

/* Appends what goes to the stdin of a fresh `sh`: the script with this start's nonce (letters and digits). Nothing may
   follow it before the hello line has come: dash and busybox sh would run it as more of the script. Returns 0, or -1
   when it does not fit or the nonce holds something else. */
int supervisor_script(struct buf *out, const char *nonce);

/* Appends a parameter line, the value escaped: every byte outside [A-Za-z0-9_./:=@%+,-] as \0ooo, in as many
 * continuation lines as it needs. Returns as buf_append. */
int supervisor_param(struct buf *out, const char *key, const char *value);

/* Appends a line without a value: "begin", "beat", "launched", "prepare 1", "run 1", "end kill", "end detach". Returns
 * as buf_append. */
int supervisor_command(struct buf *out, const char *command);

enum supervisor_kind {
    SUPERVISOR_HELLO, /* number: protocol version; the login shell's noise ends here */
    SUPERVISOR_TOOL,  /* name: go|dlv|goVersion|dlvVersion|GOCACHE|GOMODCACHE|home; text: its value */
    SUPERVISOR_FACT, /* name, text: as delve/check.h has them; in the role session with `check DIR`, the directory whose
                        module counts, empty for home */
    SUPERVISOR_DIR,  /* text: the session's run directory, absolute */
    SUPERVISOR_READY,    /* the keeper takes commands now */
    SUPERVISOR_PREPARED, /* number: run; its directory and FIFOs (log, out, err) are there */
    SUPERVISOR_STARTED,  /* number: run */
    SUPERVISOR_EXITED,   /* number: run; status: exit code, or 128 + signal */
    SUPERVISOR_NOTE,     /* text: a line for the Debug Console */
    SUPERVISOR_ERROR,    /* name: kind; text: what happened, where, what to do */
    SUPERVISOR_ENDED,    /* all is reaped and the run directory is gone */
    SUPERVISOR_OTHER     /* a line of a later protocol, or noise: text holds it */
};

struct supervisor_line {
    enum supervisor_kind kind;
    char name[32];
    long number;
    int status;
    char *text; /* decoded, NUL-terminated, owned by the struct; NULL when the line has none */
};

/* Splits the byte stream of one output of the supervisor into lines, passing over all that precedes the hello or mark
 * line with the nonce. Returns NULL when memory ran out. */
struct supervisor_reader;
struct supervisor_reader *supervisor_reader_new(const char *nonce);
void supervisor_reader_free(struct supervisor_reader *r);

/* Takes bytes; calls line() for each whole line (NUL-terminated, without its newline), control lines and text lines
 * alike, the first one being the hello line; the mark line is not given. The reader must live until feed returns.
 * Returns 0, -1 when memory ran out. */
int supervisor_reader_feed(struct supervisor_reader *r, const char *data, size_t len,
                           void (*line)(void *arg, const char *line, size_t len), void *arg);

/* What came before the hello or mark line (and, of a shell that failed, before the open line; at most the last 1 KiB,
 * never NULL), for the error when it never comes. Belongs to the reader, valid until its next call. */
const char *supervisor_reader_noise(const struct supervisor_reader *r);

/* Whether the hello or mark line has come: now parameters may be sent. */
bool supervisor_reader_greeted(const struct supervisor_reader *r);

/* Whether the open line has come: from here on the stream is the program's bytes. */
bool supervisor_reader_open(const struct supervisor_reader *r);

/* The same as supervisor_reader_feed for the program's streams: passes over noise and greeting up to the open line,
 * returns how many bytes at the end of data belong to the stream. Once open, all of them do. */
size_t supervisor_reader_strip(struct supervisor_reader *r, const char *data, size_t len);

/* Reads a control line. Returns 0 and the caller frees line->text with free(), -1 when memory ran out. */
int supervisor_parse(struct supervisor_line *parsed, const char *line, size_t len);

/* A line of the text stream (stderr of the first channel): Delve's log or dlv's own output. SUPERVISOR_TEXT_END comes
 * after the last line of a run, with the run's number as text. */
enum supervisor_text { SUPERVISOR_TEXT_LOG, SUPERVISOR_TEXT_OUTPUT, SUPERVISOR_TEXT_END, SUPERVISOR_TEXT_OTHER };

/* Tells them apart; *text points behind the tag, into line. */
enum supervisor_text supervisor_text_of(const char *line, const char **text);

#endif
