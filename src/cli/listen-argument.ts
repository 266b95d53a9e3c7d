import { isIP, isIPv6 } from "node:net";
import { InvalidArgumentError } from "commander";

/** Where a server listens. */
export interface ListenAddress {
  /** An IP address. */
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
}

const LOOPBACK = "127.0.0.1";

/** `PORT` and `:PORT`, which mean this machine alone, `IPV4:PORT` and `[IPV6]:PORT`. */
export function listenArgument(text: string): ListenAddress {
  const [, six, four, port] = /^(?:\[([^\]]+)\]:|([^:[\]]*):)?(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? (four || LOOPBACK);
  const isAddress = six === undefined ? isIP(host) === 4 : isIPv6(six);
  if (port === undefined || !isAddress || Number(port) > 0xffff)
    throw new InvalidArgumentError(
      "Not a port, or address and port, such as 9100, 10.0.0.1:9100, [::1]:9100.",
    );
  return { host, port: Number(port) };
}
