/*
 * What reader.c and libpcap.c share: a frame decoded whole, outer link to inner transport, and summed up into
 * flows and tunnels; the same work as `genevescope analyze` does, without names.
 *
 * The usual OVN frame is told by a few word compares (as src/frame/usual.ts does), any other goes through a
 * general walk. Flows lie in an open-addressing table. Everything is little-endian in memory.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define GENEVE_PORT 6081
/* Bytes that a usual frame has at least from its outer UDP header on: every byte looked at is inside. */
#define LEAST 71

static inline uint16_t be16(const uint8_t *at) {
  uint16_t value;
  memcpy(&value, at, 2);
  return __builtin_bswap16(value);
}

static inline uint32_t be32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return __builtin_bswap32(value);
}

static inline uint32_t le32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, 4);
  return value;
}

static void *allocate(size_t bytes) {
  /* Large tables on large pages: they are read at random. */
  size_t page = bytes >= (size_t)1 << 21 ? (size_t)1 << 21 : 64;
  void *memory = aligned_alloc(page, (bytes + page - 1) & ~(page - 1));
  if (memory == NULL) {
    fputs("out of memory\n", stderr);
    exit(2);
  }
  if (page > 64) madvise(memory, bytes, MADV_HUGEPAGE);
  memset(memory, 0, bytes);
  return memory;
}

/* Counters of all packets. */
enum status { OK, TRUNCATED, MALFORMED, UNSUPPORTED, NOT_GENEVE, STATUSES };
static uint64_t bytes;
/* Usual frames, which are ok and have their keys, and what the others are. */
static uint64_t usual, geneve, ovn, by_status[STATUSES];
static uint64_t first_time = UINT64_MAX, last_time;

/* --- Flows: by VNI, ingress and egress key. --- */

/* `key` is (VNI + 1) << 31 | ingress << 16 | egress; 0 is a free slot. */
struct flow {
  uint64_t key, packets, bytes, last;
};
static struct flow *flows;
static uint64_t *flow_first;
static unsigned flow_bits = 16;
static size_t flow_count;

static inline size_t flow_slot(uint64_t key) { return (key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - flow_bits); }

static void make_flows(void) {
  flows = allocate(sizeof *flows << flow_bits);
  flow_first = allocate(sizeof *flow_first << flow_bits);
}

__attribute__((noinline)) static void grow_flows(void) {
  struct flow *old = flows;
  uint64_t *old_first = flow_first;
  size_t slots = (size_t)1 << flow_bits++;
  make_flows();
  size_t mask = ((size_t)1 << flow_bits) - 1;
  for (size_t i = 0; i < slots; i++) {
    if (old[i].key == 0) continue;
    size_t slot = flow_slot(old[i].key);
    while (flows[slot].key != 0) slot = (slot + 1) & mask;
    flows[slot] = old[i];
    flow_first[slot] = old_first[i];
  }
  free(old);
  free(old_first);
}

/* Adds a packet to its flow. */
static inline void add_to_flow(uint64_t key, uint64_t length, uint64_t time) {
  size_t mask = ((size_t)1 << flow_bits) - 1;
  size_t slot = flow_slot(key);
  while (UNLIKELY(flows[slot].key != key)) {
    if (flows[slot].key == 0) {
      flow_count++;
      flows[slot].key = key;
      flows[slot].last = time;
      flow_first[slot] = time;
      break;
    }
    slot = (slot + 1) & mask;
  }
  struct flow *flow = &flows[slot];
  flow->packets++;
  flow->bytes += length;
  if (LIKELY(time >= flow->last)) flow->last = time;
  else if (time < flow_first[slot]) flow_first[slot] = time;
}

/* Packets whose flows are still to be counted: by then the slot, asked for ahead, is in the cache. */
#define WAITING 64
static struct {
  uint64_t key, length, time;
} waiting[WAITING];
static size_t waiting_count;

__attribute__((noinline)) static void count_waiting(void) {
  while (flow_count + waiting_count > (size_t)1 << (flow_bits - 1)) grow_flows();
  for (size_t i = 0; i < waiting_count; i++) add_to_flow(waiting[i].key, waiting[i].length, waiting[i].time);
  waiting_count = 0;
}

