/*
 * libpcap's functions, looked up when the addon is loaded in the place of when it is linked: the same library is
 * libpcap.so.1 to its makers and libpcap.so.0.8 to Debian, and an addon built with the one name would not load
 * where there is the other. What the addon calls by libpcap's names is here, and goes on to the library.
 */
#include "libpcap.h"

#include <dlfcn.h>
#include <pcap/pcap.h>

// Result, name, parameters and arguments of each function that the addon uses.
#define EACH_FUNCTION(X)                                                                                   \
  X(pcap_t *, pcap_create, (const char *a, char *b), (a, b))                                               \
  X(pcap_t *, pcap_open_dead, (int a, int b), (a, b))                                                      \
  X(int, pcap_set_snaplen, (pcap_t * a, int b), (a, b))                                                    \
  X(int, pcap_set_promisc, (pcap_t * a, int b), (a, b))                                                    \
  X(int, pcap_set_timeout, (pcap_t * a, int b), (a, b))                                                    \
  X(int, pcap_set_buffer_size, (pcap_t * a, int b), (a, b))                                                \
  X(int, pcap_set_tstamp_precision, (pcap_t * a, int b), (a, b))                                           \
  X(int, pcap_get_tstamp_precision, (pcap_t * a), (a))                                                     \
  X(int, pcap_activate, (pcap_t * a), (a))                                                                 \
  X(void, pcap_close, (pcap_t * a), (a))                                                                   \
  X(int, pcap_dispatch, (pcap_t * a, int b, pcap_handler c, u_char *d), (a, b, c, d))                      \
  X(void, pcap_breakloop, (pcap_t * a), (a))                                                               \
  X(int, pcap_stats, (pcap_t * a, pcap_stat *b), (a, b))                                                   \
  X(int, pcap_setfilter, (pcap_t * a, bpf_program *b), (a, b))                                             \
  X(int, pcap_setnonblock, (pcap_t * a, int b, char *c), (a, b, c))                                        \
  X(const char *, pcap_statustostr, (int a), (a))                                                          \
  X(char *, pcap_geterr, (pcap_t * a), (a))                                                                \
  X(int, pcap_compile, (pcap_t * a, bpf_program *b, const char *c, int d, bpf_u_int32 e), (a, b, c, d, e)) \
  X(void, pcap_freecode, (bpf_program * a), (a))                                                           \
  X(int, pcap_datalink, (pcap_t * a), (a))                                                                 \
  X(int, pcap_set_datalink, (pcap_t * a, int b), (a, b))                                                   \
  X(int, pcap_snapshot, (pcap_t * a), (a))                                                                 \
  X(int, pcap_fileno, (pcap_t * a), (a))                                                                   \
  X(int, pcap_get_selectable_fd, (pcap_t * a), (a))                                                        \
  X(int, pcap_findalldevs, (pcap_if_t * *a, char *b), (a, b))                                              \
  X(void, pcap_freealldevs, (pcap_if_t * a), (a))                                                          \
  X(const char *, pcap_lib_version, (), ())

namespace {

#define POINTER(result, name, parameters, arguments) decltype(&name) name##_at = nullptr;
EACH_FUNCTION(POINTER)

constexpr const char *kNames[] = {"libpcap.so.1", "libpcap.so.0.8"};

std::string load() {
  void *library = nullptr;
  std::string why;
  for (const char *name : kNames) {
    library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library != nullptr) break;
    // A library that is there but does not load says more than that one is not there.
    const std::string said = dlerror();
    if (why.empty() || said.find("No such file") == std::string::npos) why = said;
  }
  if (library == nullptr) return "libpcap does not load: " + why;
#define LOOK_UP(result, name, parameters, arguments)                    \
  name##_at = reinterpret_cast<decltype(&name)>(dlsym(library, #name)); \
  if (name##_at == nullptr) return std::string("libpcap is too old: ") + dlerror();
  EACH_FUNCTION(LOOK_UP)
  return {};
}

}  // namespace

extern "C" {
#define FORWARD(result, name, parameters, arguments) \
  result name parameters { return name##_at arguments; }
EACH_FUNCTION(FORWARD)
}

namespace genevescope {

std::string loadLibpcap() {
  // Threads that load the addon at the same time wait for the first.
  static const std::string why = load();
  return why;
}

}  // namespace genevescope
