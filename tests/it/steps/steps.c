/* Preloaded into a run: counts what it does to files below STEPS_BELOW, and at step STEPS_AT ends it as a power cut would
   (STEPS_DO=kill), or has no room from there on (STEPS_DO=full). One step is the first of one kind of call on one file, so that
   threads that take turns do not change the numbers; counting begins with the first file below STEPS_FROM. STEPS_LOG gets a line a step. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long seen[1 << 16];
static long steps;

static void tell(const char *line) {
    const char *log = getenv("STEPS_LOG");
    if (!log) return;
    int file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (syscall(SYS_write, file, line, strlen(line)) < 0) abort();
    syscall(SYS_close, file);
}

static int is_new(const char *text) {
    unsigned long hash = 14695981039346656037UL;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 1099511628211UL;
    unsigned at = hash % (1 << 16);
    while (seen[at] && seen[at] != hash) at = (at + 1) % (1 << 16);
    if (seen[at]) return 0;
    seen[at] = hash;
    return 1;
}

/* Whether the call is to fail for want of room. */
static int step(const char *call, const char *path, int needs_room) {
    const char *below = getenv("STEPS_BELOW"), *at = getenv("STEPS_AT"), *what = getenv("STEPS_DO");
    if (!below || strncmp(path, below, strlen(below))) return 0;
    char now[4352];
    snprintf(now, sizeof now, "%s %s\n", call, path + strlen(below));
    const char *from = getenv("STEPS_FROM");
    pthread_mutex_lock(&lock);
    if (steps == 0 && from && strncmp(path + strlen(below), from, strlen(from))) {
        pthread_mutex_unlock(&lock);
        return 0;
    }
    if (is_new(now)) {
        steps++;
        tell(now);
        if (at && what && steps == atol(at) && !strcmp(what, "kill")) kill(getpid(), SIGKILL);
    }
    int full = at && what && steps >= atol(at) && !strcmp(what, "full") && needs_room;
    pthread_mutex_unlock(&lock);
    if (full) errno = ENOSPC;
    return full;
}

static int step_of(const char *call, int file, int needs_room) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return step(call, path, needs_room);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int rename(const char *from, const char *to) { return step("rename", to, 0) ? -1 : REAL(rename)(from, to); }
int link(const char *from, const char *to) { return step("link", to, 1) ? -1 : REAL(link)(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    return step("link", to, 1) ? -1 : REAL(linkat)(a, from, b, to, flags);
}
int symlink(const char *from, const char *to) { return step("symlink", to, 1) ? -1 : REAL(symlink)(from, to); }
int mkdir(const char *path, mode_t mode) { return step("mkdir", path, 1) ? -1 : REAL(mkdir)(path, mode); }
int unlink(const char *path) { return step("unlink", path, 0) ? -1 : REAL(unlink)(path); }
int unlinkat(int a, const char *path, int flags) {
    return (a == AT_FDCWD ? step("unlink", path, 0) : step_of("unlink in", a, 0)) ? -1 : REAL(unlinkat)(a, path, flags);
}
int rmdir(const char *path) { return step("rmdir", path, 0) ? -1 : REAL(rmdir)(path); }
int chmod(const char *path, mode_t mode) { return step("chmod", path, 0) ? -1 : REAL(chmod)(path, mode); }
int fsync(int file) { return step_of("sync", file, 0) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return step_of("sync", file, 0) ? -1 : REAL(fdatasync)(file); }
int ftruncate64(int file, off64_t size) {
    return step_of("resize", file, 1) ? -1 : REAL(ftruncate64)(file, size);
}
ssize_t write(int file, const void *bytes, size_t count) {
    return step_of("write", file, 1) ? -1 : REAL(write)(file, bytes, count);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    return step_of("write", file, 1) ? -1 : REAL(pwrite64)(file, bytes, count, at);
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) { return pwrite64(file, bytes, count, at); }

static int opened(const char *call, int directory, const char *path, int flags, va_list rest) {
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    if (flags & O_CREAT && step(call, path, 1)) return -1;
    return syscall(SYS_openat, directory, path, flags | O_LARGEFILE, mode);
}
#define OPEN(name)                                        \
    int name(const char *path, int flags, ...) {          \
        va_list rest;                                     \
        va_start(rest, flags);                            \
        int file = opened("create", AT_FDCWD, path, flags, rest); \
        va_end(rest);                                     \
        return file;                                      \
    }
OPEN(open)
OPEN(open64)
