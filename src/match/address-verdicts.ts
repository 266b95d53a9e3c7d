/* Verdicts on the outer addresses of packets. */
import { formatIpv4, formatIpv6, IPV6_BYTES } from "../wire/address.js";
import { asOf, type Names } from "./names.js";
import { type Decision, Verdicts } from "./verdicts.js";

/** What was decided on addresses, each given as canonical text; see Verdicts. */
export class AddressVerdicts {
  /** On an address as one word, and 0. */
  readonly ipv4: Verdicts;
  readonly #ipv6: Verdicts;

  constructor(
    names: Pick<Names, "at"> | null,
    decide: (ms: number, address: string) => Decision,
    generation: () => number,
  ) {
    const ofIpv4 = asOf(names, (ms, word) => decide(ms, formatIpv4(word >>> 0)));
    const ofIpv6 = asOf(names, (ms, a, b, c, d) => decide(ms, ipv6Text(a, b, c, d)));
    this.ipv4 = new Verdicts(ofIpv4, generation);
    this.#ipv6 = new Verdicts(ofIpv6, generation);
  }

  /** To be called before a batch of questions. */
  refresh(): void {
    this.ipv4.refresh();
    this.#ipv6.refresh();
  }

  /** The verdict on the IPv6 address at `at` of `view`, as of a time. */
  onIpv6(sec: number, nsec: number, view: DataView, at: number): number {
    return this.#ipv6.onFour(
      sec,
      nsec,
      view.getInt32(at),
      view.getInt32(at + 4),
      view.getInt32(at + 8),
      view.getInt32(at + 12),
    );
  }
}

function ipv6Text(a: number, b: number, c: number, d: number): string {
  const bytes = new Uint8Array(IPV6_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, a);
  view.setInt32(4, b);
  view.setInt32(8, c);
  view.setInt32(12, d);
  return formatIpv6(bytes);
}
