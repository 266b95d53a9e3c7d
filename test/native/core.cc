/*
 * The addon's core without Node, for a sanitizer: core DEVICE BLOCK_BYTES [FILTER]. Says `open`, captures into
 * blocks that end where they end, and says what each fill came to. Obeys, from a thread of its own, what it reads:
 * `s` stops, `i` interrupts, `c` counts, `p` says how the device is.
 */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "../../native/device.h"

using genevescope::Block;
using genevescope::Counts;
using genevescope::Device;
using genevescope::Failure;
using genevescope::Filled;
using genevescope::Options;
using genevescope::Outcome;
using genevescope::RecordHeader;

static void obey(Device &device) {
  for (int command = getchar(); command != EOF; command = getchar()) {
    if (command == 's') device.stop();
    if (command == 'i') device.interrupt();
    if (command == 'p') printf("presence %d\n", static_cast<int>(device.presence()));
    if (command != 'c') continue;
    const Counts counts = device.counts();
    printf("counts %llu %llu\n", static_cast<unsigned long long>(counts.received),
           static_cast<unsigned long long>(counts.dropped));
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  Options options;
  options.device = argv[1];
  options.delayMs = 20;
  options.bufferBytes = 2 << 20;
  if (argc > 3) options.filter = argv[3];
  Device device;
  Failure failure = device.open(options);
  if (failure.fault != genevescope::Fault::none) {
    printf("failed %d %s\n", static_cast<int>(failure.fault), failure.text.c_str());
    return 0;
  }
  const auto size = static_cast<size_t>(atol(argv[2]));
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[size]);
  const Block block{bytes.get(), size};
  printf("open %d\n", device.linkType());
  std::thread listener(obey, std::ref(device));
  unsigned long long packets = 0, lengths = 0, kept = 0, sum = 0;
  Outcome outcome;
  do {
    Filled filled;
    outcome = device.fill(block, &filled, &failure);
    if (outcome == Outcome::down) puts("down");
    if (outcome == Outcome::up) puts("up");
    for (size_t at = 0; at < filled.bytes;) {
      RecordHeader record;
      memcpy(&record, &bytes[at], sizeof record);
      at += sizeof record;
      lengths += record.original;
      kept += record.captured;
      for (const size_t end = at + record.captured; at < end; at++) sum += bytes[at];
      if (record.nanoseconds > 999'999'999 || record.seconds < 1'000'000'000) puts("no time");
    }
    packets += filled.packets;
  } while (outcome != Outcome::ended && outcome != Outcome::failed);
  printf("packets %llu %llu %llu %llu\n", packets, lengths, kept, sum);
  if (outcome == Outcome::failed) printf("failed %d %s\n", static_cast<int>(failure.fault), failure.text.c_str());
  puts("end");
  listener.join();
  return 0;
}
