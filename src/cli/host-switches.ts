import { openKnownNames } from "../southbound/open-names.js";
import type { VSwitch } from "../southbound/vswitch.js";
import { type Naming, tlsFiles } from "./names.js";
import type { PacketOptions } from "./options.js";

/** How long the local database is waited for, in milliseconds: nobody has asked for it. */
const LOCAL_MS = 5000;

/** The Open_vSwitch databases that tell of this host's devices: those of `--ovs`, else the local one. */
export class HostSwitches {
  readonly sources: readonly string[];
  /** Whether they were named by flag: then they must work. */
  readonly isNamed: boolean;
  readonly #options: PacketOptions;
  #all: Promise<readonly VSwitch[]> | null;

  /** `known`: those of `--ovs` are open where there are names. */
  constructor({ known }: Naming, options: PacketOptions) {
    this.isNamed = options.ovs !== undefined;
    this.sources = options.ovs ?? [`unix:${process.env.OVS_RUNDIR || "/var/run/openvswitch"}/db.sock`];
    this.#options = options;
    this.#all = this.isNamed && known !== null ? Promise.resolve(known.vswitches) : null;
  }

  /** All of them, opened when they are first asked for. Throws where one cannot be used. */
  all(): Promise<readonly VSwitch[]> {
    const options = this.isNamed ? tlsFiles(this.#options) : { replyTimeout: LOCAL_MS };
    this.#all ??= openKnownNames({ vswitches: this.sources }, options).then(({ vswitches }) => vswitches);
    return this.#all;
  }
}
