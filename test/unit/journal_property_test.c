/* Random sessions: a client, a row of Delves and the journal between them. Whenever nothing is under way the client
   believes of each breakpoint what is true in Delve, under an id of its own that no other has. */
#include "test/unit/journal_steps.h"

enum {
    SCHEDULES = 1500,
    STEPS = 60,
    GROUPS = 4, /* three sources and the functions */
    FUNCTIONS = GROUPS - 1,
    POSITIONS = 6,
    WAITING_MAX = 8,
    TEXT_MAX = 8192
};

struct breakpoint { /* a breakpoint as Delve has it, or as the client believes it to be */
    bool there;
    int64_t id; /* 0: none */
    bool verified;
    int64_t line;
};

struct request {
    int64_t seq;
    int group;
    bool wanted[POSITIONS];
};

struct world {
    unsigned seed;
    uint64_t random;
    struct dap_journal *j;
    struct breakpoint delve[GROUPS][POSITIONS];
    struct breakpoint client[GROUPS][POSITIONS];
    int64_t delve_id; /* the next */
    unsigned build;   /* decides what can be set where */
    int64_t seq;
    int64_t epoch;
    bool maps;
    bool is_alone;
    struct request waiting[WAITING_MAX];
    size_t count;
};

static unsigned pick(struct world *w, unsigned n)
{
    w->random = w->random * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(w->random >> 33) % n;
}

