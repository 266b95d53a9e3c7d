/*
 * Keys and certificates as the OVS tools take them (ovn-sbctl(8), "PKI Options"; ovs-pki(8)).
 */

import { open } from "node:fs/promises";
import type { ConnectionOptions } from "node:tls";
import { fileReason } from "../../file-reason.js";
import { shown } from "../../text.js";
import { LinkError } from "./error.js";

/**
 * Files for `ssl:` servers, in PEM. The OVS tools insist on all three, and so do we. As with them, the
 * server's certificate must be signed by the CA, but need not name the host: OVS certificates name no hosts.
 */
export interface TlsFiles {
  /** `-p`, `--private-key`; not encrypted. */
  readonly privateKey?: string | undefined;
  /** `-c`, `--certificate`: of the private key, signed by a CA that the server trusts. */
  readonly certificate?: string | undefined;
  /** `-C`, `--ca-cert`: the CA that signed the server's certificate; `none`: whoever answers is trusted. */
  readonly caCert?: string | undefined;
}

const NAMES = [
  ["privateKey", "private key"],
  ["certificate", "certificate"],
  ["caCert", "CA certificate (none: any server is trusted)"],
] as const;

/** Certificates with long chains have kilobytes. */
const LARGEST_FILE = 1 << 20;
/** Of a key that needs a passphrase: RFC 5958 (PKCS #8), RFC 1421. */
const ENCRYPTED = /^(-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED)/m;

/** What `tls.connect` needs. Throws a {@link LinkError} (`ERR_SB_TLS`). */
export async function loadTls(files: TlsFiles): Promise<ConnectionOptions> {
  const { privateKey, certificate, caCert } = files;
  if (privateKey === undefined || certificate === undefined || caCert === undefined) {
    const missing = NAMES.filter(([option]) => files[option] === undefined).map(([, name]) => name);
    throw new LinkError(
      "ERR_SB_TLS",
      "ssl: needs a private key, a certificate and a CA certificate (--private-key, --certificate and " +
        `--ca-cert of the OVS tools); missing: ${missing.join(", ")}`,
    );
  }
  const verify = caCert !== "none";
  const key = await readPem(privateKey, "private key");
  if (ENCRYPTED.test(key.toString("latin1")))
    throw new LinkError(
      "ERR_SB_TLS",
      `private key ${shown(privateKey, 100)} is encrypted; give one without a passphrase`,
    );
  const options: ConnectionOptions = {
    key,
    cert: await readPem(certificate, "certificate"),
    rejectUnauthorized: verify,
    checkServerIdentity: () => undefined,
  };
  if (verify) options.ca = await readPem(caCert, "CA certificate");
  const { createSecureContext } = await import("node:tls");
  try {
    return { ...options, secureContext: createSecureContext(options) };
  } catch (cause) {
    throw new LinkError("ERR_SB_TLS", contextReason(cause, files), "", cause);
  }
}

async function readPem(path: string, what: string): Promise<Buffer> {
  const name = `${what} ${shown(path, 100)}`;
  let content: Buffer;
  try {
    const file = await open(path);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(LARGEST_FILE), 0, LARGEST_FILE, 0);
      content = buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const reason = fileReason(cause, { ENOENT: "there is no such file" });
    throw new LinkError("ERR_SB_TLS", `${name} cannot be read: ${reason}`, "", cause);
  }
  if (!content.includes("-----BEGIN "))
    throw new LinkError("ERR_SB_TLS", `${name} is not in PEM format; ovs-pki makes such files`);
  return content;
}

function contextReason(cause: unknown, { privateKey, certificate }: TlsFiles): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  const key = shown(privateKey ?? "", 100);
  const cert = shown(certificate ?? "", 100);
  if (code === "ERR_OSSL_X509_KEY_VALUES_MISMATCH")
    return `private key ${key} does not belong to certificate ${cert}; give a pair made together`;
  return `private key ${key}, certificate ${cert} or CA certificate cannot be used: ${shown(message, 100)}`;
}

/** Our certificate, or the handshake as such, was refused by the server. */
const ALERT = /ALERT|HANDSHAKE_FAILURE/;
/** The server's certificate was refused by us: OpenSSL's verification errors, as node names them. */
const UNTRUSTED = /ISSUER|SIGNATURE|CRL|SELF_SIGNED|CERT_(UNTRUSTED|REJECTED|REVOKED)/;
/** It may be signed as it should be, but is not made for a server, or not well; weak ones are "unspecified". */
const UNFIT = /^(INVALID_PURPOSE|INVALID_CA|PATH_LENGTH_EXCEEDED|CERT_CHAIN_TOO_LONG|UNSPECIFIED)$|CERT|KEY/;

/** What a failure on an `ssl:` connection means, or null where it has nothing to do with TLS. */
export function tlsReason(error: NodeJS.ErrnoException, files: TlsFiles): LinkError | null {
  const code = error.code ?? "";
  const fail = (reason: string) => new LinkError("ERR_SB_TLS", reason, "", error);
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return fail("the server speaks no TLS on this port; use tcp: or give the port of ssl:");
  if (code === "ERR_SSL_UNSUPPORTED_PROTOCOL" || /ALERT_PROTOCOL_VERSION/.test(code))
    return fail("the server has no version of TLS from 1.2 on; upgrade it, or use tcp: or unix:");
  if (ALERT.test(code)) return refusedByServer(files, code, error);
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID")
    return fail("the server's certificate has expired or is not valid yet; renew it, or check the clock");
  if (!code.startsWith("ERR_") && UNTRUSTED.test(code))
    return fail(
      `the server's certificate is not signed by ${shown(files.caCert ?? "", 100)} (${shown(code)}); ` +
        "give the certificate of its CA",
    );
  if (!code.startsWith("ERR_") && UNFIT.test(code))
    return fail(
      `the server's certificate, or that of its CA, is not fit for a server (${shown(error.message, 100)}); ` +
        "make it anew, with ovs-pki for example",
    );
  return code.startsWith("ERR_SSL") ? fail(`TLS fails: ${shown(error.message, 100)}`) : null;
}

/** The server does not want us. OVS closes the connection, with an alert that may be lost on the way. */
export function refusedByServer(files: TlsFiles, detail: string, cause?: unknown): LinkError {
  return new LinkError(
    "ERR_SB_TLS",
    `the server refuses certificate ${shown(files.certificate ?? "", 100)} (${shown(detail)}); ` +
      "give one signed by the CA that the server trusts, with its key",
    "",
    cause,
  );
}
