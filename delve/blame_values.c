/* Values that go refuses: which variable or build flag it is, and where that is set. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delve/blame_parts.h"
#include "delve/strings.h"

enum { NAME_MAX_BYTES = 64, WHERE_MAX = 1024, VERSION_MAX = 64 };

enum match {
    ANY,       /* the text alone decides */
    NAMED,     /* the line has the value, too */
    TOOLCHAIN, /* the line has the Go version of the value */
    LISTED     /* the line has one of the value's addresses, separated by , or | */
};

/* How go complains about a variable, or (with a hyphen) about a build flag. */
static const struct complaint {
    const char *name, *says;
    enum match match;
    const char *what;
} complaints[] = {
    {"GOWORK", "reading go.work: open ", NAMED, "there is no such file on the Go machine"},
    {"GOWORK", "reading go.work: stat ", NAMED, "there is no such file on the Go machine"},
    {"GOWORK", "path provided to GOWORK must be an absolute path", ANY, "it must be an absolute path, or off"},
    {"GOWORK", "invalid GOWORK: ", ANY, "it must be an absolute path, or off"},
    {"GOTOOLCHAIN", "invalid GOTOOLCHAIN ", NAMED, "there is no such Go toolchain"},
    {"GOTOOLCHAIN", "download go", TOOLCHAIN, "this toolchain cannot be fetched"},
    {"GOTOOLCHAIN", "cannot find \"go", TOOLCHAIN, "this toolchain is not in PATH on the Go machine"},
    {"GOTOOLCHAIN", "exec go", TOOLCHAIN, "this toolchain cannot be run"},
    {"GOARCH", "unsupported GOOS/GOARCH pair ", NAMED, "Go does not support this combination of GOOS and GOARCH"},
    {"GOOS", "unsupported GOOS/GOARCH pair ", NAMED, "Go does not support this combination of GOOS and GOARCH"},
    {"GOAMD64", "invalid GOAMD64", ANY, "Go accepts v1 to v4"},
    {"GOARM64", "invalid GOARM64", ANY, "Go does not accept this value"},
    {"GOARM", "invalid GOARM:", ANY, "Go accepts 5, 6 and 7"},
    {"GOARM", "invalid GOARM=", ANY, "Go accepts 5, 6 and 7"},
    {"GO386", "invalid GO386", ANY, "Go accepts sse2 and softfloat"},
    {"GO386", "unsupported setting GO386=", ANY, "Go accepts sse2 and softfloat"},
    {"GOMIPS", "invalid GOMIPS:", ANY, "Go accepts hardfloat and softfloat"},
    {"GOMIPS64", "invalid GOMIPS64", ANY, "Go accepts hardfloat and softfloat"},
    {"GOPPC64", "invalid GOPPC64", ANY, "Go accepts power8 to power10"},
    {"GORISCV64", "invalid GORISCV64", ANY, "Go does not accept this value"},
    {"GOEXPERIMENT", "unknown GOEXPERIMENT ", ANY, "this version of Go does not know the experiment"},
    {"GOCACHEPROG", "GOCACHEPROG", ANY, "the program cannot be used"},
    {"GO111MODULE", "unknown environment setting GO111MODULE=", NAMED, "Go accepts on, off and auto"},
    {"GO111MODULE", "modules disabled by GO111MODULE=off", NAMED, "nothing can be built without modules"},
    {"GOPROXY", "GOPROXY list is not the empty string", ANY, "it does not name a proxy"},
    {"GOPROXY", "invalid proxy URL", LISTED, "it is not a proxy's address"},
    {"GOPROXY", "invalid file:// proxy URL", LISTED, "it is not a proxy's address"},
    {"GOROOT", "cannot find GOROOT directory: ", NAMED, "there is no such directory on the Go machine"},
    {"GOROOT", "package fmt is not in ", NAMED, "the directory lacks packages of the standard library"},
    {"GOROOT", "package os is not in ", NAMED, "the directory lacks packages of the standard library"},
    {"GOROOT", "package runtime is not in ", NAMED, "the directory lacks packages of the standard library"},
    {"GOROOT", "imports fmt: no Go files in ", NAMED, "the directory lacks packages of the standard library"},
    {"GOMODCACHE", "GOMODCACHE entry is relative", NAMED, "it must be an absolute path"},
    {"GOPATH", "GOPATH entry is relative", NAMED, "it must be an absolute path"},
    {"GOTMPDIR", "creating work dir: ", NAMED, "the directory cannot be used on the Go machine"},
    {"TMPDIR", "creating work dir: ", NAMED, "the directory cannot be used on the Go machine"},
    {"CC", "C compiler ", NAMED, "there is no such program on the Go machine"},
    {"CXX", "C++ compiler ", NAMED, "there is no such program on the Go machine"},
    {"PKG_CONFIG", ": no such file or directory", NAMED, "there is no such program on the Go machine"},
    {"GOVCS", " in GOVCS", ANY, "Go does not accept this value"},
    {"GOVCS", "GOVCS disallows using ", ANY, "it does not allow fetching from the repository"},
    {"GOSUMDB", "invalid GOSUMDB", ANY, "it does not name a checksum database"},
    {"CGO_ENABLED", " requires cgo; enable cgo by setting CGO_ENABLED=1", ANY, "a build flag needs cgo"},
    {"GOFLAGS", "parsing $GOFLAGS: ", ANY, "it contains something that is not a build flag"},
    {"-modfile", "no such file or directory", NAMED, "there is no such file on the Go machine"},
    {"-modfile", "does not have .mod extension", NAMED, "the file's name must end in .mod"},
    {"-overlay", "reading overlay", NAMED, "there is no such file on the Go machine"},
    {"-overlay", "parsing overlay JSON", ANY, "the file is not a JSON overlay"},
    {"-mod", " not supported (can be ", NAMED, "Go accepts mod, readonly and vendor"},
    {"-pgo", "no such file or directory", NAMED, "there is no such file on the Go machine"},
    {"-toolexec", "error obtaining buildID", NAMED, "there is no such program on the Go machine"},
    {"-compiler", ": executable file not found in ", NAMED, "there is no such compiler on the Go machine"},
    {"-C", "chdir ", NAMED, "there is no such directory on the Go machine"},
    {"-buildmode", "buildmode=", NAMED, "Go does not accept this value here"},
    {"-tags", "-tags space-separated list contains comma", ANY, "tags are separated by commas only"},
    {"-race", "-race requires cgo", ANY, "a build with -race needs cgo"},
    {"-race", "-race is not supported on ", ANY, "this system does not support it"},
    {"-msan", "-msan requires cgo", ANY, "a build with -msan needs cgo"},
    {"-msan", "-msan is not supported on ", ANY, "this system does not support it"},
    {"-asan", "-asan requires cgo", ANY, "a build with -asan needs cgo"},
    {"-asan", "-asan is not supported on ", ANY, "this system does not support it"},
};