static inline void count_flow(uint64_t key, uint64_t length, uint64_t time) {
  __builtin_prefetch(&flows[flow_slot(key)], 1);
  size_t i = waiting_count;
  waiting[i].key = key;
  waiting[i].length = length;
  waiting[i].time = time;
  if (UNLIKELY((waiting_count = i + 1) == WAITING)) count_waiting();
}

/* --- Tunnels: by outer source and destination. IPv4 addresses are mapped into IPv6. --- */

struct tunnel {
  uint64_t address[4], packets, bytes, fragments;
  uint32_t largest;
};
#define TUNNEL_SLOTS (1u << 16)
static struct tunnel *tunnels;
static size_t tunnel_count;
/* Tunnels met lately, by a few bits of their addresses. */
#define RECENT 1024
static struct tunnel *recent[RECENT];

__attribute__((noinline)) static struct tunnel *find_tunnel(const uint64_t address[4]) {
  uint64_t hash = 0;
  for (int i = 0; i < 4; i++) hash = (hash ^ address[i]) * UINT64_C(0x9e3779b97f4a7c15), hash ^= hash >> 32;
  size_t slot = hash & (TUNNEL_SLOTS - 1);
  while (tunnels[slot].packets != 0 && memcmp(tunnels[slot].address, address, 32) != 0)
    slot = (slot + 1) & (TUNNEL_SLOTS - 1);
  if (tunnels[slot].packets == 0) {
    if (++tunnel_count > TUNNEL_SLOTS / 2) {
      fputs("more tunnels than this program can count\n", stderr);
      exit(2);
    }
    memcpy(tunnels[slot].address, address, 32);
  }
  return &tunnels[slot];
}

