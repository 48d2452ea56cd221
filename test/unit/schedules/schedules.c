/* Random schedules of a whole session: the editor's requests, Delve's answers and faults at every point, with the real
 * session, Delve, journal and recovery policy between a made-up editor and a made-up machine.
 *   schedules [COUNT [SEED [launch|attach|remote]]] */
#include "test/unit/schedules/schedules.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/base/log.h"
#include "proxy/session/session.h"

enum {
    COUNT = 10000,
    TARGETS = 2,
    ACTS = 90,      /* of the editor, before it leaves */
    BESIDE = 8,     /* one in so many is followed by one of the editor's beside it */
    FIRST_ACTS = 3, /* of that one: initialize, launch or attach, configurationDone */
    LAST_ACTS = 4,  /* of that one, after the other's end */
    STEPS = 100000, /* of the loop until the session must be over */
    REPORT_SIZE = 1024 * 1024
};

static uint64_t state;
static unsigned long seed;
static char *report; /* the log of this schedule, shown when it breaks */
static size_t report_len;
static char last_words[128]; /* of a schedule that crashes */

unsigned draw(unsigned n)
{
    state = state * 6364136223846793005U + 1442695040888963407U;
    return n ? (unsigned)((state >> 33) % n) : 0;
}

void broken(const char *fmt, ...)
{
    va_list ap;
    (void)fputs(report ? report : "", stderr);
    (void)fprintf(stderr, "schedule %lu: ", seed);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fprintf(stderr, "\nnot ok 1 - run it again with: schedules 1 %lu\n", seed);
    exit(EXIT_FAILURE);
}

void log_line(enum config_log_level level, const char *subject, const char *fmt, ...)
{
    va_list ap;
    (void)level;
    if (report_len + 8192 > REPORT_SIZE)
        return;
    report_len += (size_t)snprintf(report + report_len, 128, "%s: ", subject ? subject : "");
    va_start(ap, fmt);
    int n = vsnprintf(report + report_len, 4096, fmt, ap);
    va_end(ap);
    report_len += n < 4096 ? (size_t)n : 4095;
    report[report_len++] = '\n';
    report[report_len] = '\0';
}

/* What ends the process otherwise than by broken(): a state machine's impossible edge, or a sanitizer. */
static void on_abort(int signal)
{
    (void)signal;
    if (write(STDERR_FILENO, report, report_len) < 0 || write(STDERR_FILENO, last_words, strlen(last_words)) < 0)
        _exit(EXIT_FAILURE);
}

/* Asked by the sanitizers, where they are. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

/* --- one session with its editor and its machine --- */

struct side {
    struct editor *editor;
    struct host *machine;
    bool over;
};

static void on_over(struct session *s, void *arg)
{
    struct side *side = arg;
    (void)s;
    side->over = true;
}

static void begin(struct side *side, struct config *config, struct target_memory *memories, enum kind kind, bool faults,
                  bool steady)
{
    unsigned target = draw(TARGETS);
    *side = (struct side){.machine = host_new(kind, faults, steady)};
    side->editor = editor_new(kind, side->machine, steady);
    if (!session_new(host_loop(side->machine), config, &config->targets[target], &memories[target],
                     editor_client(side->editor), on_over, side))
        broken("out of memory");
}

static void end(struct side *side)
{
    editor_leave(side->editor);
    for (int i = 0; i < STEPS && !side->over; i++)
        if (!loop_step())
            broken("nothing will happen any more, and a session is not over");
    if (!side->over)
        broken("a session is not over after %d steps", STEPS);
    /* The client's connection may outlive it: what is still on its way is answered. */
    for (int i = 0; i < STEPS && !editor_is_closed(side->editor) && loop_step(); i++)
        continue;
    editor_check(side->editor);
    host_free(side->machine);
    editor_free(side->editor);
}

