import { isIPv6, SocketAddress } from "node:net";

/**
 * An IP address in the one spelling that packets are shown with (IPv6: RFC 5952), so that what an operator
 * configured meets what a frame carries. Anything else comes back as it is.
 */
export function canonicalAddress(text: string): string {
  if (!isIPv6(text)) return text;
  const zone = text.indexOf("%");
  return new SocketAddress({ address: zone < 0 ? text : text.slice(0, zone), family: "ipv6" }).address;
}
