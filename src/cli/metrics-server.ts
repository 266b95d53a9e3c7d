import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { CliError } from "./fault.js";
import type { ListenAddress } from "./listen-argument.js";

/** What a connection may take in all, and how many there may be: nobody who is slow holds anything up. */
const LONGEST_MS = 10_000;
const MOST_CONNECTIONS = 32;

/** A page that is served, until it is closed. */
export interface PageServer {
  /** Where it is. */
  readonly url: string;
  /** Ends all connections. */
  close(): void;
}

/** Serves GET `path`, and nothing else, over HTTP at `address`; each answer ends its connection. */
export async function servePage(
  address: ListenAddress,
  path: string,
  type: string,
  page: () => Promise<Uint8Array>,
): Promise<PageServer> {
  const answer = async ({ method, url }: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader("Connection", "close");
    if (method !== "GET" || url?.split("?")[0] !== path) {
      response.writeHead(404, { "Content-Type": "text/plain" }).end(`only GET ${path} is here\n`);
      return;
    }
    const bytes = await page();
    response.writeHead(200, { "Content-Type": type, "Content-Length": bytes.length }).end(bytes);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.maxRequestsPerSocket = 1;
  server.on("connection", (socket) => {
    const timer = setTimeout(() => socket.destroy(), LONGEST_MS);
    socket.once("close", () => clearTimeout(timer));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new CliError(refusal(address, error))));
    server.listen({ host: address.host, port: address.port, ipv6Only: true }, resolve);
  });
  // What goes wrong with a connection later ends that connection.
  server.on("error", () => {});
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${written({ ...address, port })}${path}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function written({ host, port }: ListenAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function refusal(address: ListenAddress, error: NodeJS.ErrnoException): string {
  const where = `--metrics ${written(address)}`;
  switch (error.code) {
    case "EADDRINUSE":
      return `${where}: another program has this port; give another one`;
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return `${where}: this machine has no such address`;
    case "EACCES":
      return `${where}: listening is not permitted; give a port from 1024 on`;
    default:
      return `${where}: ${error.message}`;
  }
}
