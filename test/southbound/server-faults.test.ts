import { createServer as createHttpServer } from "node:http";
import { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { followDatabase, type LinkState } from "../../src/southbound/ovsdb/follow.js";
import { SOUTHBOUND } from "../../src/southbound/tables.js";
import { describeOvsdb, OvsdbServer, smallSchema, TempDirectory, uuid } from "./ovsdb.js";
import { pictureOfDump } from "./picture.js";
import { RandomTransactions } from "./random-transactions.js";
import { closeAll, FakeServer, follow, NOW, proxy, reached } from "./server.js";

const directory = new TempDirectory();
afterAll(() => directory.dispose());
afterEach(closeAll);

type Answer = string | undefined;

/** Answers each request by what `answer` makes of its method, as text that stands behind `"id":N,`. */
function pretend(answer: (method: string, params: unknown[], connection: number) => Answer) {
  return new FakeServer((socket, connection) => {
    socket.on("data", (data) => {
      const { id, method, params } = JSON.parse(data.toString());
      const text = answer(method, params, connection);
      if (text !== undefined) socket.write(`{"id":${JSON.stringify(id)},${text}}`);
    });
  }).start();
}

const UNKNOWN = '"error":"unknown method","result":null';
const SCHEMA = `"result":${JSON.stringify(smallSchema())},"error":null`;
const NO_TRANSACTION = uuid(0, 0).replace("4000-8", "0000-0");

/** A server without _Server; `picture` is its reply to monitor_cond_since. */
const withPicture = (picture: () => Answer) => (method: string) =>
  method === "get_schema" ? SCHEMA : method === "monitor_cond_since" ? picture() : UNKNOWN;
const since = (tables: object, found = false) =>
  `"result":${JSON.stringify([found, NO_TRANSACTION, tables])},"error":null`;
const datapath = (key: number) => ({ [uuid(1, key)]: { initial: { tunnel_key: key } } });

describe("what is no server of OVSDB, or breaks the protocol", () => {
  test("an HTTP server", async () => {
    const http = createHttpServer((_, response) => response.end());
    const path = directory.file("http");
    await new Promise<void>((resolve) => http.listen(path, resolve));
    try {
      await expect(follow(`unix:${path}`)).rejects.toMatchObject({
        code: "ERR_SB_PROTOCOL",
        message: `unix:${path}: an HTTP server answers, not OVSDB; give the address of an ovsdb-server`,
      });
    } finally {
      http.close();
    }
  });

  test.each([
    ["SSH-2.0-OpenSSH_9.2\r\n", /it sends "SSH-2.0-OpenSSH_9.2.x0d.x0a", which is no OVSDB/],
    ["\u0015\u0003\u0001\u0000\u0002\u0002\n", /the server speaks TLS; use ssl:/],
    ['{"id":0,"result":{,}}', /what it sends is broken at byte 18: a JSON member name should begin here/],
    ['{"id":0,"error":nul,"result":{}}', /what it sends is broken at byte 16: this is not valid JSON/],
    ['{"id":7,"error":null,"result":{}}', /a reply comes that nobody asked for, byte 0/],
    ['{"id":0,"error":null,"result":null}', /the reply to monitor_cond holds no tables, byte 0/],
    [
      '{"id":0,"error":{"error":"not allowed","details":"go\\u001b away"}}',
      /the server says not allowed: go.x1b away; see the log of ovsdb-server$/,
    ],
  ])("bytes like %j", async (bytes, message) => {
    const { remote } = await new FakeServer((socket) => {
      socket.once("data", () => socket.end(Buffer.from(bytes, "latin1")));
    }).start();
    await expect(follow(remote)).rejects.toMatchObject({
      code: "ERR_SB_PROTOCOL",
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ["string", '"result":"', "x"],
    [
      "row",
      `"result":[false,"${NO_TRANSACTION}",{"Port_Binding":{"${uuid(1, 1)}":{"initial":{"mac":["set",["`,
      '","',
    ],
    ["message of members that nobody needs", '"a":1', ',"a":1'],
    ["space", "", " "],
  ])("an endless %s stops at a limit", async (_, begin, more) => {
    const chunk = Buffer.from(more.repeat((1 << 18) / more.length));
    let sent = 0;
    const { remote } = await new FakeServer((socket) => {
      let asked = 0;
      const pour = () => {
        while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
      };
      socket.on("data", () => {
        if (asked === 0) socket.write(`{"id":0,${UNKNOWN}}`);
        else if (asked === 1) socket.write(`{"id":1,${SCHEMA}}`);
        else socket.on("drain", pour).write(`{"id":2,${begin}`, pour);
        asked++;
      });
    }).start();
    const before = process.memoryUsage.rss();
    let most = before;
    const timer = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss());
    }, 5);
    await expect(follow(remote)).rejects.toMatchObject({
      code: "ERR_SB_PROTOCOL",
      message: expect.stringContaining("a message is longer than 16777216 bytes"),
    });
    clearInterval(timer);
    expect(sent).toBeLessThan(40e6);
    expect(most - before).toBeLessThan(200e6);
  });

  test("a reply that breaks off, and one that stops", async () => {
    const broken = await new FakeServer((socket) => {
      socket.once("data", () => socket.end('{"id":0,"error":null,"result":{"Database":{"x'));
    }).start();
    await expect(follow(broken.remote)).rejects.toMatchObject({
      code: "ERR_SB_CONNECT",
      message: expect.stringContaining("the server closed the connection in the middle of a message;"),
    });
    const silent = await new FakeServer((socket) => socket.resume()).start();
    const reason = new Error("enough");
    const controller = new AbortController();
    setImmediate(() => controller.abort(reason));
    await expect(follow(silent.remote, { signal: controller.signal })).rejects.toBe(reason);
    await expect(follow(silent.remote, { replyTimeout: 60 })).rejects.toMatchObject({
      code: "ERR_SB_CONNECT",
      message: expect.stringContaining("it does not answer monitor_cond within 60 ms"),
    });
  });

  test("a message nested deeper than can be answered", async () => {
    const server = await pretend(withPicture(() => since({ Datapath_Binding: datapath(1) })));
    const { link } = await follow(server.remote);
    const params = "[".repeat(50_000) + "]".repeat(50_000);
    for (const socket of server.sockets) socket.write(`{"id":"x","method":"echo","params":[${params}]}`);
    await reached(link, "reconnecting");
    expect(link.lastError).toMatchObject({
      code: "ERR_SB_PROTOCOL",
      message: expect.stringContaining("JSON is nested too deep here"),
    });
  });

  test("a message that goes on for ever without getting anywhere", async () => {
    const server = await pretend(withPicture(() => since({ Datapath_Binding: datapath(1) })));
    const { link } = await follow(server.remote, { probeInterval: 40, replyTimeout: 400 });
    const heard = link.lastCurrent;
    const [socket] = server.sockets;
    socket.write('{"id":null,"method":"update3","params":["data","x",{"Datapath_Binding":{');
    const timer = setInterval(() => socket.write(" "), 10);
    await reached(link, "reconnecting");
    clearInterval(timer);
    expect(link.lastError?.message).toMatch(/it goes on with a message for 400 ms without getting anywhere$/);
    // Bytes alone make nothing current.
    expect(link.lastCurrent - heard).toBeLessThan(400);
  });

  test("nothing but space is silence", async () => {
    const server = await pretend((method) =>
      method === "echo" ? undefined : withPicture(() => since({}))(method),
    );
    const { link } = await follow(server.remote, { probeInterval: 40 });
    const timer = setInterval(() => {
      for (const socket of server.sockets) socket.write(" ");
    }, 10);
    await reached(link, "reconnecting");
    clearInterval(timer);
    expect(link.lastError?.message).toMatch(/it has been silent for/);
  });

  test("questions are no answer", async () => {
    const { remote } = await new FakeServer((socket) => {
      const timer = setInterval(() => socket.write('{"id":"x","method":"echo","params":[]}'), 10);
      socket.on("close", () => clearInterval(timer)).resume();
    }).start();
    await expect(follow(remote, { replyTimeout: 200 })).rejects.toMatchObject({
      message: expect.stringContaining("it does not answer monitor_cond within 200 ms"),
    });
  });

  test("rows that come slowly are waited for, longer than a reply may take to begin", async () => {
    const rows = Array.from({ length: 12 }, (_, index) => JSON.stringify(datapath(index + 1)).slice(1, -1));
    const { remote } = await new FakeServer((socket) => {
      socket.on("data", (data) => {
        const { id, method } = JSON.parse(data.toString());
        if (method === "get_schema") return socket.write(`{"id":${id},${SCHEMA}}`);
        if (method === "monitor_cond") return socket.write(`{"id":${id},${UNKNOWN}}`);
        socket.write(`{"id":${id},"error":null,"result":[false,"${NO_TRANSACTION}",{"Datapath_Binding":{`);
        let next = 0;
        const timer = setInterval(() => {
          socket.write(`${next === 0 ? "" : ","}${rows[next++]}`);
          if (next < rows.length) return;
          clearInterval(timer);
          socket.write("}}]}");
        }, 50);
      });
    }).start();
    const { inventory } = await follow(remote, { replyTimeout: 300 });
    expect(inventory.datapaths(NOW)).toHaveLength(12);
  });

  test("a mute member is left for the next", async () => {
    const mute = await new FakeServer((socket) => socket.resume()).start();
    const good = await pretend(withPicture(() => since({})));
    const options = { probeInterval: 40, connectTimeout: 100 };
    const { link } = await follow(`${mute.remote},${good.remote}`, options);
    expect(link.remote).toBe(good.remote);
    // One that answers, if only once, gets all the patience there is.
    const slow = await pretend((method) => (method === "get_schema" ? undefined : UNKNOWN));
    const wait = { ...options, replyTimeout: 300 };
    await expect(follow(`${slow.remote},${mute.remote}`, wait)).rejects.toMatchObject({
      message: expect.stringMatching(
        /it does not answer get_schema within 300 ms; .*it does not answer monitor_cond within 80 ms;/,
      ),
    });
  });

  test("what a server says of its databases is kept only as far as it counts", async () => {
    const long = "x".repeat(4 << 20);
    const row = (index: number) => (index % 2 === 0 ? { name: long } : { name: "n", schema: long });
    const { remote } = await new FakeServer((socket) => {
      socket.on("data", (data) => {
        const { id, method } = JSON.parse(data.toString());
        if (method === "get_schema") return socket.write(`{"id":${id},${SCHEMA}}`);
        if (method === "monitor_cond_since") return socket.write(`{"id":${id},${since({})}}`);
        if (method !== "monitor_cond") return socket.write(`{"id":${id},${UNKNOWN}}`);
        const initial = { name: "OVN_Southbound", model: "standalone", connected: true };
        socket.write(
          `{"id":${id},"error":null,"result":{"Database":${JSON.stringify({ [uuid(1, 0)]: { initial } }).slice(0, -1)}`,
        );
        for (let index = 1; index <= 20; index++)
          socket.write(`,"${uuid(1, index)}":{"initial":${JSON.stringify(row(index))}}`);
        socket.write("}}}");
      });
    }).start();
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    const { link } = await follow(remote);
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20e6);
    expect(link.state).toBe("connected");
  });

  test("rows that are none are passed over, with a warning", async () => {
    const tables = {
      Datapath_Binding: {
        ...datapath(1),
        [uuid(1, 2)]: { initial: 5 },
        [uuid(1, 3)]: {},
        [uuid(1, 4)]: "x",
        "no uuid": { initial: { tunnel_key: 9 } },
        [uuid(1, 6)]: { initial: { tunnel_key: "six" } },
      },
      Port_Binding: [[]],
      Chassis: 7,
      Wormhole: { [uuid(9, 1)]: { initial: {} } },
    };
    const { remote } = await pretend(withPicture(() => since(tables)));
    const { inventory } = await follow(remote);
    expect(inventory.datapaths(NOW).map(({ tunnelKey }) => tunnelKey)).toEqual([0, 1]);
    expect(inventory.warnings).toMatchObject([
      {
        code: "bad-value",
        count: 8,
        text: `Datapath_Binding ${uuid(1, 2)}: this is no change of a row; ignored`,
      },
    ]);
  });

  test("a receiver that fails is no matter of the server", async () => {
    const { remote } = await pretend(withPicture(() => since({ Datapath_Binding: datapath(1) })));
    const fault = new Error("full");
    const begin = () => ({
      apply() {
        throw fault;
      },
      finish() {},
    });
    await expect(followDatabase(remote, SOUTHBOUND, begin)).rejects.toBe(fault);
  });

  test("a server that asks and never reads the answers", async () => {
    const echo = JSON.stringify({ id: 1, method: "echo", params: ["x".repeat(100_000)] });
    const { remote } = await new FakeServer((socket) => {
      const pour = () => {
        while (!socket.destroyed && socket.write(echo));
      };
      socket.on("drain", pour).pause();
      pour();
    }).start();
    await expect(follow(remote)).rejects.toMatchObject({
      code: "ERR_SB_PROTOCOL",
      message: expect.stringContaining("sends requests without reading the answers"),
    });
  });
});

