/* For the tests, which are type-checked. */
import type { Input } from "../generate.js";
import type { Tools } from "./tools.js";

export interface Program {
  name: string;
  /** Throws where what the program finds is not the truth. */
  prove(): void;
}

export class Programs {
  constructor(tools: Tools, scratch: string);
  ours(input: Input): Program[];
  cReader(input: Input): Program;
  tcpdumpWrite(input: Input): Program;
  decodeText(name: string, input: Input): Program;
  decodeJson(name: string, input: Input, head: Input): Program;
}