/* Initialized, launched and configured. */
static void begin_beside(struct side *beside, struct config *config, struct target_memory *memories, enum kind kind)
{
    begin(beside, config, memories, kind, false, true);
    for (int i = 0; i < FIRST_ACTS; i++)
        editor_act(beside->editor);
    loop_settle();
    if (!editor_is_served(beside->editor))
        broken("the session beside it does not come up");
}

/* It is served after the other's end as before. */
static void check_beside(struct side *beside)
{
    for (int i = 0; i < LAST_ACTS; i++)
        editor_act(beside->editor);
    for (int i = 0; i < STEPS && !editor_is_served(beside->editor); i++)
        if (!loop_step())
            broken("the session beside it pays: it waits for an answer, and nothing will happen any more");
    if (beside->over || !editor_is_served(beside->editor))
        broken("the session beside it pays: %s", beside->over ? "it is over" : "it waits for an answer");
}

static const char *const kinds[KINDS] = {"launch", "attach", "remote"};

/* only: the kind of the session under test; KINDS: it is drawn. */
static void run(struct config *config, enum kind only)
{
    struct target_memory memories[TARGETS] = {{0}};
    struct side tried, beside = {0};
    state = seed * 2654435761U + 1;
    report_len = 0;
    report[0] = '\0';
    (void)snprintf(last_words, sizeof last_words,
                   "schedule %lu: it crashed\nnot ok 1 - run it again with: schedules 1 %lu\n", seed, seed);
    enum kind kind = draw(2) ? KIND_LAUNCH : draw(2) ? KIND_ATTACH : KIND_REMOTE;
    if (only != KINDS)
        kind = only;
    enum kind other = (enum kind)draw(KINDS);
    log_line(CONFIG_LOG_DEBUG, "schedule", "%s, beside it %s", kinds[kind], kinds[other]);
    begin(&tried, config, memories, kind, draw(4) != 0, false);
    unsigned acts = draw(ACTS), comes_at = draw(2) ? acts : draw(ACTS);
    for (unsigned i = acts;; i--) {
        if (!beside.machine && (i <= comes_at || tried.over))
            begin_beside(&beside, config, memories, other);
        if (i == 0 || tried.over)
            break;
        editor_act(tried.editor);
        if (beside.machine && draw(BESIDE) == 0)
            editor_act(beside.editor);
        for (unsigned k = draw(12); k > 0 && !tried.over; k--) {
            host_stir(tried.machine);
            (void)loop_step();
        }
    }
    if (draw(2))
        host_calm(tried.machine);
    end(&tried);
    check_beside(&beside);
    end(&beside);
    loop_reset();
    for (int i = 0; i < TARGETS; i++)
        json_decref(memories[i].capabilities);
}

int main(int argc, char **argv)
{
    static const char text[] =
        "{\"targets\":{\"a\":{\"listen\":4711},"
        "\"b\":{\"listen\":4712,\"recover\":{\"attempts\":2,\"afterCrash\":\"end\",\"whileRunning\":\"always\"},"
        "\"prelaunch\":[\"download\",{\"step\":\"tidy\",\"optional\":true}]}}}";
    struct config_problems problems = {0};
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : COUNT;
    unsigned long first = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    enum kind only = argc > 3 ? KIND_LAUNCH : KINDS;
    while (argc > 3 && only != KINDS && strcmp(kinds[only], argv[3]) != 0)
        only++;
    struct config *config = config_parse(text, sizeof text - 1, &problems);
    report = calloc(1, REPORT_SIZE);
    if (!config || !report) {
        (void)fprintf(stderr, "the configuration: %s\n", problems.count ? problems.list[0].text : "out of memory");
        return EXIT_FAILURE;
    }
    (void)signal(SIGABRT, on_abort);
    loop_reset();
    for (seed = first; seed < first + count; seed++)
        run(config, only);
    config_unref(config);
    config_problems_free(&problems);
    free(report);
    (void)printf(
        "ok 1 - %lu schedules: every request answered once, both streams valid, no stale handle, starts bounded\n",
        count);
    return EXIT_SUCCESS;
}