/* A value that was set, and where. */
struct setting {
    const char *value;
    char where[WHERE_MAX];
};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static const char *fact(const struct delve_facts *facts, const char *kind, const char *name)
{
    char whole[NAME_MAX_BYTES];
    (void)snprintf(whole, sizeof whole, "%s.%s", kind, name);
    return delve_facts_get(facts, whole);
}

/* Whether a build gets the variable, its value and who says so: the first that does wins. */
static bool find_variable(const struct delve_blame_of *of, const char *name, struct setting *s)
{
    const struct delve_plan *plan = of->plan;
    const char *environment = fact(of->facts, "env", name), *target = fact(of->machine, "target", name);
    const char *file = delve_facts_get(of->facts, "go.GOENV");
    *s = (struct setting){0};
    for (size_t i = plan->env_count; i-- > 0 && !s->value;) {
        if (strcmp(plan->env[i].name, name) != 0)
            continue;
        if (!plan->env[i].value)
            break; /* unset: the file of go env -w is left */
        s->value = plan->env[i].value;
        (void)snprintf(s->where, sizeof s->where, "env (or envFile) of launch.json");
    }
    if (!s->value && target && (!environment || strcmp(environment, target) == 0)) {
        s->value = target;
        (void)snprintf(s->where, sizeof s->where, "go.env of the target in delvegate's configuration");
    } else if (!s->value && environment) {
        s->value = environment;
        (void)snprintf(s->where, sizeof s->where, "the environment on the Go machine");
    } else if (!s->value) {
        s->value = fact(of->facts, "file", name);
        (void)snprintf(s->where, sizeof s->where, "`go env -w` in %s on the Go machine", file ? file : "go's file");
    }
    return s->value && *s->value;
}

/* Whether a word is this flag; *value gets what follows = or is the next word. */
static bool is_flag(const char *word, const char *next, const char *name, const char **value)
{
    word += begins(word, "--");
    size_t n = strlen(name);
    if (!begins(word, name) || (word[n] != '=' && word[n] != '\0'))
        return false;
    *value = word[n] == '=' ? word + n + 1 : next ? next : "";
    return true;
}

/* The flag's value in the arguments, the last one; NULL: it is not there. */
static const char *flag_in(const struct delve_strings *args, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < args->count; i++)
        (void)is_flag(args->list[i], i + 1 < args->count ? args->list[i + 1] : NULL, name, &value);
    return value;
}

/* The build flags of the launch, or GOFLAGS. */
struct flags {
    struct delve_strings args;
    char where[2 * WHERE_MAX];
};

static void read_flags(const struct delve_blame_of *of, struct flags *launch, struct flags *goflags)
{
    static const char build_flags[] = "--build-flags=";
    struct setting s;
    *launch = *goflags = (struct flags){0};
    for (size_t i = 0; i < of->plan->flags.count; i++)
        if (begins(of->plan->flags.list[i], build_flags) &&
            delve_args_split(&launch->args, of->plan->flags.list[i] + sizeof build_flags - 1, "'") < 0)
            return;
    (void)snprintf(launch->where, sizeof launch->where, "buildFlags of launch.json, or --build-flags in Delve's flags");
    if (!find_variable(of, "GOFLAGS", &s) || delve_args_split(&goflags->args, s.value, "'\"") < 0)
        return;
    (void)snprintf(goflags->where, sizeof goflags->where, "GOFLAGS, in %s", s.where);
}

