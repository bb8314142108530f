// resident: the guest's only program. It changes memory and disk at a chosen rate, can prove that
// not one change was lost, and answers over TCP, port 9000, one line per command:
//
//   status                      who and where am I: see below
//   verify                      "verify ok ..." or "verify BAD ..."
//   dirty mem PAGES_S [MIB]     touch so many pages a second, in a working set of MIB
//   dirty disk KIB_S [MIB]      write so many KiB a second, in a region of MIB (at most 256)
//   watch MS                    a status line every MS milliseconds, while the connection lives
//
// A status line tells which copy of the guest speaks, and that its life was not interrupted:
//   boot    random, fixed at boot: a new value means that memory was lost
//   beat    steps of 10 ms that the guest really ran
//   gap     the longest pause between two steps, ms, by the guest's own clock (which stops with it)
//   reply   lines ever sent: the same number seen twice means that two copies run
//   copy    token of the host, read from the emulator (fw_cfg) each time: it changes with the host
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, CHUNK = 65536, CHUNKS = 4096, WORDS = CHUNK / 8 };
static const off_t REGION = 8 << 20;                       // the disk's first 8 MiB are left alone
static const uint64_t MAGIC = 0x6e61766172616331, GOLDEN = 0x9e3779b97f4a7c15;

static atomic_long mem_rate, mem_mib = 16, disk_rate, disk_mib = 16;
static atomic_ulong beats, gap_ms, replies, touched, written, durable, disk_errors;
static char boot[9] = "?";

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

// How many units are due at `rate` a second since the last call. A long pause is not made up for.
struct pace { uint64_t last; double owed; };
static long due(struct pace *p, long rate) {
    uint64_t t = now_us();
    double elapsed = (double)(t - p->last) / 1e6;
    p->last = t;
    if (elapsed > 0.5) elapsed = 0.5;
    p->owed = rate ? p->owed + elapsed * (double)rate : 0;
    long n = (long)p->owed;
    p->owed -= (double)n;
    return n;
}

// ---- memory: page i holds a constant pattern and a counter, raised in turn; its value is known
static pthread_mutex_t mem_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t *mem;
static long mem_pages, cursor;
static uint64_t rounds;

static uint64_t tag(long page) { return (uint64_t)page * GOLDEN; }
static uint64_t step(long page) { return 0x1234567 + (uint64_t)page; }

static void resize_memory(long mib) {
    if (mem) munmap(mem, (size_t)mem_pages * PAGE);
    mem_pages = mib << 8;
    cursor = 0;
    rounds = 0;
    mem = mmap(0, (size_t)mem_pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
               -1, 0);
    if (mem == MAP_FAILED) { mem = NULL; mem_pages = 0; return; }
    for (long i = 0; i < mem_pages; i++)
        for (int w = 0; w < PAGE / 8; w += 8) mem[i * (PAGE / 8) + w] = tag(i) + (uint64_t)w;
}

static void *dirty_memory(void *unused) {
    struct pace pace = {now_us(), 0};
    for (;;) {
        usleep(10000);
        pthread_mutex_lock(&mem_lock);
        if (mem_mib << 8 != mem_pages) resize_memory(mem_mib);
        for (long n = mem ? due(&pace, mem_rate) : 0; n > 0; n--, touched++) {
            mem[cursor * (PAGE / 8)] += step(cursor);
            if (++cursor == mem_pages) { cursor = 0; rounds++; }
        }
        pthread_mutex_unlock(&mem_lock);
    }
    return unused;
}

static void verify_memory(long *pages, long *stale, long *bad) {
    pthread_mutex_lock(&mem_lock);
    *pages = mem_pages;
    for (long i = *stale = *bad = 0; i < mem_pages; i++) {
        uint64_t *p = mem + i * (PAGE / 8), times = rounds + (i < cursor);
        *stale += p[0] != tag(i) + times * step(i);
        for (int w = 8; w < PAGE / 8; w += 8) *bad += p[w] != tag(i) + (uint64_t)w;
    }
    pthread_mutex_unlock(&mem_lock);
}

// ---- disk: chunk = magic, index, sequence number, then a pattern made of both
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static int disk = -1;
static uint64_t expected[CHUNKS], sequence;

static uint64_t word(uint64_t seq, long index, int w) {
    return (seq ^ (uint64_t)index << 40) * GOLDEN + (uint64_t)w;
}

static uint64_t *chunk_buffer(void) {
    void *p;
    return posix_memalign(&p, PAGE, CHUNK) ? NULL : p;
}

static int write_chunk(uint64_t *b, long index, uint64_t seq) {
    b[0] = MAGIC, b[1] = (uint64_t)index, b[2] = seq;
    for (int w = 3; w < WORDS; w++) b[w] = word(seq, index, w);
    return pwrite(disk, b, CHUNK, REGION + index * CHUNK) == CHUNK;
}

static int chunk_is(uint64_t *b, long index, uint64_t seq) {
    if (pread(disk, b, CHUNK, REGION + index * CHUNK) != CHUNK) return 0;
    if (b[0] != MAGIC || b[1] != (uint64_t)index || b[2] != seq) return 0;
    for (int w = 3; w < WORDS; w++) if (b[w] != word(seq, index, w)) return 0;
    return 1;
}

