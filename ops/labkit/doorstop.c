// doorstop.c: preloaded into a controller, whose process then stops (SIGSTOP) at one fact.
//
// CARAVAN_LAB_STOP names a file. When there is one, its first line says "before" or "after", the others are
// words: the first fact whose bytes hold all of them is the one. The process stops before the fact is
// written, or after it is on disk and before anybody is told; FILE.held then says so. It happens once: the
// file is gone by then. SIGCONT, and it goes on as if nothing had been; kill -9, and it died there.
//
// Why so: a saga is the facts in a journal. Who follows them from outside is milliseconds late.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int binder(void *, int, const char *, uint64_t, void (*)(void *), unsigned char);
typedef int stepper(void *);
typedef const char *teller(void *);

static _Thread_local int met; // the transaction of this thread has the fact in it

static void stop_here(void) {
    char held[4096];
    snprintf(held, sizeof held, "%s.held", getenv("CARAVAN_LAB_STOP"));
    close(open(held, O_CREAT | O_WRONLY, 0600));
    raise(SIGSTOP);
}

// -> the first letter of the order that this text meets: 'b' or 'a'; else 0
static int meets(const char *text, uint64_t size) {
    char order[1024];
    const char *file = getenv("CARAVAN_LAB_STOP");
    FILE *in = file ? fopen(file, "r") : NULL;
    if (!in) return 0;
    order[fread(order, 1, sizeof order - 1, in)] = 0;
    fclose(in);
    char *rest = order, *when = strsep(&rest, "\n"), *word;
    int found = when && *when && rest && *rest;
    while (found && (word = strsep(&rest, "\n"))) found = memmem(text, size, word, strlen(word)) != NULL;
    // Of two threads with such a fact one takes the order away.
    return found && unlink(file) == 0 ? *when : 0;
}

int sqlite3_bind_text64(void *statement, int at, const char *text, uint64_t size, void (*done)(void *),
                        unsigned char encoding) {
    const int how = meets(text, size);
    if (how == 'b') stop_here();
    met |= how == 'a';
    return ((binder *)dlsym(RTLD_NEXT, "sqlite3_bind_text64"))(statement, at, text, size, done, encoding);
}

int sqlite3_step(void *statement) {
    const int said = ((stepper *)dlsym(RTLD_NEXT, "sqlite3_step"))(statement);
    if (!met) return said;
    const char *order = ((teller *)dlsym(RTLD_NEXT, "sqlite3_sql"))(statement);
    if (order && strncasecmp(order, "commit", 6) == 0) {
        met = 0;
        stop_here();
    }
    return said;
}
