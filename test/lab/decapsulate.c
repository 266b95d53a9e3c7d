/*
 * Takes Geneve packets off one device and puts what is in them on another, as the kernel's tunnel device shows them:
 * decapsulate FROM TO PORT. Runs until it is ended. IPv4 underlay without options.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ETHERNET = 14, IPV4 = 20, UDP = 8, GENEVE = 8 };

static int device(const char *name, int protocol) {
  int fd = socket(AF_PACKET, SOCK_RAW, htons(protocol));
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = (int)if_nametoindex(name)};
  if (fd < 0 || address.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    perror(name);
    exit(1);
  }
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int from = device(argv[1], ETH_P_ALL);
  int to = device(argv[2], 0);
  unsigned port = (unsigned)atoi(argv[3]);
  static unsigned char bytes[1 << 16];
  puts("ready");
  fflush(stdout);
  for (;;) {
    ssize_t length = recv(from, bytes, sizeof bytes, 0);
    const unsigned char *ip = bytes + ETHERNET;
    const unsigned char *udp = ip + IPV4;
    if (length < ETHERNET + IPV4 + UDP + GENEVE || bytes[12] != 8 || bytes[13] != 0) continue;
    if (ip[0] != 0x45 || ip[9] != 17 || ((unsigned)udp[2] << 8 | udp[3]) != port) continue;
    long start = ETHERNET + IPV4 + UDP + GENEVE + 4 * (udp[UDP] & 0x3f);
    long end = ETHERNET + ((long)ip[2] << 8 | ip[3]);
    /* A control packet is not handed on. */
    if ((udp[UDP + 1] & 0x80) != 0 || end > length || start + ETHERNET > end) continue;
    if (send(to, bytes + start, (size_t)(end - start), 0) < 0) perror("send");
  }
}
