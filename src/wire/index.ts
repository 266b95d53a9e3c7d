/** genevescope/wire: headers as typed views over the caller's bytes, and their writers. */
export * from "./error.js";
export * from "./reason.js";
export * from "./udp.js";