#define HOLDS(w, what)                                                                                                 \
    do {                                                                                                               \
        if (!(what))                                                                                                   \
            fail_msg("schedule %u: %s does not hold", (w)->seed, #what);                                               \
    } while (0)

/* --- Delve --- */

static void forget(struct world *w)
{
    memset(w->delve, 0, sizeof w->delve);
    w->delve_id = 1;
    w->build = pick(w, 1000);
}

/* Sets a group as Delve does: what stays keeps its id, what can't be set has mostly none. */
static void set(struct world *w, int group, const bool wanted[POSITIONS])
{
    for (int k = 0; k < POSITIONS; k++) {
        /* Numbered forwards or backwards. */
        int p = w->build % 2 ? POSITIONS - 1 - k : k;
        struct breakpoint *b = &w->delve[group][p];
        if (!wanted[p])
            *b = (struct breakpoint){0};
        if (!wanted[p] || b->there)
            continue;
        b->there = true;
        b->verified = ((unsigned)p + w->build) % 4 != 0;
        b->line = b->verified ? p + 1 + (int)(w->build % 3) : 0;
        b->id = b->verified || pick(w, 4) == 0 ? w->delve_id++ : 0;
    }
}

static const char *command_of(int group)
{
    return group == FUNCTIONS ? "setFunctionBreakpoints" : "setBreakpoints";
}

static void append_breakpoint(struct buf *text, const struct breakpoint *b)
{
    buf_printf(text, "%s{", text->data[text->len - 1] == '[' ? "" : ",");
    if (b->id)
        buf_printf(text, "\"id\":%" PRId64 ",", b->id);
    buf_printf(text, "\"verified\":%s", b->verified ? "true" : "false");
    if (b->line)
        buf_printf(text, ",\"line\":%" PRId64, b->line);
    else
        buf_puts(text, ",\"message\":\"no code there\"");
    buf_puts(text, "}");
}

static void answer_text(const struct world *w, int group, bool success, struct buf *text)
{
    buf_clear(text);
    buf_printf(text, "{\"seq\":0,\"type\":\"response\",\"request_seq\":1,\"success\":%s,\"command\":\"%s\",\"body\":",
               success ? "true" : "false", command_of(group));
    if (!success) {
        buf_puts(text, "{\"error\":{\"format\":\"could not\"}}}");
        return;
    }
    buf_puts(text, "{\"breakpoints\":[");
    for (int p = 0; p < POSITIONS; p++) {
        if (w->delve[group][p].there)
            append_breakpoint(text, &w->delve[group][p]);
    }
    buf_puts(text, "]}}");
}

/* --- the client --- */

static void believe(struct breakpoint *b, const json_t *given)
{
    b->verified = json_is_true(json_object_get(given, "verified"));
    b->line = b->verified ? json_integer_value(json_object_get(given, "line")) : 0;
}

static struct breakpoint *by_id(struct world *w, int64_t id)
{
    for (int g = 0; g < GROUPS; g++) {
        for (int p = 0; p < POSITIONS; p++) {
            if (w->client[g][p].there && w->client[g][p].id == id)
                return &w->client[g][p];
        }
    }
    return NULL;
}

static void hear_all(struct world *w, const json_t *events)
{
    size_t i;
    const json_t *body;
    json_array_foreach(events, i, body)
    {
        const json_t *given = json_object_get(body, "breakpoint");
        struct breakpoint *b = by_id(w, json_integer_value(json_object_get(given, "id")));
        HOLDS(w, json_integer_value(json_object_get(given, "id")) > 0);
        HOLDS(w, b != NULL);
        believe(b, given);
    }
}

/* What the client makes of an answer's list. Where it is stays under the id that it had. */
static void take_list(struct world *w, const struct request *r, const json_t *list)
{
    size_t i = 0;
    struct breakpoint before[POSITIONS];
    memcpy(before, w->client[r->group], sizeof before);
    memset(w->client[r->group], 0, sizeof before);
    for (int p = 0; p < POSITIONS; p++) {
        struct breakpoint *b = &w->client[r->group][p];
        const json_t *given = r->wanted[p] ? json_array_get(list, i++) : NULL;
        if (!given)
            continue;
        b->there = true;
        b->id = json_integer_value(json_object_get(given, "id"));
        believe(b, given);
        HOLDS(w, !w->maps || b->id > 0);
        HOLDS(w, !w->maps || !before[p].id || before[p].id == b->id);
    }
    HOLDS(w, i == json_array_size(list));
}

static void request_text(const struct request *r, struct buf *text)
{
    buf_clear(text);
    buf_printf(text, "{\"seq\":%" PRId64 ",\"type\":\"request\",\"command\":\"%s\",\"arguments\":{", r->seq,
               command_of(r->group));
    if (r->group != FUNCTIONS)
        buf_printf(text, "\"source\":{\"path\":\"/%d.go\"},", r->group);
    buf_puts(text, "\"breakpoints\":[");
    for (int p = 0; p < POSITIONS; p++) {
        if (!r->wanted[p])
            continue;
        buf_puts(text, text->data[text->len - 1] == '[' ? "" : ",");
        if (r->group == FUNCTIONS)
            buf_printf(text, "{\"name\":\"f%d\"}", p);
        else
            buf_printf(text, "{\"line\":%d}", p + 1);
    }
    buf_puts(text, "]}}");
}

/* --- what happens --- */

static void client_sets(struct world *w)
{
    struct request *r = &w->waiting[w->count];
    struct buf text;
    struct err e;
    if (w->count == WAITING_MAX)
        return;
    *r = (struct request){.seq = ++w->seq, .group = (int)pick(w, GROUPS)};
    for (int p = 0; p < POSITIONS; p++)
        r->wanted[p] = pick(w, 3) == 0;
    buf_init(&text, TEXT_MAX);
    request_text(r, &text);
    if (w->is_alone) {
        struct dap_message m = scanned(text.data);
        json_t *body = dap_journal_answer_alone(w->j, &m);
        HOLDS(w, body != NULL);
        w->maps = true;
        take_list(w, r, json_object_get(body, "breakpoints"));
        json_decref(body);
    } else {
        char *got = ask(w->j, text.data, &e);
        HOLDS(w, got && strcmp(got, text.data) == 0);
        free(got);
        w->count++;
    }
    buf_free(&text);
}

static void delve_answers(struct world *w)
{
    struct request r = w->waiting[0];
    struct buf text;
    if (w->count == 0)
        return;
    memmove(w->waiting, w->waiting + 1, --w->count * sizeof *w->waiting);
    bool success = pick(w, 8) != 0;
    if (success)
        set(w, r.group, r.wanted);
    buf_init(&text, TEXT_MAX);
    answer_text(w, r.group, success, &text);
    char *got = say(w->j, text.data, r.seq);
    HOLDS(w, w->maps || strcmp(got, text.data) == 0);
    if (success) {
        json_t *whole = json_loads(got, 0, NULL);
        take_list(w, &r, json_object_get(json_object_get(whole, "body"), "breakpoints"));
        json_decref(whole);
    }
    free(got);
    buf_free(&text);
}

static void delve_moves_one(struct world *w)
{
    struct breakpoint *b = &w->delve[pick(w, GROUPS)][pick(w, POSITIONS)];
    struct buf text;
    if (!b->there || !b->id || w->count)
        return;
    b->verified = true;
    b->line = 100 + pick(w, 100);
    buf_init(&text, TEXT_MAX);
    buf_printf(&text,
               "{\"seq\":0,\"type\":\"event\",\"event\":\"breakpoint\",\"body\":{\"reason\":\"changed\","
               "\"breakpoint\":{\"id\":%" PRId64 ",\"verified\":true,\"line\":%" PRId64 "}}}",
               b->id, b->line);
    char *got = say(w->j, text.data, 0);
    json_t *whole = json_loads(got, 0, NULL);
    const json_t *given = json_object_get(json_object_get(whole, "body"), "breakpoint");
    struct breakpoint *c = by_id(w, json_integer_value(json_object_get(given, "id")));
    if (c)
        believe(c, given);
    json_decref(whole);
    free(got);
    buf_free(&text);
}

/* The i-th thing that is sent to the new Delve. Returns false when there is none. */
static bool replay_one(struct world *w, size_t i)
{
    struct buf text;
    char *sent = sent_to_delve(w->j, i);
    if (!sent)
        return false;
    json_t *whole = json_loads(sent, 0, NULL);
    const json_t *arguments = json_object_get(whole, "arguments");
    const char *path = json_string_value(json_object_get(json_object_get(arguments, "source"), "path"));
    int group = path ? path[1] - '0' : FUNCTIONS;
    struct request r = {.group = group};
    for (int p = 0; p < POSITIONS; p++)
        r.wanted[p] = w->client[group][p].there;
    struct buf expected;
    buf_init(&expected, TEXT_MAX);
    request_text(&r, &expected);
    json_t *wanted = json_loads(expected.data, 0, NULL);
    HOLDS(w, json_equal(arguments, json_object_get(wanted, "arguments")));
    bool success = pick(w, 8) != 0;
    buf_init(&text, TEXT_MAX);
    if (success)
        set(w, group, r.wanted);
    else
        memset(w->delve[group], 0, sizeof w->delve[group]);
    answer_text(w, group, success, &text);
    char *got = replay_events(w->j, i, text.data);
    json_t *events = json_loads(got, 0, NULL);
    hear_all(w, events);
    json_decref(events);
    json_decref(wanted);
    json_decref(whole);
    free(got);
    free(sent);
    buf_free(&expected);
    buf_free(&text);
    return true;
}

static void delve_goes(struct world *w)
{
    struct request again[WAITING_MAX];
    size_t count = 0;
    bool same = !w->is_alone && pick(w, 3) == 0;
    size_t done = same ? pick(w, WAITING_MAX) : 0; /* without the answer getting through */
    for (size_t i = 0; i < w->count && i < done; i++)
        set(w, w->waiting[i].group, w->waiting[i].wanted);
    for (size_t i = 0; i < w->count; i++) {
        struct dap_asked asked = {.asker_seq = w->waiting[i].seq, .asker = DAP_ASKER_CLIENT};
        struct buf text, expected;
        (void)snprintf(asked.command, sizeof asked.command, "%s", command_of(w->waiting[i].group));
        buf_init(&text, TEXT_MAX);
        buf_init(&expected, TEXT_MAX);
        if (pick(w, 3) == 0) {
            dap_journal_drop(w->j, w->waiting[i].seq);
        } else {
            HOLDS(w, dap_journal_repeat(w->j, &asked, &text) == 1);
            request_text(&w->waiting[i], &expected);
            HOLDS(w, strcmp(text.data, expected.data) == 0);
            again[count++] = w->waiting[i];
        }
        buf_free(&text);
        buf_free(&expected);
    }
    w->count = 0;
    if (!same)
        forget(w);
    dap_journal_next(w->j, same);
    w->epoch++;
    w->maps = true;
    w->is_alone = false;
    for (size_t i = 0; replay_one(w, i); i++)
        continue;
    for (size_t i = 0; i < count; i++) {
        struct buf text;
        struct err e;
        buf_init(&text, TEXT_MAX);
        request_text(&again[i], &text);
        char *got = ask(w->j, text.data, &e);
        HOLDS(w, got != NULL);
        free(got);
        w->waiting[w->count++] = again[i];
        buf_free(&text);
    }
}

static void delve_stays_away(struct world *w)
{
    if (w->is_alone || w->count)
        return;
    json_t *events = json_array();
    HOLDS(w, dap_journal_lost(w->j, events) == 0);
    hear_all(w, events);
    json_decref(events);
    memset(w->delve, 0, sizeof w->delve);
    w->is_alone = true;
    HOLDS(w, !dap_journal_has_breakpoints(w->j));
}

/* --- what must hold --- */

static int64_t hit(struct world *w, int64_t id)
{
    char text[256];
    (void)snprintf(text, sizeof text,
                   "{\"seq\":0,\"type\":\"event\",\"event\":\"stopped\",\"body\":{\"hitBreakpointIds\":[%" PRId64 "]}}",
                   id);
    char *got = say(w->j, text, 0);
    int64_t seen = strtoll(strstr(got, "Ids\":[") + strlen("Ids\":["), NULL, 10);
    free(got);
    return seen;
}

static void check_one(struct world *w, const struct breakpoint *c, const struct breakpoint *d)
{
    HOLDS(w, c->there || !d->there);
    if (!c->there)
        return;
    int others = 0;
    for (int i = 0; i < GROUPS * POSITIONS; i++) {
        const struct breakpoint *o = &w->client[i / POSITIONS][i % POSITIONS];
        others += c->id && o->there && o->id == c->id;
    }
    HOLDS(w, others == (c->id != 0));
    /* Without an id there is no way to speak of it. */
    if (c->id && !w->is_alone) {
        HOLDS(w, c->verified == d->verified);
        HOLDS(w, c->line == d->line);
    }
    HOLDS(w, !w->is_alone || !c->verified);
    if (d->id && c->id)
        HOLDS(w, hit(w, d->id) == c->id);
    else if (d->id)
        HOLDS(w, by_id(w, hit(w, d->id)) == NULL);
}

static void check(struct world *w)
{
    bool any = false;
    if (w->count)
        return;
    for (int g = 0; g < GROUPS; g++) {
        for (int p = 0; p < POSITIONS; p++) {
            any |= w->delve[g][p].verified;
            check_one(w, &w->client[g][p], &w->delve[g][p]);
        }
    }
    HOLDS(w, dap_journal_has_breakpoints(w->j) == any);
}

static void run(unsigned seed)
{
    struct world w = {.seed = seed, .random = seed, .j = dap_journal_new()};
    assert_non_null(w.j);
    forget(&w);
    for (int step = 0; step < STEPS; step++) {
        switch (pick(&w, 12)) {
        case 0:
            delve_goes(&w);
            break;
        case 1:
            delve_stays_away(&w);
            break;
        case 2:
            if (!w.is_alone)
                delve_moves_one(&w);
            break;
        case 3:
        case 4:
        case 5:
        case 6:
            client_sets(&w);
            break;
        default:
            if (!w.is_alone)
                delve_answers(&w);
            break;
        }
        check(&w);
    }
    dap_journal_free(w.j);
}

static void random_sessions(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SCHEDULES; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_sessions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
