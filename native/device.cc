#include "device.h"

#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace genevescope {

namespace {

/** How often a waiting `fill` looks whether the device is there and up, milliseconds. */
constexpr int64_t kLookMs = 500;
/** How often it looks for the last packets of a capture that ends. */
constexpr int64_t kLastLookMs = 10;
/** How long packets may lie in the kernel's ring before they are looked for. */
constexpr int kMostInRingMs = 100;
/** How long after `stop` packets may still come from before it; beyond it a clock was set back. */
constexpr int64_t kPatienceMs = 10'000;

int64_t steadyMs() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

int64_t nowNs() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

Fault faultOf(int status) {
  switch (status) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return Fault::permission;
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return Fault::gone;
    case PCAP_ERROR_IFACE_NOT_UP:
      return Fault::down;
    default:
      return Fault::failed;
  }
}

/** LINKTYPE_ number of a DLT_ number: the same but for those that systems number differently. */
int linkTypeOf(int dlt) {
  switch (dlt) {
    case DLT_ATM_RFC1483:
      return 100;
    case DLT_RAW:
      return 101;
    case DLT_SLIP_BSDOS:
      return 102;
    case DLT_PPP_BSDOS:
      return 103;
    case DLT_ATM_CLIP:
      return 106;
    case DLT_PFSYNC:
      return 246;
    default:
      return dlt;
  }
}

}  // namespace

/** A `fill` under way. */
struct Device::Filling {
  Device *device;
  const Block &block;
  size_t packets;
  size_t used;
  /** Nanoseconds in a unit of the time stamps. */
  uint32_t unit;
  int64_t stopNs;
};

Device::~Device() {
  if (pcap_ != nullptr) pcap_close(pcap_);
  if (wake_ >= 0) close(wake_);
}

