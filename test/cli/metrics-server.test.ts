/* The server of a page, by requests good and bad. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { listenArgument } from "../../src/cli/listen-argument.js";
import { type PageServer, servePage } from "../../src/cli/metrics-server.js";

const open: PageServer[] = [];

afterEach(() => {
  vi.useRealTimers();
  for (const server of open.splice(0)) server.close();
});

async function serve(page: () => Promise<Uint8Array> = async () => Buffer.from("é 1\n")): Promise<URL> {
  const server = await servePage(listenArgument("0"), "/metrics", "text/plain; charset=utf-8", page);
  open.push(server);
  return new URL(server.url);
}

test("gives the page, and nothing else", async () => {
  const url = await serve();
  expect(url.hostname).toBe("127.0.0.1");
  for (const path of ["/metrics", "/metrics?name=up"]) {
    const response = await fetch(new URL(path, url));
    expect([response.status, await response.text()]).toEqual([200, "é 1\n"]);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  }
  for (const [method, path] of [
    ["GET", "/"],
    ["GET", "/metrics/"],
    ["GET", "/%6detrics"],
    ["HEAD", "/metrics"],
    ["POST", "/metrics"],
    ["DELETE", "/metrics"],
  ])
    expect([method, path, (await fetch(new URL(path, url), { method })).status]).toEqual([method, path, 404]);
});

/** A connection that has sent `text` and reads nothing. */
async function silent(url: URL, text: string) {
  const socket = connect(Number(url.port), url.hostname);
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.pause();
  socket.write(text);
  return socket;
}

/** Reads what comes, until the connection has ended, well or not. */
async function end(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
}

test("ends who does not read, and who says nothing, and serves others meanwhile", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  // More than the kernel takes for a reader that does not read.
  const large = Buffer.alloc(64 * 1024 * 1024, "1\n");
  let pages = 0;
  const url = await serve(async () => (++pages === 1 ? large : Buffer.from("1\n")));
  const slow = await silent(url, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  while (pages === 0) await new Promise(setImmediate);
  const mute = await silent(url, "GET /metr");
  expect(await (await fetch(url)).text()).toBe("1\n");
  vi.advanceTimersByTime(9_900);
  expect(await (await fetch(url)).text()).toBe("1\n");
  expect([slow.closed, mute.closed]).toEqual([false, false]);
  vi.advanceTimersByTime(200);
  for (const socket of [slow, mute]) await end(socket);
  expect(slow.bytesRead).toBeLessThan(large.length);
});

test("answers once a connection, and has room for a few connections only", async () => {
  const url = await serve();
  const request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
  const eager = connect(Number(url.port), url.hostname);
  let answers = "";
  eager.on("data", (text) => {
    answers += text;
  });
  eager.on("error", () => {});
  eager.write(request.repeat(5));
  await once(eager, "close");
  expect(answers.match(/HTTP\/1.1 200/g)).toHaveLength(1);
  const sockets = await Promise.all(Array.from({ length: 32 }, () => silent(url, "G")));
  await expect(fetch(url)).rejects.toThrow();
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(async () => expect((await fetch(url)).status).toBe(200));
});

test("survives what is no HTTP, and a page that fails", async () => {
  let isBroken = true;
  const url = await serve(async () => {
    if (isBroken) throw new Error("broken");
    return Buffer.from("1\n");
  });
  for (const text of ["\0\0\0", "GET / HTTP/9\r\n\r\n", `GET /${"a".repeat(100_000)} HTTP/1.1\r\n\r\n`]) {
    await end(await silent(url, text));
  }
  await expect(fetch(url)).rejects.toThrow();
  isBroken = false;
  expect((await fetch(url)).status).toBe(200);
});

test("closes with connections open", async () => {
  const url = await serve(() => new Promise(() => {}));
  const sockets = [await silent(url, ""), await silent(url, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")];
  const closed = Promise.all(sockets.map(end));
  const begun = Date.now();
  for (const server of open.splice(0)) server.close();
  await closed;
  expect(Date.now() - begun).toBeLessThan(5000);
  await expect(fetch(url)).rejects.toThrow();
});

test.each([
  ["9100", "127.0.0.1", 9100],
  [":9100", "127.0.0.1", 9100],
  ["0", "127.0.0.1", 0],
  ["127.0.0.1:9100", "127.0.0.1", 9100],
  ["0.0.0.0:65535", "0.0.0.0", 65535],
  ["[::1]:9100", "::1", 9100],
  ["[fe80::1%eth0]:9100", "fe80::1%eth0", 9100],
])("listens at %s", (text, host, port) => expect(listenArgument(text)).toEqual({ host, port }));

test.each([
  "",
  ":",
  "65536",
  "-1",
  "9100/metrics",
  "::1:9100",
  "[::1]",
  "[]:9100",
  "[127.0.0.1]:9100",
  "localhost:9100",
  "1.2.3:9100",
  "1.2.3.4:",
  "1.2.3.4:99999",
])("refuses to listen at %j", (text) => expect(() => listenArgument(text)).toThrow("Not a port, or address"));
