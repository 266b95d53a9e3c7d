/*
 * A network device that packets are captured from, by libpcap. Knows nothing of JavaScript: the binding and the
 * tests under a sanitizer both build on this.
 */
#pragma once

#include <pcap/pcap.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace genevescope {

/** What went wrong, for a program; `text` says it for people. */
enum class Fault {
  none,
  /** The process may not capture. */
  permission,
  /** There is no such device, or there is no more. */
  gone,
  /** The device is down. */
  down,
  /** The filter is no filter. */
  filter,
  /** Anything else that libpcap or the system says. */
  failed,
};

struct Failure {
  Fault fault = Fault::none;
  std::string text;
};

struct Options {
  std::string device;
  /** Bytes of a packet that are kept. */
  int snapBytes = 262144;
  /** Bytes of the ring that the kernel fills. */
  int bufferBytes = 8 * 1024 * 1024;
  bool promiscuous = false;
  /** How long packets are collected, so that there are many at once, milliseconds. */
  int delayMs = 100;
  /** A filter of pcap-filter(7); empty takes everything. */
  std::string filter;
};

/**
 * Where packets go, back to back: the caller's. Each is a record as of a pcap with nanoseconds, in the byte order
 * of the machine: a RecordHeader and the bytes.
 */
struct Block {
  uint8_t *bytes;
  size_t size;
};

struct RecordHeader {
  /** Time of capture: seconds since 1970 and nanoseconds. */
  uint32_t seconds;
  uint32_t nanoseconds;
  /** Bytes that are here, and those the packet had on the wire. */
  uint32_t captured;
  uint32_t original;
};

/** What a `fill` has put into a block: packets, and the bytes that their records take. */
struct Filled {
  size_t packets = 0;
  size_t bytes = 0;
};

/** What a `fill` has come to. */
enum class Outcome {
  /** There are packets in the block, one at least. */
  packets,
  /** The device is down: there will be packets again once it is up. */
  down,
  /** The device that was down is up again. */
  up,
  /** `interrupt` or `stop` has ended the capture. */
  ended,
  /** The capture is over: the device is gone, or something failed. */
  failed,
};

/** Counts since the device was opened. */
struct Counts {
  /** Packets that passed the filter, those dropped included. */
  uint64_t received = 0;
  /** Of them, those for which the ring had no room. */
  uint64_t dropped = 0;
  /** Packets the device itself dropped; libpcap looks for them in promiscuous mode only. */
  uint64_t droppedByDevice = 0;
};

/** Whether `filter` is one of pcap-filter(7) for Ethernet: `filter`, and why, where it is none. Needs no device. */
Failure checkFilter(const std::string &filter);

/**
 * One device, open. One thread at a time opens it and calls `fill`. Another may call `interrupt`, `stop`,
 * `counts` and `presence` meanwhile, once `open` has returned.
 */
class Device {
 public:
  Device() = default;
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  /** Opens the device; once only. On failure there is nothing to close. */
  Failure open(const Options &options);

  /**
   * Waits for packets and puts as many as fit or come within `delayMs` into `block`; `filled` is what they are. A
   * packet that does not fit into an empty block is cut; there must be room for a header. What ends the capture is
   * reported behind all packets that came before it.
   */
  Outcome fill(const Block &block, Filled *filled, Failure *failure);

  /** Ends a `fill` that waits, and all later ones, at once. */
  void interrupt();

  /** Ends the capture behind the packets that have come until this moment. */
  void stop();

  Counts counts();

  enum class Presence { up, down, gone };
  /** Whether the device that was opened is still there under its name, and up: for whoever does not `fill`. */
  Presence presence() const;

  /** LINKTYPE_ number of its packets. */
  int linkType() const { return linkType_; }
  /** Bytes of a packet that are kept, at most. */
  int snapBytes() const { return snapBytes_; }

 private:
  struct Filling;

  static void take(u_char *filling, const pcap_pkthdr *header, const u_char *data);
  /** Waits until there may be packets or something to look after, `most` milliseconds at most. */
  void wait(int64_t most) const;
  /** How long further packets may be waited for, milliseconds: until the first of the block is `delayMs` old. */
  int64_t gatherMs(const Block &block) const;
  void wake();

  pcap_t *pcap_ = nullptr;
  /** An eventfd, readable once `fill` is to look up. */
  int wake_ = -1;
  std::string name_;
  /** Index of the device; 0 of what is no network device, such as `any`. */
  int index_ = 0;
  int linkType_ = 0;
  int snapBytes_ = 0;
  bool isNano_ = false;
  int64_t delayMs_ = 0;
  /** How long packets may lie in the ring before libpcap sees them. */
  int64_t lingerMs_ = 0;
  bool isDown_ = false;
  /** What is to be reported at the end. */
  Failure failure_;
  /** When, by the steady clock, the end is reported; 0 while there is none in sight. */
  int64_t endMs_ = 0;
  /** A packet later than `stop` has come. */
  bool isPast_ = false;
  /** The packet that did not fit into the last block. */
  bool isHeld_ = false;
  pcap_pkthdr heldHeader_{};
  std::vector<uint8_t> heldBytes_;
  std::atomic<bool> isInterrupted_{false};
  /** Time of `stop` in nanoseconds since 1970; 0 before. */
  std::atomic<int64_t> stopNs_{0};
  /** libpcap's 32-bit counters as last seen, and what they add up to. */
  pcap_stat last_{};
  Counts counts_;
};

}  // namespace genevescope