Failure Device::open(const Options &options) {
  char error[PCAP_ERRBUF_SIZE] = "";
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) return {Fault::failed, std::string("eventfd: ") + strerror(errno)};
  pcap_t *pcap = pcap_create(options.device.c_str(), error);
  if (pcap == nullptr) return {Fault::failed, error};
  const auto fail = [&](Fault fault, std::string text) {
    pcap_close(pcap);
    return Failure{fault, std::move(text)};
  };
  pcap_set_snaplen(pcap, options.snapBytes);
  pcap_set_promisc(pcap, options.promiscuous ? 1 : 0);
  // What is collected for longer lies in the block: a capture that ends waits for the ring alone.
  const int inRingMs = std::min(options.delayMs, kMostInRingMs);
  pcap_set_timeout(pcap, inRingMs);
  pcap_set_buffer_size(pcap, options.bufferBytes);
  pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
  const int status = pcap_activate(pcap);
  if (status < 0) {
    // The text of some failures stands for itself, that of others says more than the status.
    const std::string detail = pcap_geterr(pcap);
    std::string text = pcap_statustostr(status);
    if (!detail.empty()) text = status == PCAP_ERROR ? detail : text + " (" + detail + ")";
    return fail(faultOf(status), std::move(text));
  }
  // As tcpdump: the header that says which device a packet came by. Where there is none the older one stays.
  if (options.device == "any") pcap_set_datalink(pcap, DLT_LINUX_SLL2);
  if (!options.filter.empty()) {
    bpf_program program;
    if (pcap_compile(pcap, &program, options.filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
      return fail(Fault::filter, pcap_geterr(pcap));
    const int set = pcap_setfilter(pcap, &program);
    pcap_freecode(&program);
    if (set != 0) return fail(Fault::filter, pcap_geterr(pcap));
  }
  if (pcap_setnonblock(pcap, 1, error) != 0) return fail(Fault::failed, error);
  pcap_ = pcap;
  name_ = options.device;
  index_ = static_cast<int>(if_nametoindex(name_.c_str()));
  linkType_ = linkTypeOf(pcap_datalink(pcap));
  snapBytes_ = pcap_snapshot(pcap);
  isNano_ = pcap_get_tstamp_precision(pcap) == PCAP_TSTAMP_PRECISION_NANO;
  heldBytes_.reserve(static_cast<size_t>(snapBytes_));
  delayMs_ = options.delayMs;
  // The kernel hands a block of its ring on at the second expiry of a timer at the latest.
  lingerMs_ = 2 * (inRingMs + kLastLookMs);
  return {};
}

Failure checkFilter(const std::string &filter) {
  pcap_t *const pcap = pcap_open_dead(DLT_EN10MB, Options{}.snapBytes);
  if (pcap == nullptr) return {Fault::failed, "No memory for a filter"};
  Failure failure;
  bpf_program program;
  if (pcap_compile(pcap, &program, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
    failure = {Fault::filter, pcap_geterr(pcap)};
  else
    pcap_freecode(&program);
  pcap_close(pcap);
  return failure;
}

void Device::take(u_char *filling, const pcap_pkthdr *header, const u_char *data) {
  Filling &to = *reinterpret_cast<Filling *>(filling);
  Device &device = *to.device;
  const Block &block = to.block;
  RecordHeader record{static_cast<uint32_t>(header->ts.tv_sec), static_cast<uint32_t>(header->ts.tv_usec) * to.unit,
                      header->caplen, header->len};
  if (to.stopNs != 0 && header->ts.tv_sec * int64_t{1'000'000'000} + record.nanoseconds > to.stopNs) {
    device.isPast_ = true;
    pcap_breakloop(device.pcap_);
    return;
  }
  if (sizeof record + record.captured > block.size - to.used) {
    if (to.used > 0) {
      device.isHeld_ = true;
      device.heldHeader_ = *header;
      device.heldBytes_.assign(data, data + record.captured);
      pcap_breakloop(device.pcap_);
      return;
    }
    record.captured = static_cast<uint32_t>(block.size - sizeof record);
  }
  uint8_t *const at = block.bytes + to.used;
  memcpy(at, &record, sizeof record);
  memcpy(at + sizeof record, data, record.captured);
  to.packets++;
  to.used += sizeof record + record.captured;
}

Device::Presence Device::presence() const {
  if (index_ == 0) return Presence::up;
  const int socket = pcap_fileno(pcap_);
  ifreq request{};
  strncpy(request.ifr_name, name_.c_str(), sizeof request.ifr_name - 1);
  if (ioctl(socket, SIOCGIFINDEX, &request) != 0) return errno == ENODEV ? Presence::gone : Presence::up;
  // Another device of the same name is not the one that was opened.
  if (request.ifr_ifindex != index_) return Presence::gone;
  if (ioctl(socket, SIOCGIFFLAGS, &request) != 0) return errno == ENODEV ? Presence::gone : Presence::up;
  return (request.ifr_flags & IFF_UP) != 0 ? Presence::up : Presence::down;
}

void Device::wait(int64_t most) const {
  // A socket whose device has failed may be readable without an end.
  const bool isOver = failure_.fault != Fault::none;
  pollfd waited[2] = {{wake_, POLLIN, 0}, {pcap_get_selectable_fd(pcap_), POLLIN, 0}};
  poll(waited, isOver ? 1 : 2, static_cast<int>(most));
  uint64_t wakes;
  if ((waited[0].revents & POLLIN) != 0 && read(wake_, &wakes, sizeof wakes) < 0) {
    // Nobody else reads it; if it were empty that would be as well.
  }
}

int64_t Device::gatherMs(const Block &block) const {
  RecordHeader record;
  memcpy(&record, block.bytes, sizeof record);
  const int64_t first = record.seconds * int64_t{1'000'000'000} + record.nanoseconds;
  const int64_t left = delayMs_ - (nowNs() - first) / 1'000'000;
  // Beyond these bounds a clock was set.
  return left > delayMs_ ? 0 : std::max<int64_t>(left, 0);
}

Outcome Device::fill(const Block &block, Filled *filled, Failure *failure) {
  *filled = {};
  Filling filling{this, block, 0, 0, isNano_ ? 1u : 1000u, stopNs_};
  u_char *const user = reinterpret_cast<u_char *>(&filling);
  if (isHeld_) {
    isHeld_ = false;
    take(user, &heldHeader_, heldBytes_.data());
  }
  while (!isInterrupted_) {
    filling.stopNs = stopNs_;
    int64_t now = steadyMs();
    if (filling.stopNs != 0 && endMs_ == 0) endMs_ = now + lingerMs_;
    const int status = isPast_ ? 0 : pcap_dispatch(pcap_, -1, take, user);
    if (status == PCAP_ERROR && failure_.fault == Fault::none) {
      failure_ = {presence() == Presence::gone ? Fault::gone : Fault::failed, pcap_geterr(pcap_)};
      endMs_ = now + lingerMs_;
    }
    if (filling.used > 0) {
      *filled = {filling.packets, filling.used};
      // They come from before `stop`, or a clock was set back.
      if (filling.stopNs != 0 && now > endMs_ + kPatienceMs) isPast_ = true;
      const int64_t left = isHeld_ || endMs_ != 0 ? 0 : gatherMs(block);
      if (left == 0) return Outcome::packets;
      wait(left);
      continue;
    }
    if (isPast_) return Outcome::ended;
    if (failure_.fault == Fault::none) {
      const Presence presence = this->presence();
      if (presence == Presence::gone) {
        failure_ = {Fault::gone, "The device is gone"};
        endMs_ = now + lingerMs_;
      } else if ((presence == Presence::down) != isDown_) {
        isDown_ = !isDown_;
        return isDown_ ? Outcome::down : Outcome::up;
      }
    }
    now = steadyMs();
    if (endMs_ != 0 && now >= endMs_) {
      *failure = failure_;
      return failure_.fault == Fault::none ? Outcome::ended : Outcome::failed;
    }
    wait(endMs_ == 0 ? kLookMs : std::min(endMs_ - now, kLastLookMs));
  }
  return Outcome::ended;
}

void Device::wake() {
  const uint64_t one = 1;
  if (wake_ >= 0 && write(wake_, &one, sizeof one) < 0) {
    // It is full: somebody woke it before.
  }
}

void Device::interrupt() {
  isInterrupted_ = true;
  wake();
}

void Device::stop() {
  int64_t never = 0;
  stopNs_.compare_exchange_strong(never, nowNs());
  wake();
}

Counts Device::counts() {
  pcap_stat now;
  if (pcap_ == nullptr || pcap_stats(pcap_, &now) != 0) return counts_;
  counts_.received += now.ps_recv - last_.ps_recv;
  counts_.dropped += now.ps_drop - last_.ps_drop;
  counts_.droppedByDevice += now.ps_ifdrop - last_.ps_ifdrop;
  last_ = now;
  return counts_;
}

}  // namespace genevescope
