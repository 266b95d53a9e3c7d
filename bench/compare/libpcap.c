/*
 * The same sums over libpcap: what a C program needs that lets the library take the capture apart.
 *
 *   cc -O2 -march=native -o libpcap-reader bench/compare/libpcap.c -lpcap
 *   ./libpcap-reader FILE [--all]
 */
#include "aggregate.h"

#include <pcap/pcap.h>

static void count(u_char *unused, const struct pcap_pkthdr *header, const u_char *frame) {
  (void)unused;
  /* Opened with nanoseconds: they are in tv_usec. */
  uint64_t time = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
  count_frame(frame, header->caplen, header->len, time);
}

int main(int arguments, char **argument) {
  char error[PCAP_ERRBUF_SIZE];
  if (arguments < 2) return fputs("usage: libpcap-reader FILE [--all]\n", stderr), 2;
  pcap_t *capture = pcap_open_offline_with_tstamp_precision(argument[1], PCAP_TSTAMP_PRECISION_NANO, error);
  if (capture == NULL) return fprintf(stderr, "libpcap-reader: %s\n", error), 2;
  if (pcap_datalink(capture) != DLT_EN10MB) return fputs("libpcap-reader: not Ethernet\n", stderr), 2;
  begin_counting();
  if (pcap_loop(capture, -1, count, NULL) != 0) return pcap_perror(capture, "libpcap-reader"), 2;
  print_counters(arguments > 2 && strcmp(argument[2], "--all") == 0);
  return 0;
}
