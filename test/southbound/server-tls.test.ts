import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openSouthbound } from "../../src/southbound/index.js";
import type { TlsFiles } from "../../src/southbound/ovsdb/tls.js";
import { findCommand, peer } from "../setup/peer.js";
import { OvsdbServer, SB_SCHEMA, TempDirectory } from "./ovsdb.js";
import { picture, pictureOfDump } from "./picture.js";
import { RandomTransactions } from "./random-transactions.js";
import { closeAll, follow, NOW } from "./server.js";

const describeTls = peer("ovsdb-server with openssl", [
  "ovsdb-server",
  "ovsdb-tool",
  "ovsdb-client",
  "openssl",
  SB_SCHEMA,
]);
const directory = new TempDirectory();
const openssl = (line: string) =>
  execFileSync(findCommand("openssl") ?? "", line.split(" "), { stdio: "ignore", cwd: directory.path });
const NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/** A CA of its own. */
function makeCa(name: string): string {
  openssl(`req -x509 ${NEW_KEY} -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.pem`);
  return directory.file(`${name}.pem`);
}

/** A key and a certificate signed by that CA, which names no host: as ovs-pki makes them. */
function makePair(name: string, ca: string, days = 2): { privateKey: string; certificate: string } {
  openssl(`req ${NEW_KEY} -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`);
  const signing = `-CA ${ca}.pem -CAkey ${ca}.key -CAcreateserial -days ${days}`;
  openssl(`x509 -req -in ${name}.csr ${signing} -out ${name}.crt`);
  return { privateKey: directory.file(`${name}.key`), certificate: directory.file(`${name}.crt`) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

describeTls("a server with certificates", () => {
  const server = new OvsdbServer();
  let remote = "";
  let files: { privateKey: string; certificate: string; caCert: string };
  let port = 0;

  beforeAll(async () => {
    const ca = makeCa("ca");
    const own = makePair("server", "ca");
    files = { ...makePair("client", "ca"), caCert: ca };
    makeCa("other");
    port = await freePort();
    remote = `ssl:127.0.0.1:${port}`;
    await server.start([
      `--private-key=${own.privateKey}`,
      `--certificate=${own.certificate}`,
      `--ca-cert=${ca}`,
      `--remote=pssl:${port}:127.0.0.1`,
    ]);
  });
  afterEach(closeAll);
  afterAll(async () => {
    await server.stop();
    directory.dispose();
  });

  test("says what its dump says, though its certificate names no host", async () => {
    const random = new RandomTransactions(41);
    for (let done = 0; done < 15; ) if (server.transact(random.next(server.dump())) === null) done++;
    const inventory = await openSouthbound(remote, files);
    expect(picture(inventory, NOW)).toEqual(pictureOfDump(server.dump()));
    const followed = await follow(`ssl:localhost:${port}`, files);
    for (let done = 0; done < 3; ) if (server.transact(random.next(server.dump())) === null) done++;
    await followed.inventory.expectDump(server.dump());
  });

  test("is not verified with -C none", async () => {
    const inventory = await openSouthbound(remote, { ...files, caCert: "none" });
    expect(picture(inventory, NOW)).toEqual(pictureOfDump(server.dump()));
  });

  const refused = async (options: TlsFiles, message: RegExp, at = remote) =>
    expect(openSouthbound(at, options)).rejects.toMatchObject({
      code: "ERR_SB_TLS",
      source: at,
      message: expect.stringMatching(message),
    });

  test("signed by another CA is refused", async () => {
    await refused(
      { ...files, caCert: directory.file("other.pem") },
      /the server's certificate is not signed by .*other\.pem \(\w+\); give the certificate of its CA$/,
    );
  });

  test("refuses a certificate of another CA", async () => {
    const pair = makePair("stranger", "other");
    await refused(
      { ...files, ...pair },
      /the server refuses certificate .*stranger\.crt \(.*\); give one signed by the CA that the server trusts/,
    );
  });

  test.each([
    [
      {},
      "ssl: needs a private key, a certificate and a CA certificate (--private-key, --certificate and --ca-cert " +
        "of the OVS tools); missing: private key, certificate, CA certificate (none: any server is trusted)",
    ],
    [{ privateKey: "k", certificate: "c" }, "; missing: CA certificate (none: any server is trusted)"],
    [
      { privateKey: "/nowhere/k", certificate: "c", caCert: "none" },
      "private key /nowhere/k cannot be read: there is no such file",
    ],
    [
      { privateKey: SB_SCHEMA, certificate: "c", caCert: "none" },
      `private key ${SB_SCHEMA} is not in PEM format`,
    ],
  ])("needs files: with %j", async (options, message) => {
    await expect(openSouthbound(remote, options)).rejects.toMatchObject({
      code: "ERR_SB_TLS",
      message: expect.stringContaining(message),
    });
  });

  test("needs a key and a certificate that belong together", async () => {
    const { privateKey } = makePair("second", "ca");
    await refused(
      { ...files, privateKey },
      /private key .*second\.key does not belong to certificate .*client\.crt/,
    );
    await refused({ ...files, certificate: files.privateKey }, /cannot be used/);
  });

  test("needs a key without a passphrase", async () => {
    openssl("ec -in client.key -aes128 -passout pass:x -out old.key");
    openssl("pkcs8 -topk8 -in client.key -passout pass:x -out new.key");
    for (const name of ["old.key", "new.key"])
      await refused(
        { ...files, privateKey: directory.file(name) },
        new RegExp(`private key .*${name} is encrypted; give one without a passphrase$`),
      );
  });

  test("has a certificate that is not for a server, or weak", async () => {
    openssl(`req ${NEW_KEY} -subj /CN=unfit -keyout unfit.key -out unfit.csr`);
    directory.file("client-only", "extendedKeyUsage=clientAuth\n");
    const signing = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2";
    for (const [option, words] of [
      ["-extfile client-only", "un(suitable|supported) .*purpose"],
      ["-sha1", "CA signature digest algorithm too weak"],
    ]) {
      openssl(`x509 -req -in unfit.csr ${signing} -out unfit.crt ${option}`);
      const key = readFileSync(directory.file("unfit.key"));
      const tls = createTlsServer({
        key,
        cert: readFileSync(directory.file("unfit.crt")),
        minVersion: "TLSv1.2",
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      tls.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
      await once(tls, "listening");
      try {
        const at = `ssl:127.0.0.1:${(tls.address() as { port: number }).port}`;
        const message = `the server's certificate, or that of its CA, is not fit for a server \\(${words}\\); make it anew`;
        await refused(files, new RegExp(message), at);
      } finally {
        tls.close();
      }
    }
  });

  test("is asked in plain, and a plain one for TLS", async () => {
    await expect(openSouthbound(`tcp:127.0.0.1:${port}`)).rejects.toMatchObject({
      code: "ERR_SB_CONNECT",
      message: expect.stringContaining("; is it an ovsdb-server, and does it want ssl: there?"),
    });
    const plain = createServer((socket) => socket.once("data", () => socket.end('{"error":1}'))).listen(
      0,
      "127.0.0.1",
    );
    await once(plain, "listening");
    try {
      const at = `ssl:127.0.0.1:${(plain.address() as { port: number }).port}`;
      await refused(files, /the server speaks no TLS on this port; use tcp:/, at);
    } finally {
      plain.close();
    }
  });

  test("that never shakes hands", async () => {
    const mute = createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    await once(mute, "listening");
    try {
      const at = `ssl:127.0.0.1:${(mute.address() as { port: number }).port}`;
      await expect(openSouthbound(`${at},${at}`, { ...files, connectTimeout: 60 })).rejects.toMatchObject({
        code: "ERR_SB_CONNECT",
        message: expect.stringContaining(
          `${at}: no connection within 30 ms; ${at}: no connection within 30 ms;`,
        ),
      });
    } finally {
      mute.close();
    }
  });

  test("that has lost its certificate's time", async () => {
    const old = new OvsdbServer();
    try {
      const pair = makePair("expired", "ca", -1);
      const oldPort = await freePort();
      await old.start([
        `--private-key=${pair.privateKey}`,
        `--certificate=${pair.certificate}`,
        `--ca-cert=${files.caCert}`,
        `--remote=pssl:${oldPort}:127.0.0.1`,
      ]);
      await refused(
        files,
        /the server's certificate has expired or is not valid yet/,
        `ssl:127.0.0.1:${oldPort}`,
      );
    } finally {
      await old.stop();
    }
  });
});
