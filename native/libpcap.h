/* libpcap as it is on the system that runs the addon. */
#pragma once

#include <string>

namespace genevescope {

/** Loads libpcap, once a process; says why that cannot be, or nothing. Comes before any other use of it. */
std::string loadLibpcap();

}  // namespace genevescope
