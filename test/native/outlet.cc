/*
 * An Outlet under sanitizers: sends frames of the lengths that are given by a device and says what came of them.
 * What is behind the last of them is nobody's memory.
 */
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../native/send.h"

int main(int count, char **words) {
  genevescope::Outlet outlet;
  const genevescope::Failure failure = outlet.open(words[1]);
  if (failure.fault != genevescope::Fault::none) {
    std::printf("closed %s\n", failure.text.c_str());
    return 0;
  }
  std::vector<uint8_t> bytes;
  std::vector<uint32_t> ends;
  for (int i = 2; i < count; i++) {
    bytes.resize(bytes.size() + static_cast<size_t>(std::atoi(words[i])), static_cast<uint8_t>(i));
    ends.push_back(static_cast<uint32_t>(bytes.size()));
  }
  bytes.shrink_to_fit();
  ends.shrink_to_fit();
  const genevescope::Sent sent = outlet.send({bytes.data(), ends.data(), ends.size()});
  std::printf("sent %zu failed %zu %s\n", sent.sent, sent.failed, sent.failure.text.c_str());
  return 0;
}
