/*
 * The practical limit: what a C program needs to read a capture and sum it up as `genevescope analyze` does.
 *
 *   cc -O2 -march=native -o reader bench/compare/reader.c
 *   ./reader FILE [--all]
 *
 * Reads pcap and pcapng of Ethernet, little-endian, in blocks of 256 KiB; a record cut by a block's end is moved
 * in front of the next. Prints all counters as one JSON object, with the 20 largest flows or, with --all, all.
 */
#include "aggregate.h"

#include <fcntl.h>
#include <unistd.h>

#define BLOCK ((size_t)256 << 10)
/* Room in front of the block for the rest of the one before: no record is longer. */
#define HEAD ((size_t)512 << 10)

static uint8_t *buffer;
static int file;

static void fail(const char *what) {
  fprintf(stderr, "reader: %s\n", what);
  exit(2);
}

/* Reads the next block behind the `rest` bytes before `end`; returns where they begin, NULL at the file's end. */
static const uint8_t *refill(const uint8_t *at, const uint8_t **end) {
  size_t rest = *end - at;
  if (rest > HEAD) fail("a record longer than 512 KiB");
  memmove(buffer + HEAD - rest, at, rest);
  ssize_t got = read(file, buffer + HEAD, BLOCK);
  if (got < 0) fail("cannot read");
  if (got == 0 && rest > 0) fail("the file ends within a record");
  *end = buffer + HEAD + got;
  return got == 0 ? NULL : buffer + HEAD - rest;
}

static void read_pcap(const uint8_t *at, const uint8_t *end, uint64_t nanoseconds_per_unit) {
  if ((le32(at + 20) & 0xffff) != 1) fail("not Ethernet");
  at += 24;
  do {
    while (at + 16 <= end) {
      uint32_t captured = le32(at + 8);
      if (UNLIKELY(at + 16 + captured > end)) break;
      uint64_t time = le32(at) * UINT64_C(1000000000) + le32(at + 4) * nanoseconds_per_unit;
      count_frame(at + 16, captured, le32(at + 12), time);
      at += 16 + captured;
    }
  } while ((at = refill(at, &end)) != NULL);
}

/* Nanoseconds a unit of an Interface Description Block's time stamps. */
static uint64_t unit_of(const uint8_t *block, uint32_t length) {
  if ((le32(block + 8) & 0xffff) != 1) fail("an interface that is not Ethernet");
  for (const uint8_t *option = block + 16; option + 4 <= block + length - 4;) {
    uint16_t code = le32(option) & 0xffff, size = le32(option) >> 16;
    if (code == 0) break;
    if (code == 9) {
      /* if_tsresol: 10^-n seconds. */
      if (option[4] > 9) fail("a unit of time that is no power of ten down to a nanosecond");
      uint64_t unit = 1;
      for (unsigned i = option[4]; i < 9; i++) unit *= 10;
      return unit;
    }
    option += 4 + ((size + 3u) & ~3u);
  }
  return 1000;
}

static void read_pcapng(const uint8_t *at, const uint8_t *end) {
  static uint64_t units[256];
  size_t count = 0;
  do {
    while (at + 12 <= end) {
      uint32_t type = le32(at), length = le32(at + 4);
      if (UNLIKELY(length < 12)) fail("a block shorter than its header");
      if (UNLIKELY(at + length > end)) break;
      if (LIKELY(type == 6)) {
        uint32_t captured = le32(at + 20), index = le32(at + 8);
        if (UNLIKELY(length < 32 + captured || index >= count)) fail("a packet block that contradicts itself");
        uint64_t time = ((uint64_t)le32(at + 12) << 32 | le32(at + 16)) * units[index];
        count_frame(at + 28, captured, le32(at + 24), time);
      } else if (type == 1) {
        if (count == 256) fail("more than 256 interfaces");
        units[count++] = unit_of(at, length);
      } else if (type == 0x0a0d0d0a) {
        if (le32(at + 8) != 0x1a2b3c4d) fail("not little-endian");
        count = 0;
      }
      at += length;
    }
  } while ((at = refill(at, &end)) != NULL);
}

int main(int count, char **arguments) {
  if (count < 2) fail("usage: reader FILE [--all]");
  file = open(arguments[1], O_RDONLY);
  if (file < 0) fail("cannot open the file");
  buffer = allocate(HEAD + BLOCK);
  begin_counting();
  const uint8_t *end = buffer + HEAD, *at = refill(end, &end);
  if (at == NULL || end - at < 24) fail("shorter than a file's header");
  switch (le32(at)) {
    case 0xa1b2c3d4:
      read_pcap(at, end, 1000);
      break;
    case 0xa1b23c4d:
      read_pcap(at, end, 1);
      break;
    case 0x0a0d0d0a:
      read_pcapng(at, end);
      break;
    default:
      fail("neither a pcap nor a pcapng of this machine's byte order");
  }
  print_counters(count > 2 && strcmp(arguments[2], "--all") == 0);
  return 0;
}
