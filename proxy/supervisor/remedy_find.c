/* Remedies: which module files are in use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/supervisor/remedy_parts.h"

enum { VENDOR_SINCE = 14, FLAG_MAX = SUPERVISOR_PATH_MAX }; /* go 1.14 */

/* The next field of GOFLAGS: fields are separated by space, and one that begins with a quote ends with it. Returns
 * false at the end. */
static bool next_flag(const char **at, char *flag)
{
    *at += strspn(*at, " \t\r\n");
    if (!**at)
        return false;
    bool is_quoted = **at == '\'' || **at == '"';
    const char quote[] = {**at, '\0'};
    *at += is_quoted;
    size_t len = strcspn(*at, is_quoted ? quote : " \t\r\n");
    (void)snprintf(flag, FLAG_MAX, "%.*s", (int)(len < FLAG_MAX ? len : FLAG_MAX - 1), *at);
    *at += len + (is_quoted && (*at)[len]);
    return true;
}

static void take_flag(struct remedy *r, const char *flag)
{
    char cwd[SUPERVISOR_PATH_MAX];
    flag += strncmp(flag, "--", 2) == 0; /* one or two, as go has it */
    if (strncmp(flag, "-mod=", strlen("-mod=")) == 0) {
        r->chooses_vendor = strcmp(flag, "-mod=vendor") == 0;
        r->chooses_files = !r->chooses_vendor;
    }
    if (strncmp(flag, "-modfile=", strlen("-modfile=")) != 0)
        return;
    const char *file = strchr(flag, '=') + 1;
    if (*file == '/')
        remedy_path(r->modfile, "%s", file);
    else if (*file && getcwd(cwd, sizeof cwd))
        remedy_path(r->modfile, "%s/%s", cwd, file);
}

/* Takes one line of text. */
static const char *next_line(char **text)
{
    char *line = *text, *end = line ? strchr(line, '\n') : NULL;
    *text = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return line ? line : "";
}

static void dir_of(const char *file, char *dir)
{
    const char *slash = strrchr(file, '/');
    remedy_path(dir, "%.*s", slash ? (int)(slash - file) : 0, file);
}

static void take_env(struct remedy *r, char *text)
{
    const char *modfile = next_line(&text), *work = next_line(&text), *flags = next_line(&text);
    char flag[FLAG_MAX];
    if (strcmp(modfile, "/dev/null") != 0)
        remedy_path(r->modfile, "%s", modfile);
    if (strcmp(work, "off") != 0)
        remedy_path(r->work, "%s", work);
    dir_of(r->modfile, r->root);
    remedy_path(r->modcache, "%s", next_line(&text));
    if (!*r->modfile && !*r->work)
        return;
    while (next_flag(&flags, flag))
        take_flag(r, flag);
    /* Those of the command line count more. */
    for (char *const *word = r->flags; word && *word; word++)
        take_flag(r, *word);
    size_t stem = strlen(r->modfile);
    if (stem >= strlen(".mod") && strcmp(r->modfile + stem - strlen(".mod"), ".mod") == 0)
        stem -= strlen(".mod");
    if (stem)
        remedy_path(r->sumfile, "%.*s.sum", (int)stem, r->modfile);
}

int remedy_find_files(struct remedy *r)
{
    struct buf text;
    buf_init(&text, REMEDY_OUTPUT_MAX);
    /* What go.mod asks for may be what cannot be had; any Go knows where the files are. */
    struct remedy_go go = {.argv = REMEDY_ARGS("env", "GOMOD", "GOWORK", "GOFLAGS", "GOMODCACHE"),
                           .env = (char *[]){remedy_local_toolchain, NULL},
                           .err = STDERR_FILENO};
    int status = remedy_go_read(&go, &text);
    if (status == 0 && text.data && !text.failed)
        take_env(r, text.data);
    buf_free(&text);
    if (status) /* go has said why */
        return REMEDY_FAILED;
    if (*r->modfile || *r->work)
        return 0;
    char cwd[SUPERVISOR_PATH_MAX];
    return remedy_unsuited("there is no go.mod for %s on the Go machine", getcwd(cwd, sizeof cwd) ? cwd : ".");
}

/* The minor version of go.mod's line `go 1.N`; 0 where there is none. */
static long go_minor(const char *text)
{
    for (const char *line = text; line; line = strchr(line, '\n'), line += line ? 1 : 0) {
        line += strspn(line, " \t");
        size_t word = strcspn(line, " \t\r\n");
        if (word != strlen("go") || strncmp(line, "go", word) != 0)
            continue;
        const char *version = line + word + strspn(line + word, " \t");
        if (strncmp(version, "1.", 2) == 0)
            return strtol(version + 2, NULL, 10);
    }
    return 0;
}

bool remedy_is_vendored(const struct remedy *r)
{
    char vendor[SUPERVISOR_PATH_MAX];
    struct stat st;
    struct buf text;
    if (!*r->root || r->chooses_files || r->chooses_vendor)
        return *r->root && r->chooses_vendor;
    remedy_path(vendor, "%s/vendor", r->root);
    if (stat(vendor, &st) < 0 || !S_ISDIR(st.st_mode))
        return false;
    buf_init(&text, REMEDY_FILE_MAX);
    bool is_vendored = remedy_read(r->modfile, &text) == 0 && text.data && go_minor(text.data) >= VENDOR_SINCE;
    buf_free(&text);
    return is_vendored;
}