describe("a picture that breaks off", () => {
  const tables = (first: number, last: number) => ({
    Datapath_Binding: Object.assign(
      {},
      ...Array.from({ length: last - first }, (_, index) => datapath(first + index)),
    ),
  });

  test("is begun anew with the next member: nothing of the first remains", async () => {
    const whole = since(tables(1, 5000));
    const half = await new FakeServer((socket) => {
      socket.on("data", (data) => {
        const { id, method } = JSON.parse(data.toString());
        if (method === "get_schema") socket.write(`{"id":${id},${SCHEMA}}`);
        else if (method === "monitor_cond") socket.write(`{"id":${id},${UNKNOWN}}`);
        else socket.end(`{"id":${id},${whole.slice(0, whole.length / 2)}`);
      });
    }).start();
    const good = await pretend(
      withPicture(() => since(datapath ? { Datapath_Binding: datapath(7777) } : {})),
    );
    const { inventory, link } = await follow(`${half.remote},${good.remote}`);
    expect(link.remote).toBe(good.remote);
    expect(inventory.datapaths(NOW).map(({ tunnelKey }) => tunnelKey)).toEqual([7777]);
    expect(inventory.applied.length).toBe(1);
  });

  test("after a lost connection does not delete, and what it brought is swept by the next", async () => {
    const pictures = [tables(1, 10), tables(5, 5005), tables(5, 8)];
    const server = await new FakeServer((socket, number) => {
      socket.on("data", (data) => {
        const { id, method } = JSON.parse(data.toString());
        const picture = since(pictures[number]);
        if (method === "get_schema") socket.write(`{"id":${id},${SCHEMA}}`);
        else if (method === "monitor_cond") socket.write(`{"id":${id},${UNKNOWN}}`);
        else if (number === 1) socket.end(`{"id":${id},${picture.slice(0, picture.length / 2)}`);
        else socket.write(`{"id":${id},${picture}}`);
      });
    }).start();
    const { inventory, link } = await follow(server.remote);
    for (const socket of server.sockets) socket.destroy();
    await reached(link, "reconnecting");
    await reached(link, "connected");
    expect(server.connections).toBe(3);
    expect(
      inventory
        .datapaths(NOW)
        .map(({ tunnelKey }) => tunnelKey)
        .slice(0, 10),
    ).toEqual([5, 6, 7]);
    const { applied } = inventory;
    expect(applied[0]).toMatchObject({ timeless: true, rows: 9 });
    expect(applied.at(-1)).toMatchObject({ timeless: false, replaces: true, partial: false, rows: 3 });
    // The half picture ends as an ordinary transaction, by which nothing is deleted.
    expect(applied.at(-2)).toMatchObject({ replaces: false, partial: false, rows: 0 });
    expect(applied.at(-3)).toMatchObject({ replaces: true, partial: true, rows: 2000 });
  });

  test("an update that breaks off half applied is not continued with differences", async () => {
    const txn = uuid(5, 5);
    const asked: unknown[] = [];
    const server = await new FakeServer((socket, number) => {
      socket.on("data", (data) => {
        const { id, method, params } = JSON.parse(data.toString());
        if (method === "get_schema") return socket.write(`{"id":${id},${SCHEMA}}`);
        if (method === "monitor_cond") return socket.write(`{"id":${id},${UNKNOWN}}`);
        asked.push(params[3]);
        socket.write(`{"id":${id},"result":[false,"${txn}",${JSON.stringify(tables(1, 4))}],"error":null}`);
        if (number > 1) return;
        // The first update fits into one part and is lost whole, the second is not.
        const update = JSON.stringify({
          id: null,
          method: "update3",
          params: ["data", txn, tables(10, number === 0 ? 20 : 5000)],
        });
        socket.end(update.slice(0, -100));
      });
    }).start();
    const { inventory, link } = await follow(server.remote);
    const states: LinkState[] = [];
    await new Promise<void>((resolve) => {
      link.onState((state) => {
        states.push(state);
        if (asked.length === 3 && state === "connected") resolve();
      });
    });
    expect(states).toEqual(["reconnecting", "connected", "reconnecting", "connected"]);
    expect(asked).toEqual([NO_TRANSACTION, txn, NO_TRANSACTION]);
    expect(inventory.datapaths(NOW).map(({ tunnelKey }) => tunnelKey)).toEqual([1, 2, 3]);
  });
});

