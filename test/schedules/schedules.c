/* Random schedules of a whole session: the editor's requests, Delve's answers and faults at every point, with the real
 * session, Delve, journal and recovery policy between a made-up editor and a made-up machine.
 *   schedules [COUNT [SEED]] */
#include "test/schedules/schedules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/base/log.h"
#include "proxy/session/session.h"

enum {
    COUNT = 10000,
    ACTS = 120,     /* of the editor, before it leaves */
    STEPS = 100000, /* of the loop until the session must be over */
    REPORT_SIZE = 1024 * 1024
};

static uint64_t state;
static unsigned long seed;
static char *report; /* the log of this schedule, shown when it breaks */
static size_t report_len;

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

static bool over;

static void on_over(struct session *s, void *arg)
{
    (void)s;
    (void)arg;
    over = true;
}

static void run(struct config *config)
{
    struct target_memory memory = {0};
    state = seed * 2654435761U + 1;
    report_len = 0;
    over = false;
    machine_reset(draw(4) != 0);
    struct session *s = session_new(NULL, config, &config->targets[draw(2)], &memory, editor_new(), on_over, NULL);
    if (!s)
        broken("out of memory");
    for (unsigned i = draw(ACTS); i > 0 && !over; i--) {
        editor_act();
        for (unsigned k = draw(12); k > 0 && !over; k--) {
            machine_stir();
            (void)loop_step();
        }
    }
    if (draw(2))
        machine_calm();
    editor_leave();
    for (int i = 0; i < STEPS && !over; i++)
        if (!loop_step())
            broken("nothing will happen any more, and the session is not over");
    if (!over)
        broken("the session is not over after %d steps", STEPS);
    for (int i = 0; i < STEPS && loop_step(); i++)
        continue;
    editor_check();
    machine_check_empty();
    editor_free();
    loop_reset();
    json_decref(memory.capabilities);
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
    struct config *config = config_parse(text, sizeof text - 1, &problems);
    report = calloc(1, REPORT_SIZE);
    if (!config || !report) {
        (void)fprintf(stderr, "the configuration: %s\n", problems.count ? problems.list[0].text : "out of memory");
        return EXIT_FAILURE;
    }
    loop_reset();
    for (seed = first; seed < first + count; seed++)
        run(config);
    config_unref(config);
    config_problems_free(&problems);
    free(report);
    (void)printf(
        "ok 1 - %lu schedules: every request answered once, both streams valid, no stale handle, starts bounded\n",
        count);
    return EXIT_SUCCESS;
}
