/** genevescope/southbound: what the keys in a packet mean. */
export {};
