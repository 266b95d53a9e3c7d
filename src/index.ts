/** genevescope: the public API. */
export * from "./wire/index.js";
