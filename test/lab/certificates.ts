/* Keys and certificates as ovs-pki makes them: signed by one CA, naming no host. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { findCommand } from "../setup/peer.js";

/** The files of one side, in PEM. */
export interface Pair {
  readonly privateKey: string;
  readonly certificate: string;
}

/** A CA in a directory. */
export class Authority {
  readonly directory: string;
  readonly certificate: string;

  constructor(directory: string) {
    this.directory = directory;
    this.certificate = join(directory, "ca.pem");
    this.#openssl("req", "-x509", ...this.#request("ca"), "-days", "2", "-out", "ca.pem");
  }

  issue(name: string): Pair {
    this.#openssl("req", ...this.#request(name), "-out", `${name}.csr`);
    const sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    this.#openssl("x509", "-req", "-in", `${name}.csr`, ...sign, "-out", `${name}.crt`);
    return {
      privateKey: join(this.directory, `${name}.key`),
      certificate: join(this.directory, `${name}.crt`),
    };
  }

  /** A new key and a name. */
  #request(name: string): string[] {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
    return [...key, "-subj", `/CN=${name}`];
  }

  #openssl(...args: string[]): void {
    execFileSync(findCommand("openssl") ?? "openssl", args, { stdio: "ignore", cwd: this.directory });
  }
}
