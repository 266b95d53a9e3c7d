/*
 * Sends the frames of a pcap file from a device: sender DEVICE FILE [REPEAT [FRAMES_PER_SECOND]]. Without a rate
 * as fast as it goes. Prints how many frames the device took.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define AT_ONCE 32
#define FRAMES 65536

static struct iovec frames[FRAMES];

static int64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static size_t read_frames(const char *path) {
  FILE *file = fopen(path, "rb");
  uint32_t header[6], record[4];
  size_t count = 0;
  if (file == NULL || fread(header, sizeof header, 1, file) != 1) fail(path);
  while (count < FRAMES && fread(record, sizeof record, 1, file) == 1) {
    frames[count].iov_len = record[2];
    frames[count].iov_base = malloc(record[2] + 1);
    if (fread(frames[count].iov_base, 1, record[2], file) != record[2]) fail(path);
    count++;
  }
  fclose(file);
  return count;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const size_t count = read_frames(argv[2]);
  const uint64_t total = count * strtoull(argc > 3 ? argv[3] : "1", NULL, 10);
  const double rate = argc > 4 ? atof(argv[4]) : 0;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(argv[1])};
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0 || count == 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0) fail(argv[1]);
  struct mmsghdr messages[AT_ONCE];
  const int64_t start = now();
  uint64_t sent = 0;
  while (sent < total) {
    unsigned most = total - sent < AT_ONCE ? (unsigned)(total - sent) : AT_ONCE;
    if (rate > 0) {
      const double due = (double)(now() - start) / 1e9 * rate - (double)sent;
      if (due < 1) {
        const struct timespec moment = {0, 200000};
        nanosleep(&moment, NULL);
        continue;
      }
      if (due < most) most = (unsigned)due;
    }
    memset(messages, 0, sizeof messages);
    for (unsigned i = 0; i < most; i++) {
      messages[i].msg_hdr.msg_iov = &frames[(sent + i) % count];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int done = sendmmsg(fd, messages, most, 0);
    if (done > 0) sent += (uint64_t)done;
    else if (errno != ENOBUFS && errno != EAGAIN) fail("sendmmsg");
  }
  printf("%llu\n", (unsigned long long)sent);
  return 0;
}
