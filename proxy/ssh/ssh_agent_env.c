#include "proxy/ssh/ssh_agent_env.h"

#include <stdbool.h>
#include <string.h>

enum { OCTAL_DIGITS_MAX = 3, OCTAL_BASE = 8, HEX_DIGITS_MAX = 2, HEX_BASE = 16, BYTE_MAX = 255 };

struct quoted {
    const char *at, *end;
};

static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    enum { LOWER_END = 16, CASES = 6 };
    const char *found = c ? strchr(digits, c) : NULL;
    if (!found)
        return BYTE_MAX;
    int n = (int)(found - digits);
    return n < LOWER_END ? n : n - CASES;
}

/* Returns the byte, or -1 when there is no digit, or a number that is no byte. */
static int number(struct quoted *q, int base, int digits_max)
{
    int n = 0, digits = 0;
    for (; digits < digits_max && q->at < q->end && digit_of(*q->at) < base; digits++)
        n = n * base + digit_of(*q->at++);
    return digits > 0 && n <= BYTE_MAX ? n : -1;
}

/* q->at is behind the backslash. Returns the byte that is meant, or -1 for an escape that is not known. */
static int escape(struct quoted *q)
{
    static const char letters[] = "abefnrtv\\'\"?";
    static const char bytes[] = "\a\b\033\f\n\r\t\v\\'\"?";
    if (q->at == q->end)
        return -1;
    if (digit_of(*q->at) < OCTAL_BASE)
        return number(q, OCTAL_BASE, OCTAL_DIGITS_MAX);
    char c = *q->at++;
    if (c == 'x')
        return number(q, HEX_BASE, HEX_DIGITS_MAX);
    const char *letter = strchr(letters, c);
    return letter ? bytes[letter - letters] : -1;
}

/* In double quotes a shell takes a backslash away before these only. */
static int escape_in_double(struct quoted *q)
{
    return q->at < q->end && strchr("\"\\$`", *q->at) ? *q->at++ : '\\';
}

/* Undoes the quoting of what stands between the opening quote and the end. Returns whether it fits and makes sense. */
static bool unquote(struct quoted q, char quote, char value[SSH_AGENT_ENV_VALUE_MAX])
{
    size_t n = 0;
    for (; q.at < q.end && *q.at != quote; n++) {
        int byte = (unsigned char)*q.at++;
        if (byte == '\\')
            byte = quote == '"' ? escape_in_double(&q) : escape(&q);
        if (byte <= 0 || n == SSH_AGENT_ENV_VALUE_MAX - 1)
            return false;
        value[n] = (char)byte;
    }
    value[n] = '\0';
    return q.at + 1 == q.end; /* the closing quote is the last character */
}

static enum ssh_agent_env decode(struct quoted q, char value[SSH_AGENT_ENV_VALUE_MAX])
{
    size_t len = (size_t)(q.end - q.at);
    bool fine = true;
    if (len > 1 && q.at[0] == '$' && q.at[1] == '\'') {
        q.at += 2;
        fine = unquote(q, '\'', value);
    } else if (len > 0 && q.at[0] == '"') {
        q.at++;
        fine = unquote(q, '"', value);
    } else if (len < SSH_AGENT_ENV_VALUE_MAX) {
        memcpy(value, q.at, len);
        value[len] = '\0';
    } else {
        fine = false;
    }
    if (fine)
        return value[0] ? SSH_AGENT_ENV_SET : SSH_AGENT_ENV_ABSENT;
    value[0] = '\0';
    return SSH_AGENT_ENV_BROKEN;
}

enum ssh_agent_env ssh_agent_env_value(const char *text, const char *name, char value[SSH_AGENT_ENV_VALUE_MAX])
{
    enum ssh_agent_env answer = SSH_AGENT_ENV_ABSENT;
    size_t name_len = strlen(name);
    value[0] = '\0';
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        if (len > name_len && strncmp(line, name, name_len) == 0 && line[name_len] == '=')
            answer = decode((struct quoted){line + name_len + 1, line + len}, value);
        line += len + (line[len] == '\n');
    }
    return answer;
}
