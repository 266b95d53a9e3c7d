import { canonicalAddress } from "../wire/address.js";

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
