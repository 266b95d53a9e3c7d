#include "listing.h"

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace genevescope {

namespace {

/** An address as text; empty where it is neither IPv4 nor IPv6. */
std::string textOf(const sockaddr *address) {
  if (address == nullptr) return {};
  const bool isV4 = address->sa_family == AF_INET;
  if (!isV4 && address->sa_family != AF_INET6) return {};
  char text[NI_MAXHOST];
  const socklen_t size = isV4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  return getnameinfo(address, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0 ? text : "";
}

}  // namespace

Failure listDevices(std::vector<Listed> *devices) {
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_if_t *first = nullptr;
  if (pcap_findalldevs(&first, error) != 0) return {Fault::failed, error};
  for (const pcap_if_t *each = first; each != nullptr; each = each->next) {
    // libpcap knows things that are no network devices, such as USB buses.
    if (if_nametoindex(each->name) == 0 && strcmp(each->name, "any") != 0) continue;
    Listed listed{each->name, (each->flags & PCAP_IF_UP) != 0, (each->flags & PCAP_IF_RUNNING) != 0,
                  (each->flags & PCAP_IF_LOOPBACK) != 0, {}};
    for (const pcap_addr_t *address = each->addresses; address != nullptr; address = address->next) {
      std::string text = textOf(address->addr);
      if (!text.empty()) listed.addresses.push_back(std::move(text));
    }
    devices->push_back(std::move(listed));
  }
  pcap_freealldevs(first);
  return {};
}

Failure checkPermission() {
  const int probe = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (probe < 0) return {errno == EPERM ? Fault::permission : Fault::failed, strerror(errno)};
  close(probe);
  return {};
}

}  // namespace genevescope
