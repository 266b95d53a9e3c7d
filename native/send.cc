#include "send.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace genevescope {

namespace {

/** Frames handed over by one system call. */
constexpr size_t kBatch = 64;
/** How long a device may have no room, seconds. */
constexpr time_t kPatience = 1;

Failure failureOf(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return {Fault::permission, strerror(error)};
    case ENXIO:
    case ENODEV:
      return {Fault::gone, strerror(error)};
    case ENETDOWN:
      return {Fault::down, strerror(error)};
    case EAGAIN:
      return {Fault::failed, "The device has no room"};
    default:
      return {Fault::failed, strerror(error)};
  }
}

}  // namespace

Outlet::~Outlet() {
  if (socket_ >= 0) close(socket_);
}

Failure Outlet::open(const std::string &device) {
  ifreq request{};
  if (device.size() >= sizeof request.ifr_name) return failureOf(ENODEV);
  // Of no protocol: the socket is to get none of what comes in.
  socket_ = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return failureOf(errno);
  memcpy(request.ifr_name, device.c_str(), device.size() + 1);
  if (ioctl(socket_, SIOCGIFINDEX, &request) != 0) return failureOf(errno);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = request.ifr_ifindex;
  if (bind(socket_, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) return failureOf(errno);
  if (ioctl(socket_, SIOCGIFHWADDR, &request) != 0) return failureOf(errno);
  const int kind = request.ifr_hwaddr.sa_family;
  if (kind != ARPHRD_ETHER && kind != ARPHRD_LOOPBACK) return {Fault::failed, "Not an Ethernet device"};
  memcpy(mac_, request.ifr_hwaddr.sa_data, sizeof mac_);
  if (ioctl(socket_, SIOCGIFFLAGS, &request) != 0) return failureOf(errno);
  if ((request.ifr_flags & IFF_UP) == 0) return failureOf(ENETDOWN);
  const timeval patience{kPatience, 0};
  if (setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) return failureOf(errno);
  return {};
}

Sent Outlet::send(const Frames &frames) {
  Sent result;
  iovec parts[kBatch];
  mmsghdr messages[kBatch];
  const auto startOf = [&](size_t frame) { return frame == 0 ? 0 : frames.ends[frame - 1]; };
  for (size_t next = 0; next < frames.count;) {
    const size_t count = std::min(kBatch, frames.count - next);
    for (size_t i = 0; i < count; i++) {
      const size_t start = startOf(next + i);
      parts[i] = {const_cast<uint8_t *>(frames.bytes) + start, frames.ends[next + i] - start};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int taken = sendmmsg(socket_, messages, static_cast<unsigned>(count), 0);
    if (taken > 0) {
      result.sent += static_cast<size_t>(taken);
      next += static_cast<size_t>(taken);
      continue;
    }
    if (errno == EINTR) continue;
    // It is the first of them that failed.
    const bool isFull = errno == EAGAIN;
    Failure failure = failureOf(errno);
    const bool isOver = isFull || failure.fault != Fault::failed;
    if (result.failure.fault == Fault::none || isOver) result.failure = std::move(failure);
    result.failed++;
    next++;
    if (isOver) break;
  }
  return result;
}

}  // namespace genevescope
