/*
 * Runs a command and says what it took, as one line of JSON: seconds on the clock, of processors (its children's
 * included), and the most memory that was resident at once in any of its processes.
 *
 *   ./timed OUTPUT COMMAND [ARGUMENT...]
 *
 * The command's standard output goes to the file OUTPUT. Ends with the command's status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double seconds(struct timeval time) { return time.tv_sec + time.tv_usec / 1e6; }

int main(int count, char **arguments) {
  if (count < 3) return fputs("usage: timed OUTPUT COMMAND [ARGUMENT...]\n", stderr), 2;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, arguments[1], O_WRONLY | O_CREAT | O_TRUNC, 0666);
  pid_t process;
  int status;
  struct rusage usage;
  double start = now();
  int error = posix_spawnp(&process, arguments[2], &actions, NULL, arguments + 2, environ);
  if (error != 0) return fprintf(stderr, "timed: %s: %s\n", arguments[2], strerror(error)), 127;
  while (wait4(process, &status, 0, &usage) < 0)
    if (errno != EINTR) return perror("timed"), 127;
  double end = now();
  printf("{\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"peakKiB\":%ld}\n", end - start,
         seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