/* Counts a packet between two addresses, their words as they lie in memory. */
static inline void count_tunnel(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t length, uint32_t outer,
                                int fragment) {
  /* Hosts differ in the last bytes of their addresses. */
  struct tunnel **known = &recent[((b + d * 31) * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
  struct tunnel *tunnel = *known;
  if (UNLIKELY(tunnel == NULL || tunnel->address[0] != a || tunnel->address[1] != b || tunnel->address[2] != c ||
               tunnel->address[3] != d))
    *known = tunnel = find_tunnel((uint64_t[4]){a, b, c, d});
  tunnel->packets++;
  tunnel->bytes += length;
  tunnel->fragments += fragment;
  if (outer > tunnel->largest) tunnel->largest = outer;
}

static inline void count_tunnel_ipv4(const uint8_t *ip, uint64_t length, uint32_t outer, int fragment) {
  uint64_t mapped = 0xffff0000;
  count_tunnel(0, mapped | (uint64_t)le32(ip + 12) << 32, 0, mapped | (uint64_t)le32(ip + 16) << 32, length, outer,
               fragment);
}

static inline void count_tunnel_ipv6(const uint8_t *ip, uint64_t length, uint32_t outer, int fragment) {
  uint64_t address[4];
  memcpy(address, ip + 8, 32);
  count_tunnel(address[0], address[1], address[2], address[3], length, outer, fragment);
}

/* --- Frames --- */

/*
 * The length of the outer IP packet at `ip` where it is the rest of a usual OVN frame, whole and without
 * contradiction, and the frame ends at `end`; else 0. `outer` bytes of IP header without options or extensions.
 * Masks are those of src/frame/usual.ts, in little-endian words.
 */
static inline uint32_t usual_length(const uint8_t *ip, const uint8_t *end, uint32_t outer) {
  uint32_t length;
  if (outer == 20) {
    length = be16(ip + 2);
    /* Version 4, five header words; no fragment; UDP. */
    if (ip[0] != 0x45 || (le32(ip + 6) & 0xff00ff3f) != 0x11000000) return 0;
  } else {
    length = be16(ip + 4) + 40;
    if (ip[0] >> 4 != 6 || ip[6] != 17) return 0;
  }
  const uint8_t *udp = ip + outer;
  if (le32(udp + 2) != (__builtin_bswap16(GENEVE_PORT) | (uint32_t)__builtin_bswap16(length - outer) << 16) ||
      length > end - ip || le32(udp + 8) != 0x58654002 || le32(udp + 16) != 0x01800201 ||
      (le32(udp + 36) & 0x00ffffff) != 0x00450008)
    return 0;
  uint32_t inner = be16(udp + 40);
  if (inner + 38 + outer > length || inner < 28) return 0;
  uint32_t protocol = le32(udp + 44) & 0xff00ff3f;
  if (protocol == 0x01000000) return length;
  if (protocol == 0x06000000) return udp[70] >= 0x50 && (udp[70] >> 4) * 4u + 20 <= inner ? length : 0;
  return protocol == 0x11000000 && be16(udp + 62) == inner - 20 ? length : 0;
}

/* Where a walk through a frame has come to. `limit`: where the data ends on the wire; `end`: in the capture. */
struct walk {
  const uint8_t *at, *end, *limit;
  uint16_t type;
  uint8_t protocol;
  /* 0 whole, 1 a first fragment, 2 a later one. */
  uint8_t fragment;
  enum status status;
};

static const uint8_t *least(const uint8_t *a, const uint8_t *b) { return a < b ? a : b; }

/* The first fault of a packet is the one that counts. */
static void stop(struct walk *walk, enum status status) {
  if (walk->status == OK) walk->status = status;
}

/* 1 where `needed` bytes are there; else it is cut by the capture, or was never there. */
static int has(struct walk *walk, size_t needed) {
  if (walk->at + needed <= least(walk->end, walk->limit)) return 1;
  stop(walk, walk->at + needed <= walk->limit ? TRUNCATED : MALFORMED);
  return 0;
}

/* Ethernet and its VLAN tags. */
static int walk_ethernet(struct walk *walk) {
  if (!has(walk, 14)) return 0;
  walk->type = be16(walk->at + 12);
  walk->at += 14;
  while (walk->type == 0x8100 || walk->type == 0x88a8 || walk->type == 0x9100) {
    if (!has(walk, 4)) return 0;
    walk->type = be16(walk->at + 2);
    walk->at += 4;
  }
  return 1;
}

static int walk_ipv4(struct walk *walk) {
  if (!has(walk, 20)) return 0;
  const uint8_t *ip = walk->at;
  size_t header = (ip[0] & 15) * 4u;
  if (ip[0] >> 4 != 4 || header < 20) return stop(walk, MALFORMED), 0;
  if (!has(walk, header)) return 0;
  size_t total = be16(ip + 2);
  uint16_t fragment = be16(ip + 6);
  walk->fragment = (fragment & 0x1fff) != 0 ? 2 : (fragment & 0x2000) != 0;
  walk->protocol = ip[9];
  /* 0: a segment that the sender's card is to split, longer than the field can say. */
  if (total != 0 && (total < header || ip + total > walk->limit)) stop(walk, MALFORMED);
  else if (total != 0) walk->limit = ip + total;
  walk->at = ip + header;
  return 1;
}

static int walk_ipv6(struct walk *walk) {
  if (!has(walk, 40)) return 0;
  const uint8_t *ip = walk->at;
  if (ip[0] >> 4 != 6) return stop(walk, MALFORMED), 0;
  size_t length = be16(ip + 4);
  enum status lies = OK;
  if (length != 0 && ip + 40 + length > walk->limit) lies = MALFORMED;
  else if (length != 0) walk->limit = ip + 40 + length;
  uint8_t protocol = ip[6];
  walk->fragment = 0;
  walk->at = ip + 40;
  while (protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 || protocol == 60) {
    if (!has(walk, 8)) return 0;
    const uint8_t *header = walk->at;
    size_t size = protocol == 44 ? 8 : protocol == 51 ? (header[1] + 2) * 4u : (header[1] + 1) * 8u;
    if (!has(walk, size)) return 0;
    if (protocol == 44) walk->fragment = (be16(header + 2) & 0xfff8) != 0 ? 2 : be16(header + 2) & 1;
    protocol = header[0];
    walk->at += size;
    if (walk->fragment == 2) break;
  }
  if (lies != OK) stop(walk, lies);
  walk->protocol = protocol;
  return 1;
}

/* The inner frame behind an EtherType: checked, and nothing kept of it. */
static void walk_inner(struct walk *walk) {
  if (walk->type == 0x0806) {
    if (has(walk, 8)) has(walk, 8 + 2 * (size_t)(walk->at[4] + walk->at[5]));
    return;
  }
  if (walk->type == 0x0800 ? !walk_ipv4(walk) : walk->type != 0x86dd || !walk_ipv6(walk)) return;
  if (walk->fragment == 2) return;
  if (walk->protocol == 6 && has(walk, 20)) {
    size_t header = (walk->at[12] >> 4) * 4u;
    if (header < 20 || walk->at + header > walk->limit) stop(walk, MALFORMED);
  } else if (walk->protocol == 17 && has(walk, 8) && walk->fragment == 0) {
    size_t length = be16(walk->at + 4);
    if ((length != 0 && length < 8) || walk->at + length > walk->limit) stop(walk, MALFORMED);
  } else if (walk->protocol == 1 || walk->protocol == 58) has(walk, 8);
}

/* Any frame but the usual one. */
__attribute__((noinline)) static void count_general(const uint8_t *frame, uint32_t captured, uint32_t original,
                                                    uint64_t time) {
  struct walk walk = {frame, frame + captured, frame + (original > captured ? original : captured), 0, 0, 0, OK};
  const uint8_t *ip = NULL;
  int v6 = 0, fragment = 0, keyed = 0;
  uint64_t key = 0;
  uint32_t outer = 0;
  int64_t vni = -1;
  if (!walk_ethernet(&walk)) goto done;
  v6 = walk.type == 0x86dd;
  if (!v6 && walk.type != 0x0800) {
    stop(&walk, NOT_GENEVE);
    goto done;
  }
  const uint8_t *outer_ip = walk.at;
  if (v6 ? !walk_ipv6(&walk) : !walk_ipv4(&walk)) goto done;
  ip = outer_ip;
  outer = walk.limit - ip;
  fragment = walk.fragment != 0;
  if (walk.protocol != 17) {
    walk.status = NOT_GENEVE;
    goto done;
  }
  if (walk.fragment == 2) {
    walk.status = UNSUPPORTED;
    goto done;
  }
  if (!has(&walk, 8)) goto done;
  if (be16(walk.at + 2) != GENEVE_PORT) {
    walk.status = NOT_GENEVE;
    goto done;
  }
  size_t length = be16(walk.at + 4);
  if (walk.fragment == 1) stop(&walk, UNSUPPORTED);
  else if (length < 8) {
    stop(&walk, MALFORMED);
    goto done;
  } else if (walk.at + length > walk.limit) stop(&walk, MALFORMED);
  else walk.limit = walk.at + length;
  walk.at += 8;
  const uint8_t *limit = walk.limit;

  /* Geneve, RFC 8926. */
  if (!has(&walk, 8)) goto done;
  const uint8_t *header = walk.at;
  if (header[0] >> 6 != 0) {
    stop(&walk, UNSUPPORTED);
    goto done;
  }
  vni = be32(header + 4) >> 8;
  const uint8_t *options_end = header + 8 + (header[0] & 0x3f) * 4u;
  const uint8_t *bound = least(options_end, least(walk.limit, walk.end));
  for (const uint8_t *option = header + 8; option + 4 <= bound;) {
    const uint8_t *next = option + 4 + (option[3] & 31) * 4u;
    if (next > options_end) stop(&walk, MALFORMED);
    if (next > bound) break;
    if (le32(option) << 8 == 0x80020100 && !keyed) {
      if (next - option != 8) stop(&walk, MALFORMED);
      else keyed = 1, key = be32(option + 4) & 0x7fffffff;
    }
    option = next;
  }
  walk.at = options_end;
  if (!has(&walk, 0)) goto done;
  if (header[1] & 0x80) goto done;
  walk.type = be16(header + 2);
  if (walk.type != 0x6558 && walk.type != 0x0800 && walk.type != 0x86dd) stop(&walk, UNSUPPORTED);
  else if (walk.type != 0x6558 || walk_ethernet(&walk)) walk_inner(&walk);
  if (limit > walk.end) stop(&walk, TRUNCATED);

done:
  if (ip != NULL && (vni >= 0 || (fragment && walk.status == UNSUPPORTED))) {
    if (v6) count_tunnel_ipv6(ip, original, outer, fragment);
    else count_tunnel_ipv4(ip, original, outer, fragment);
  }
  geneve += vni >= 0;
  ovn += keyed;
  by_status[walk.status]++;
  if (keyed) count_flow((uint64_t)(vni + 1) << 31 | key, original, time);
}

/* Counts a frame captured at `time`, nanoseconds since 1970. */
static inline void count_frame(const uint8_t *frame, uint32_t captured, uint32_t original, uint64_t time) {
  bytes += original;
  if (time > last_time) last_time = time;
  if (time < first_time) first_time = time;
  if (LIKELY(captured >= LEAST && captured >= original)) {
    const uint8_t *ip = frame + 14, *end = frame + captured;
    uint16_t type = be16(frame + 12);
    if (type == 0x8100) {
      type = be16(frame + 16);
      ip += 4;
    }
    uint32_t header = type == 0x0800 ? 20 : type == 0x86dd ? 40 : 0;
    uint32_t outer = header == 0 || end - ip < header + LEAST ? 0 : usual_length(ip, end, header);
    if (LIKELY(outer != 0)) {
      usual++;
      if (header == 20) count_tunnel_ipv4(ip, original, outer, 0);
      else count_tunnel_ipv6(ip, original, outer, 0);
      uint64_t vni = be32(ip + header + 12) >> 8;
      count_flow((vni + 1) << 31 | (be32(ip + header + 20) & 0x7fffffff), original, time);
      return;
    }
  }
  count_general(frame, captured, original, time);
}

/* --- The answer --- */

static void begin_counting(void) {
  make_flows();
  tunnels = allocate(sizeof *tunnels * TUNNEL_SLOTS);
}

/* 1 where flow `a` comes before `b`: by bytes, descending, then by key. */
static int comes_before(const struct flow *a, const struct flow *b) {
  return a->bytes != b->bytes ? a->bytes > b->bytes : a->key < b->key;
}

static void print_flow(const char *before, const struct flow *flow) {
  printf("%s[%lu,%lu,%lu,%lu,%lu,\"%lu\",\"%lu\"]", before, (flow->key >> 31) - 1, flow->key >> 16 & 0x7fff,
         flow->key & 0xffff, flow->packets, flow->bytes, flow_first[flow - flows], flow->last);
}

/* All flows in any order, or the TOP largest in order. */
#define TOP 20
static void print_flows(int all) {
  const struct flow *largest[TOP];
  size_t held = 0;
  const char *before = "\n";
  for (size_t slot = 0; slot < (size_t)1 << flow_bits; slot++) {
    const struct flow *flow = &flows[slot];
    if (flow->key == 0) continue;
    if (all) {
      print_flow(before, flow);
      before = ",\n";
      continue;
    }
    if (held == TOP && !comes_before(flow, largest[TOP - 1])) continue;
    size_t i = held < TOP ? held++ : TOP - 1;
    for (; i > 0 && comes_before(flow, largest[i - 1]); i--) largest[i] = largest[i - 1];
    largest[i] = flow;
  }
  for (size_t i = 0; i < held; i++) print_flow(i == 0 ? "\n" : ",\n", largest[i]);
}

static void print_address(const char *before, const uint64_t address[2]) {
  uint8_t byte[16];
  memcpy(byte, address, 16);
  printf("%s", before);
  for (int i = 0; i < 16; i++) printf("%02x", byte[i]);
}

/* Everything as one JSON object. Times are nanoseconds since 1970, as text; addresses IPv6, hexadecimal. */
static void print_counters(int all) {
  count_waiting();
  uint64_t packets = usual;
  for (int i = 0; i < STATUSES; i++) packets += by_status[i];
  printf("{\"packets\":%lu,\"bytes\":%lu,\"geneve\":%lu,\"ovn\":%lu,", packets, bytes, usual + geneve,
         usual + ovn);
  printf("\"truncated\":%lu,\"malformed\":%lu,\"unsupported\":%lu,\"notGeneve\":%lu,", by_status[TRUNCATED],
         by_status[MALFORMED], by_status[UNSUPPORTED], by_status[NOT_GENEVE]);
  printf("\"firstTime\":\"%lu\",\"lastTime\":\"%lu\",\"flowCount\":%zu,\n\"flows\":[", first_time, last_time,
         flow_count);
  print_flows(all);
  printf("],\n\"tunnels\":[");
  const char *between = "\n[\"";
  for (size_t i = 0; i < TUNNEL_SLOTS; i++) {
    if (tunnels[i].packets == 0) continue;
    print_address(between, tunnels[i].address);
    print_address("\",\"", tunnels[i].address + 2);
    printf("\",%lu,%lu,%u,%lu]", tunnels[i].packets, tunnels[i].bytes, tunnels[i].largest, tunnels[i].fragments);
    between = ",\n[\"";
  }
  printf("]}\n");
}
