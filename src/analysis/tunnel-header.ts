/** What the header of a tunnel said, recovered for an inner frame that has lost it. */
export interface TunnelHeader {
  /** Virtual Network Identifier, 0 to 2^24 - 1. */
  readonly vni: number;
  /**
   * Data of the OVN option as a signed word, as in `FrameBatch.ovnKeys`; null where there was none, or nobody says. The
   * ingress key is 0 where the tunnel is VXLAN, which has none.
   */
  readonly ovnKeys: number | null;
  /** The outer addresses in canonical text; null where nobody says. */
  readonly source: string | null;
  readonly destination: string | null;
}

/** The headers that an inner frame had or may have had: with more than one, each is possible. */
export interface TunnelHeaders {
  /** In the order they became known, at most 16. */
  readonly headers: readonly TunnelHeader[];
  /** Whether all have the same VNI and OVN keys, and only the addresses differ: copies to several chassis. */
  readonly isOneKey: boolean;
}

/** Headers told of one frame at most. */
const MOST_HEADERS = 16;

/** The headers, each once; null of none. */
export function tunnelHeaders(headers: Iterable<TunnelHeader>): TunnelHeaders | null {
  const distinct = [...new Set(headers)];
  if (distinct.length === 0) return null;
  const [{ vni, ovnKeys }] = distinct;
  return {
    headers: distinct.slice(0, MOST_HEADERS),
    isOneKey: distinct.every((each) => each.vni === vni && each.ovnKeys === ovnKeys),
  };
}

/** Headers of which a pool has one object each. */
const MOST_POOLED = 1 << 16;

/** One object for each header, so that headers can be told apart by identity; of very many, only the first ones. */
export class HeaderPool {
  readonly #headers = new Map<string, TunnelHeader>();

  get(vni: number, ovnKeys: number | null, source: string | null, destination: string | null): TunnelHeader {
    const key = `${vni} ${ovnKeys} ${source} ${destination}`;
    let header = this.#headers.get(key);
    if (header === undefined) {
      header = Object.freeze({ vni, ovnKeys, source, destination });
      if (this.#headers.size < MOST_POOLED) this.#headers.set(key, header);
    }
    return header;
  }
}
