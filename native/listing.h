/* Which devices there are to capture from, and whether this process may. Knows nothing of JavaScript. */
#pragma once

#include <string>
#include <vector>

#include "device.h"

namespace genevescope {

/** A device that could be captured from. */
struct Listed {
  std::string name;
  bool isUp;
  /** It has a link, as far as the system says. */
  bool isRunning;
  bool isLoopback;
  /** IPv4 and IPv6 addresses, as text. */
  std::vector<std::string> addresses;
};

/** Lists the network devices, and `any`, which stands for all. Needs no permission. */
Failure listDevices(std::vector<Listed> *devices);

/** Whether the process may capture at all: `permission` where it may not. */
Failure checkPermission();

}  // namespace genevescope
