/** Bits of the `flags` column. */
export const FrameFlag = {
  /**
   * There are keys of OVN's in `ovnKeys`: from a well-formed option of Geneve (class 0x0102, type 0x80, 4 bytes), or
   * from another tunnel's identifier.
   */
  ovn: 1,
  /** The O bit: a control packet, whose payload is not tenant traffic and is not decoded. */
  oam: 2,
  /** A BFD session between tunnel endpoints: VNI 0, no options of Geneve, inner UDP to port 3784. */
  bfd: 4,
  /** The outer IP packet is a fragment. */
  fragment: 8,
  /** The outer IP header is IPv6. */
  outerIpv6: 16,
  /** The frame has OVN's usual shape: every header lies where it lies in most packets. */
  usual: 32,
  /** An inner frame without its tunnel; its VNI and keys are told by something else, see `keysFrom`. */
  bare: 64,
  /** The tunnel is none of Geneve: the column `tunnel` says which. */
  otherTunnel: 128,
} as const;

/** What a tunnel is that is none of Geneve, and how its identifier is read. */
export const TunnelKind = {
  /** VXLAN between hypervisors of OVN: datapath and egress key, no ingress key. */
  vxlan: 1,
  /** VXLAN to or from a VTEP gateway: all of the VNI is the datapath key. */
  vxlanVtep: 2,
  /** Read like `vxlan`, for nothing contradicts it; but nobody says that it is OVN's. */
  vxlanAssumed: 3,
  /** VXLAN that is not OVN's: its VNI is no key. */
  vxlanOther: 4,
  /** STT. Its context id has all three keys where FrameFlag.ovn is set; else it is not OVN's. */
  stt: 5,
} as const;
export type TunnelKind = (typeof TunnelKind)[keyof typeof TunnelKind];

/** What the VNI and keys of a bare frame come from, in the order of how sure that is. */
export const KeysFrom = {
  /** Nothing tells them. */
  nothing: 0,
  /** Its addresses allow several; only what all of these have in common is in the columns. */
  several: 1,
  /** Its MAC and IP addresses; a key that they leave open is 0. */
  addresses: 2,
  /** A flow of the datapath. */
  flow: 3,
  /** The same frame, captured in its tunnel. */
  underlay: 4,
} as const;

/** The names of KeysFrom, by value. */
export const KEYS_FROM_NAMES: readonly string[] = Object.keys(KeysFrom);

/** VNI column value where no header of a tunnel was read, or one that is not OVN's. */
export const NO_VNI = -1;
/** Offset column value where the header is absent. */
export const ABSENT = -1;

/**
 * What the decoder found in each packet of a PacketBatch: equal-length columns, entry i for packet i.
 * Offsets are absolute in the batch's bytes (so they live as long as the batch), or ABSENT, except
 * `stopOffset`, which counts from the packet's first byte. Everything before the stop is filled in.
 */
export class FrameBatch {
  /** Entries that are valid: the batch's count at the last decode. */
  count = 0;
  /** The index of each packet, 0, 1, 2, ...: the rows where none is left out. Not to be written. */
  readonly every: Int32Array;
  /** FrameStatus. */
  readonly status: Uint8Array;
  /** FrameLayer and Reason of the first fault; undefined where the status is ok. */
  readonly stopLayer: Uint8Array;
  readonly stopReason: Uint8Array;
  /** Bytes from the start of the packet to the header (or option) where decoding stopped; as above. */
  readonly stopOffset: Int32Array;
  /** FrameFlag bits. */
  readonly flags: Uint8Array;
  /** Outer IP header. */
  readonly outerIp: Int32Array;
  /** Bytes of the outer IP packet as its length field says (as captured, where the field is 0). */
  readonly outerBytes: Int32Array;
  /** The datapath key, 0 to 2^24 - 1, or NO_VNI: Geneve's VNI, and what of another tunnel's identifier is that key. */
  readonly vni: Int32Array;
  /**
   * Data of the OVN option as a signed word: reserved bit, 15 bits ingress, 16 bits egress. Keys of other tunnels
   * stand as they would there, 0 for one that the tunnel does not carry.
   */
  readonly ovnKeys: Int32Array;
  /** TunnelKind of a packet with FrameFlag.otherTunnel; undefined of any other. */
  readonly tunnel: Uint8Array;
  /** KeysFrom of a bare frame; undefined of any other. */
  readonly keysFrom: Uint8Array;
  /** Outer UDP header; absent where the tunnel is STT. */
  readonly udp: Int32Array;
  /** Geneve header. */
  readonly geneve: Int32Array;
  /** First byte behind the tunnel's header, and the end of the tunnelled bytes that are there. */
  readonly inner: Int32Array;
  readonly innerEnd: Int32Array;
  /** EtherType of the innermost network header (behind VLAN tags), or 0. */
  readonly innerType: Uint16Array;
  /** Inner network header (IP, ARP or whatever innerType says). */
  readonly innerNetwork: Int32Array;
  /** IP protocol of the inner transport (behind extension headers), or 0 where not IP. */
  readonly innerProtocol: Uint8Array;
  /** Inner transport header; absent in a later fragment. */
  readonly innerTransport: Int32Array;

  constructor(capacity: number) {
    this.every = Int32Array.from({ length: capacity }, (_, i) => i);
    this.status = new Uint8Array(capacity);
    this.stopLayer = new Uint8Array(capacity);
    this.stopReason = new Uint8Array(capacity);
    this.stopOffset = new Int32Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.outerIp = new Int32Array(capacity);
    this.outerBytes = new Int32Array(capacity);
    this.udp = new Int32Array(capacity);
    this.geneve = new Int32Array(capacity);
    this.vni = new Int32Array(capacity);
    this.ovnKeys = new Int32Array(capacity);
    this.tunnel = new Uint8Array(capacity);
    this.keysFrom = new Uint8Array(capacity);
    this.inner = new Int32Array(capacity);
    this.innerEnd = new Int32Array(capacity);
    this.innerType = new Uint16Array(capacity);
    this.innerNetwork = new Int32Array(capacity);
    this.innerProtocol = new Uint8Array(capacity);
    this.innerTransport = new Int32Array(capacity);
  }

  get capacity(): number {
    return this.status.length;
  }
}
