import { formatIpv6, parseIpv6 } from "../wire/address.js";

/**
 * An IP address in the one spelling that packets are shown with (IPv6: RFC 5952), so that what an operator
 * configured meets what a frame carries. Anything else comes back as it is.
 */
export function canonicalAddress(text: string): string {
  // At once: IPv4, and MACs, which have five colons; IPv6 has "::", or six and more.
  if (!text.includes("::") && text.split(":", 7).length < 7) return text;
  const zone = text.indexOf("%");
  try {
    return formatIpv6(parseIpv6(zone < 0 ? text : text.slice(0, zone)));
  } catch {
    return text;
  }
}

/**
 * The addresses of an entry such as "MAC [IP[/LENGTH]...]" or "MAC IP... is_chassis_resident("PORT")" (ovn-sb(5),
 * ovn-nb(5)), MACs in lower case, IP addresses canonical; "unknown", "dynamic" and "router" stand for none.
 */
export function addressesIn(entry: string): string[] {
  const end = entry.indexOf("is_chassis_resident");
  const words = (end < 0 ? entry : entry.slice(0, end)).split(/[\s,]+/);
  const addresses: string[] = [];
  for (const word of words) {
    const slash = word.indexOf("/");
    const address = slash < 0 ? word : word.slice(0, slash);
    if (/^[0-9a-fA-F]*[.:][0-9a-fA-F.:]+$/.test(address))
      addresses.push(canonicalAddress(address.toLowerCase()));
  }
  return addresses;
}
