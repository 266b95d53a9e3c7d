/* A network device that frames are sent by, as they are. Knows nothing of JavaScript. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "device.h"

namespace genevescope {

/** Frames back to back: each ends where the next begins. The caller's. */
struct Frames {
  const uint8_t *bytes;
  /** Offsets behind the frames, ascending. */
  const uint32_t *ends;
  size_t count;
};

/** What has become of some frames. */
struct Sent {
  /** Frames that the device has taken, and those that it would not. */
  size_t sent = 0;
  size_t failed = 0;
  /** Why the first of those failed; with `permission`, `gone` or `down` no further one was tried. */
  Failure failure;
};

/** One Ethernet device, open for sending. One thread at a time calls `send`. */
class Outlet {
 public:
  Outlet() = default;
  ~Outlet();
  Outlet(const Outlet &) = delete;
  Outlet &operator=(const Outlet &) = delete;

  /** Opens the device; once only. */
  Failure open(const std::string &device);

  /** Hands the frames to the device. Where it has no room it is waited for, a second at most. */
  Sent send(const Frames &frames);

  /** The device's own MAC address, once it is open: 6 bytes. */
  const uint8_t *mac() const { return mac_; }

 private:
  int socket_ = -1;
  uint8_t mac_[6] = {};
};

}  // namespace genevescope