test("a member that is behind what was seen already is skipped", async () => {
  const indexes = [10, 9, 11];
  const server = await pretend((method, _params, connection) => {
    if (method === "get_schema") return SCHEMA;
    if (method === "monitor_cond_since") return since({});
    const cid = ["uuid", uuid(8, 8)];
    const initial = {
      name: "OVN_Southbound",
      model: "clustered",
      connected: true,
      cid,
      index: indexes[connection],
    };
    return `"result":${JSON.stringify({ Database: { [uuid(9, 9)]: { initial } } })},"error":null`;
  });
  const { link } = await follow(server.remote);
  for (const socket of server.sockets) socket.destroy();
  await reached(link, "reconnecting");
  await vi.waitFor(() =>
    expect(link.lastError?.message).toContain("behind the other members of its cluster"),
  );
  await reached(link, "connected");
  expect(server.connections).toBe(3);
});

describe("a cluster that is demanded by cid:", () => {
  const cid = "a1aa09e7-4f05-49db-b562-76112db86ab3";
  const says = (rows: object | null) => (method: string) => {
    if (rows === null || method !== "monitor_cond") return withPicture(() => since({}))(method);
    return `"result":${JSON.stringify({ Database: rows })},"error":null`;
  };
  const row = (more: object) => ({
    [uuid(9, 9)]: { initial: { name: "OVN_Southbound", model: "standalone", connected: true, ...more } },
  });

  test.each([
    ["a standalone server", row({}), "ERR_SB_DATABASE", "the server belongs to no cluster"],
    ["one that knows no _Server", null, "ERR_SB_DATABASE", "the server belongs to no cluster"],
    ["one that has said nothing yet", {}, "ERR_SB_CLUSTER", "not saying yet which cluster it belongs to"],
    [
      "a member of another",
      row({ model: "clustered", cid: ["uuid", uuid(8, 8)] }),
      "ERR_SB_DATABASE",
      `the server belongs to cluster ${uuid(8, 8)}; check cid: and the addresses`,
    ],
  ])("%s is refused", async (_, rows, code, message) => {
    const { remote } = await pretend(says(rows));
    await follow(remote);
    await expect(follow(`cid:${cid},${remote}`, { connectTimeout: 10 })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test("its members are not", async () => {
    const { remote } = await pretend(says(row({ model: "clustered", cid: ["uuid", cid.toUpperCase()] })));
    expect((await follow(`cid:${cid},${remote}`)).link.state).toBe("connected");
  });
});

describe("a link that is closed at a bad moment", () => {
  test.each([0, 1, 2, 3, 4, 5, 6])("%i steps after the picture stays closed", async (steps) => {
    const { remote } = await pretend(withPicture(() => since({})));
    const controller = new AbortController();
    const abort = async () => {
      for (let step = 0; step < steps; step++) await null;
      controller.abort();
    };
    const begin = () => ({ apply() {}, finish: () => void abort() });
    const outcome = await followDatabase(remote, SOUTHBOUND, begin, { signal: controller.signal }).then(
      ({ link }) => link,
      () => null,
    );
    expect(controller.signal.aborted).toBe(true);
    if (outcome !== null) expect(outcome.state).toBe("closed");
  });

  test("between the connection and its use is not forgotten", async () => {
    const server = await new FakeServer((socket) => socket.resume()).start();
    const controller = new AbortController();
    const reason = new Error("enough");
    const emit = Socket.prototype.emit;
    const spy = vi.spyOn(Socket.prototype, "emit").mockImplementation(function (
      this: Socket,
      event,
      ...args
    ) {
      const result = emit.call(this, event, ...args);
      if ((event as string) === "connect") controller.abort(reason);
      return result;
    });
    try {
      await expect(follow(server.remote, { signal: controller.signal })).rejects.toBe(reason);
    } finally {
      spy.mockRestore();
    }
    await vi.waitFor(() => expect([server.connections, server.sockets.size]).toEqual([1, 0]));
  });
});

describeOvsdb("a server that goes away", () => {
  const servers: OvsdbServer[] = [];
  const startServer = async () => {
    const server = new OvsdbServer();
    servers.push(server);
    await server.start();
    return server;
  };
  const change = (server: OvsdbServer, random: RandomTransactions, count: number) => {
    for (let done = 0; done < count; ) if (server.transact(random.next(server.dump())) === null) done++;
  };
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  test("and comes back has its rows replaced; what did not change has no new version", async () => {
    const server = await startServer();
    const random = new RandomTransactions(31);
    change(server, random, 20);
    const insert = { op: "insert", table: "Datapath_Binding", row: { tunnel_key: 4242 } };
    expect(server.transact([insert])).toBe(null);
    const { inventory, link } = await follow(server.remote);
    const generation = inventory.generation;
    const before = inventory.picture;

    await server.kill();
    await reached(link, "reconnecting");
    expect(link.lastError).toMatchObject({ code: "ERR_SB_CONNECT" });
    expect(link.lastError?.message).toMatch(
      /the server closed the connection|no such socket|connection refused/,
    );
    const heard = link.lastCurrent;
    expect(heard).toBeGreaterThan(Date.now() - 60_000);
    expect(inventory.picture).toEqual(before);
    await server.start();
    await reached(link, "connected");
    expect(link.lastError).toBe(null);
    expect(link.lastCurrent).toBeGreaterThanOrEqual(heard);
    expect(inventory.applied.at(-1)).toMatchObject({ replaces: true, partial: false, timeless: false });
    expect(inventory.generation).toBe(generation);

    await server.kill();
    await reached(link, "reconnecting");
    // Behind its back.
    await server.start();
    const gone = Date.now();
    await reached(link, "connected");
    expect(
      server.transact([{ op: "delete", table: "Datapath_Binding", where: [["tunnel_key", "==", 4242]] }]),
    ).toBe(null);
    await inventory.expectDump(server.dump());
    expect(inventory.datapath(4242, NOW)).toBe(null);
    expect(inventory.datapath(4242, gone - 1)).toMatchObject({ tunnelKey: 4242 });
    change(server, random, 3);
    await inventory.expectDump(server.dump());
  });

  test("while it is away rows are deleted: they vanish", async () => {
    const server = await startServer();
    const random = new RandomTransactions(32);
    change(server, random, 15);
    const insert = { op: "insert", table: "Datapath_Binding", row: { tunnel_key: 4242 } };
    expect(server.transact([insert])).toBe(null);
    const front = await proxy(server.directory.file("s"), {});
    const { inventory, link } = await follow(front.remote, { backoff: 20 });
    // The network between is cut; the server lives on.
    server.signal("SIGSTOP");
    for (const socket of front.sockets) socket.destroy();
    await reached(link, "reconnecting");
    const lost = Date.now();
    server.signal("SIGCONT");
    expect(
      server.transact([{ op: "delete", table: "Datapath_Binding", where: [["tunnel_key", "==", 4242]] }]),
    ).toBe(null);
    change(server, random, 5);
    await reached(link, "connected");
    await inventory.expectDump(server.dump());
    expect(inventory.datapath(4242, NOW)).toBe(null);
    expect(inventory.datapath(4242, lost)).toMatchObject({ tunnelKey: 4242 });
  });

  test("that is stopped is given up, and taken again when it goes on", async () => {
    const server = await startServer();
    const { inventory, link } = await follow(server.remote, { probeInterval: 100, replyTimeout: 200 });
    // Silence alone is no loss: the server answers when it is asked.
    const heard = link.lastCurrent;
    await vi.waitFor(() => expect(link.lastCurrent).toBeGreaterThan(heard + 300), { timeout: 5000 });
    expect(link.state).toBe("connected");
    expect(inventory.applied.length).toBe(1);
    server.signal("SIGSTOP");
    await reached(link, "reconnecting");
    expect(link.lastError?.message).toMatch(/it has been silent for \d+\.\d s$/);
    server.signal("SIGCONT");
    await reached(link, "connected");
    change(server, new RandomTransactions(33), 3);
    await inventory.expectDump(server.dump());
  });

  test("is what the dump says while servers are killed and started between transactions", async () => {
    const server = await startServer();
    const random = new RandomTransactions(34);
    const { inventory, link } = await follow(server.remote, { backoff: 20 });
    for (let round = 0; round < 4; round++) {
      change(server, random, 4);
      await server.kill();
      await reached(link, "reconnecting");
      await server.start();
      change(server, random, 2);
      await inventory.expectDump(server.dump());
    }
    expect(inventory.picture).toEqual(pictureOfDump(server.dump()));
  });
});