// After a cold boot the disk tells how far an earlier life got, so that lost writes show.
static void find_earlier_chunks(uint64_t *b) {
    for (long i = 0; i < CHUNKS && pread(disk, b, PAGE, REGION + i * CHUNK) == PAGE; i++) {
        if (b[0] != MAGIC || b[1] != (uint64_t)i) continue;
        uint64_t seq = b[2];
        if (!chunk_is(b, i, seq)) continue;                // torn by the power loss: never promised
        expected[i] = seq;
        if (seq > sequence) sequence = seq;
    }
    written = durable = sequence;
}

static void *dirty_disk(void *unused) {
    uint64_t *b = chunk_buffer(), synced = now_us();
    int fd;
    while ((fd = open("/dev/vda", O_RDWR | O_DIRECT)) < 0) usleep(100000);
    pthread_mutex_lock(&disk_lock);
    disk = fd;
    find_earlier_chunks(b);
    pthread_mutex_unlock(&disk_lock);
    struct pace pace = {now_us(), 0};
    for (long i = 0, kib = 0;;) {
        usleep(20000);
        for (kib += due(&pace, disk_rate); kib >= CHUNK / 1024; kib -= CHUNK / 1024) {
            pthread_mutex_lock(&disk_lock);
            if (write_chunk(b, i, sequence + 1)) written = expected[i] = ++sequence;
            else disk_errors++;
            pthread_mutex_unlock(&disk_lock);
            if (++i >= disk_mib << 4) i = 0;
        }
        if (written != durable && now_us() - synced > 1000000) {
            uint64_t upto = written;
            if (fdatasync(disk) == 0) durable = upto; else disk_errors++;
            synced = now_us();
        }
    }
    return unused;
}

static void verify_disk(long *chunks, long *bad) {
    static uint64_t *b;
    pthread_mutex_lock(&disk_lock);
    if (!b) b = chunk_buffer();
    *chunks = *bad = 0;
    for (long i = 0; i < CHUNKS && disk >= 0; i++)
        if (expected[i]) { ++*chunks; *bad += !chunk_is(b, i, expected[i]); }
    pthread_mutex_unlock(&disk_lock);
}

// ---- answering
static void *beat(void *unused) {
    for (uint64_t last = now_us(), t;; last = t, beats++) {
        usleep(10000);
        t = now_us();
        if ((t - last) / 1000 > gap_ms) gap_ms = (t - last) / 1000;
    }
    return unused;
}

static void read_word(const char *file, char *into, size_t size) {
    int fd = open(file, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, into, size - 1);
    if (fd >= 0) close(fd);
    into[n > 0 ? n : 0] = 0;
    into[strcspn(into, " \n")] = 0;
    if (!*into) strcpy(into, "?");
}

static int say_status(int fd, const char *word) {
    char copy[17];
    read_word("/sys/firmware/qemu_fw_cfg/by_name/opt/lab/copy/raw", copy, sizeof copy);
    return dprintf(fd, "%s boot=%s copy=%s beat=%lu reply=%lu gap=%lu touched=%lu written=%lu"
                       " durable=%lu errors=%lu\n",
                   word, boot, copy, beats, ++replies, gap_ms, touched, written, durable,
                   disk_errors);
}

static int say_verify(int fd) {
    long pages, stale, bad, chunks, bad_chunks;
    verify_memory(&pages, &stale, &bad);
    verify_disk(&chunks, &bad_chunks);
    int ok = pages && !stale && !bad && !bad_chunks && !disk_errors;
    return dprintf(fd, "verify %s pages=%ld stale=%ld bad_words=%ld chunks=%ld bad_chunks=%ld"
                       " disk_errors=%lu reply=%lu\n",
                   ok ? "ok" : "BAD", pages, stale, bad, chunks, bad_chunks, disk_errors,
                   ++replies);
}

static void *converse(void *socket) {
    int fd = (int)(intptr_t)socket, one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    FILE *in = fdopen(dup(fd), "r");
    char line[128];
    while (in && fgets(line, sizeof line, in)) {
        long rate, mib = 0, ms;
        if (sscanf(line, "dirty mem %ld %ld", &rate, &mib) > 0) {
            if (mib > 0) mem_mib = mib;
            mem_rate = rate;
            say_status(fd, "ok");
        } else if (sscanf(line, "dirty disk %ld %ld", &rate, &mib) > 0) {
            if (mib > 0) disk_mib = mib < 256 ? mib : 256;
            disk_rate = rate;
            say_status(fd, "ok");
        } else if (sscanf(line, "watch %ld", &ms) == 1) {
            while (say_status(fd, "watch") > 0) usleep((useconds_t)ms * 1000);
        } else if (!strncmp(line, "status", 6)) {
            say_status(fd, "status");
        } else if (!strncmp(line, "verify", 6)) {
            say_verify(fd);
        } else {
            dprintf(fd, "what?\n");
        }
    }
    if (in) fclose(in);
    close(fd);
    return NULL;
}

static void start(void *(*run)(void *), void *with) {
    pthread_t thread;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 << 10);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    pthread_create(&thread, &small, run, with);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);              // a caller who hangs up is no reason to die
    read_word("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    start(beat, NULL);
    start(dirty_memory, NULL);
    start(dirty_disk, NULL);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(9000)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 16)) {
        perror("listen");
        return 1;
    }
    puts("RESIDENT-READY");
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) start(converse, (void *)(intptr_t)fd);
    }
}
