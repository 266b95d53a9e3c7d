/*
 * The addon's core without Node, for a sanitizer: core DEVICE BLOCK_BYTES CAPACITY [FILTER]. Says `open`, captures
 * into blocks that end where they end, and says what each fill came to. Obeys, from a thread of its own, what it
 * reads: `s` stops, `i` interrupts, `c` counts, `p` says how the device is.
 */
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "../../native/device.h"

using genevescope::Block;
using genevescope::Counts;
using genevescope::Device;
using genevescope::Failure;
using genevescope::Options;
using genevescope::Outcome;

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
  if (argc < 4) return 2;
  setvbuf(stdout, nullptr, _IOLBF, 0);
  Options options;
  options.device = argv[1];
  options.delayMs = 20;
  options.bufferBytes = 2 << 20;
  if (argc > 4) options.filter = argv[4];
  Device device;
  Failure failure = device.open(options);
  if (failure.fault != genevescope::Fault::none) {
    printf("failed %d %s\n", static_cast<int>(failure.fault), failure.text.c_str());
    return 0;
  }
  const auto size = static_cast<size_t>(atol(argv[2]));
  const auto capacity = static_cast<size_t>(atol(argv[3]));
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[size]);
  const std::unique_ptr<double[]> original(new double[capacity]), seconds(new double[capacity]);
  const std::unique_ptr<int32_t[]> offset(new int32_t[capacity]), captured(new int32_t[capacity]),
      nanoseconds(new int32_t[capacity]);
  const Block block{bytes.get(),    size,           capacity,      offset.get(),
                    captured.get(), original.get(), seconds.get(), nanoseconds.get()};
  printf("open %d\n", device.linkType());
  std::thread listener(obey, std::ref(device));
  unsigned long long packets = 0, lengths = 0, kept = 0, sum = 0;
  Outcome outcome;
  do {
    size_t count;
    outcome = device.fill(block, &count, &failure);
    if (outcome == Outcome::down) puts("down");
    if (outcome == Outcome::up) puts("up");
    for (size_t i = 0; i < count; i++) {
      lengths += static_cast<unsigned long long>(original[i]);
      kept += static_cast<unsigned long long>(captured[i]);
      for (int32_t at = 0; at < captured[i]; at++) sum += bytes[static_cast<size_t>(offset[i] + at)];
      if (nanoseconds[i] < 0 || nanoseconds[i] > 999'999'999 || seconds[i] < 1e9) puts("no time");
    }
    packets += count;
  } while (outcome != Outcome::ended && outcome != Outcome::failed);
  printf("packets %llu %llu %llu %llu\n", packets, lengths, kept, sum);
  if (outcome == Outcome::failed) printf("failed %d %s\n", static_cast<int>(failure.fault), failure.text.c_str());
  puts("end");
  listener.join();
  return 0;
}