/* The Go version of a value of GOTOOLCHAIN: without +auto and +path. Returns its length, 0 for none. */
static size_t toolchain_of(const char *value, char *version, size_t size)
{
    size_t n = strcspn(value, "+");
    if (!begins(value, "go1") || n >= size)
        return 0;
    memcpy(version, value, n);
    version[n] = '\0';
    return n;
}

static bool is_of_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Whether the line has the text, and not as a part of a longer word. */
static bool has(const char *line, size_t len, const char *text, size_t n)
{
    const char *end = line + len;
    for (const char *at = line; n && (at = memmem(at, (size_t)(end - at), text, n)); at++)
        if ((at == line || !is_of_word(at[-1])) && (at + n == end || !is_of_word(at[n])))
            return true;
    return false;
}

static bool has_listed(const char *line, size_t len, const char *list)
{
    for (size_t n; *list; list += n + (list[n] != '\0')) {
        n = strcspn(list, ",|");
        if (has(line, len, list, n))
            return true;
    }
    return false;
}

/* Whether a line of the output complains so about this value. */
static bool complains(const char *output, const struct complaint *c, const char *value)
{
    char version[VERSION_MAX];
    for (const char *at = output; (at = strstr(at, c->says)); at += strlen(c->says)) {
        const char *line = at;
        while (line > output && line[-1] != '\n')
            line--;
        size_t len = strcspn(line, "\n");
        if (c->match == ANY || (c->match == NAMED && has(line, len, value, strlen(value))) ||
            (c->match == LISTED && has_listed(line, len, value)) ||
            (c->match == TOOLCHAIN && has(line, len, version, toolchain_of(value, version, sizeof version))))
            return true;
    }
    return false;
}

static bool report(const struct complaint *c, const char *value, const char *where, struct buf *out)
{
    if (out)
        buf_printf(out, "%s%s%s (set in %s): %s. Correct or remove it.", c->name, *value ? "=" : "", value, where,
                   c->what);
    return true;
}

static bool blame_variable(const struct delve_blame_of *of, const struct complaint *c, const char *output,
                           struct buf *out)
{
    struct setting s;
    return find_variable(of, c->name, &s) && complains(output, c, s.value) && report(c, s.value, s.where, out);
}

static bool blame_flag(const struct flags *flags, const struct complaint *c, const char *output, struct buf *out)
{
    const char *value = flag_in(&flags->args, c->name);
    return value && complains(output, c, value) && report(c, value, flags->where, out);
}

/* `invalid value "x" for flag -p`, `unknown flag -x`, `flag provided but not defined: -x`: of GOFLAGS when go says so.
 */
static bool blame_syntax(const struct flags *launch, const char *output, struct buf *out)
{
    static const struct complaint unknown = {NULL, "flag provided but not defined: ", NAMED,
                                             "this version of Go does not know it"},
                                  invalid = {NULL, " for flag ", NAMED, "Go does not accept the value"},
                                  alone = {NULL, "flag needs an argument: ", NAMED, "its value is missing"};
    const struct complaint *const kinds[] = {&unknown, &invalid, &alone};
    if (strstr(output, "(from $GOFLAGS)") || strstr(output, "\n# ") || begins(output, "# "))
        return false; /* of GOFLAGS; or of a tool that a flag was meant for */
    for (size_t i = 0; i < launch->args.count; i++) {
        char name[NAME_MAX_BYTES];
        const char *word = launch->args.list[i] + begins(launch->args.list[i], "--");
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
        for (size_t j = 0; *name == '-' && j < sizeof kinds / sizeof kinds[0]; j++) {
            struct complaint c = *kinds[j];
            c.name = word;
            if (complains(output, &c, name))
                return report(&c, "", launch->where, out);
        }
    }
    return false;
}

bool blame_value(const struct delve_blame_of *of, const char *output, struct buf *out)
{
    struct flags launch, goflags;
    static const struct complaint from_goflags = {"GOFLAGS", "(from $GOFLAGS)", ANY,
                                                  "Go does not accept a value in it"};
    bool found = blame_variable(of, &from_goflags, output, out);
    read_flags(of, &launch, &goflags);
    for (size_t i = 0; !found && i < sizeof complaints / sizeof complaints[0]; i++) {
        const struct complaint *c = &complaints[i];
        found = *c->name == '-' ? blame_flag(&launch, c, output, out) || blame_flag(&goflags, c, output, out)
                                : blame_variable(of, c, output, out);
    }
    found = found || blame_syntax(&launch, output, out);
    delve_strings_free(&launch.args);
    delve_strings_free(&goflags.args);
    return found;
}
