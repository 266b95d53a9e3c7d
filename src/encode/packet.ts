/** A moment: seconds since 1970, rounded down, and nanoseconds; both 0 where there is none. */
export interface Moment {
  sec: number;
  nsec: number;
}

/** A packet to write, wherever it comes from. */
export interface EncodedPacket extends Moment {
  bytes: Uint8Array;
  /** Bytes that it is to have had on the wire. */
  originalBytes: number;
  /** LINKTYPE_ number. */
  linkType: number;
  /** The name of the interface, or null. */
  interface: string | null;
}
