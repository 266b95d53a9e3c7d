/*
 * The headers of a frame: the usual OVN frame is told by a few word compares (as src/frame/usual.ts does), any other
 * is walked through (as src/frame/walk.ts does). Everything is little-endian in memory.
 */
#include <stdint.h>
#include <string.h>

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

/* What becomes of a packet. */
enum status { OK, TRUNCATED, MALFORMED, UNSUPPORTED, NOT_GENEVE, STATUSES };

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
