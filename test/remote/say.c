/* The client's side of the supervisor's lines for test/remote/run: what delvegate itself would send, and what it would
   read. say script NONCE | say param KEY VALUE | say raw NONCE [FIFO] (program bytes of a stream) | say lines NONCE */
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <signal.h>
#include <unistd.h>

#include "delve/supervisor.h"

enum { OUT_MAX = 16 * 1024 * 1024, READ_MAX = 65536 };

static void line(void *arg, const char *text, size_t len)
{
    struct supervisor_line parsed;
    const char *rest;
    (void)arg;
    if (supervisor_parse(&parsed, text, len) < 0)
        exit(2);
    if (supervisor_text_of(text, &rest) == SUPERVISOR_TEXT_OTHER && parsed.kind == SUPERVISOR_OTHER)
        printf("other %s\n", text);
    else if (parsed.text && parsed.kind != SUPERVISOR_OTHER && parsed.name[0])
        printf("%.*s %s %s\n", (int)strcspn(text, " "), text, parsed.name, parsed.text);
    else if (parsed.text && parsed.kind != SUPERVISOR_OTHER)
        printf("%.*s %s\n", (int)strcspn(text, " "), text, parsed.text);
    else
        printf("%s\n", text);
    fflush(stdout);
    free(parsed.text);
}

static int put(struct buf *out)
{
    int r = !out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0 ? 0 : 2;
    buf_free(out);
    return r;
}

/* Tells the one who waits at the FIFO that parameters may be sent now. */
static int greeted(const char *fifo)
{
    FILE *f = fopen(fifo, "w");
    return f && fputs("greeted\n", f) != EOF && fclose(f) == 0 ? 0 : 2;
}

static int filter(const char *nonce, int raw, const char *fifo)
{
    static char data[READ_MAX];
    struct supervisor_reader *r = supervisor_reader_new(nonce);
    ssize_t n;
    if (!r)
        return 2;
    while ((n = read(STDIN_FILENO, data, sizeof data)) > 0) {
        if (raw) {
            size_t rest = supervisor_reader_strip(r, data, (size_t)n);
            if (fifo && supervisor_reader_greeted(r)) {
                if (greeted(fifo) != 0)
                    return 2;
                fifo = NULL;
            }
            if (fwrite(data + (size_t)n - rest, 1, rest, stdout) != rest || fflush(stdout) != 0)
                return 2;
        } else if (supervisor_reader_feed(r, data, (size_t)n, line, NULL) < 0) {
            return 2;
        }
    }
    if (*supervisor_reader_noise(r))
        fprintf(stderr, "noise: %s", supervisor_reader_noise(r));
    supervisor_reader_free(r);
    return n < 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
    struct buf out;
    buf_init(&out, OUT_MAX);
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that hangs up is part of the tests */
    if (argc == 3 && strcmp(argv[1], "script") == 0) {
        (void)supervisor_script(&out, argv[2]);
        return put(&out);
    }
    if (argc == 4 && strcmp(argv[1], "param") == 0) {
        (void)supervisor_param(&out, argv[2], argv[3]);
        return put(&out);
    }
    if ((argc == 3 || argc == 4) && (strcmp(argv[1], "raw") == 0 || strcmp(argv[1], "lines") == 0))
        return filter(argv[2], argv[1][0] == 'r', argv[3]);
    fprintf(stderr, "usage: say script NONCE | param KEY VALUE | raw NONCE [FIFO] | lines NONCE\n");
    return 2;
}
