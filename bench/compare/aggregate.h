/*
 * What reader.c and libpcap.c share: a frame decoded whole, outer link to inner transport, and summed up into
 * flows and tunnels; the same work as `genevescope analyze` does, without names.
 *
 * Flows lie in an open-addressing table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "frame.h"

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

/* --- Packets --- */

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
