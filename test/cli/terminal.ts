/* A program on a terminal: what is typed, and what is to be seen. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { StringDecoder } from "node:string_decoder";
import xterm from "@xterm/headless";
import { eventually } from "../southbound/cluster.js";

const PTY = join(import.meta.dirname, "terminal.py");

/** How a program left its terminal. */
export interface Left {
  /** Its status, or the number of the signal that killed it, negative. */
  readonly status: number;
  /** Whether the terminal shows what is typed, and gives it line by line: as it did before. */
  readonly echo: boolean;
  readonly lines: boolean;
}

export class Terminal {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #terminal: xterm.Terminal;
  readonly #closed: Promise<unknown>;
  readonly #decoder = new StringDecoder("utf8");
  #left: Left | null = null;
  /** All that was written. */
  written = "";

  /** `start` begins a command; `command` is run on a terminal of this size. */
  constructor(
    start: (...command: string[]) => ChildProcessWithoutNullStreams,
    command: readonly string[],
    columns = 80,
    rows = 24,
  ) {
    this.#terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    this.#child = start("python3", PTY, `${columns}`, `${rows}`, ...command);
    this.#closed = once(this.#child, "close");
    createInterface({ input: this.#child.stdout }).on("line", (text) => {
      const { data, status, ...left } = JSON.parse(text);
      if (data === undefined) {
        const signal = status & 0x7f;
        this.#left = { status: signal === 0 ? status >> 8 : -signal, ...left };
        return;
      }
      const bytes = Buffer.from(data, "base64");
      this.written += this.#decoder.write(bytes);
      this.#terminal.write(bytes);
    });
  }

  type(text: string | Uint8Array): void {
    this.#tell({ type: Buffer.from(text).toString("base64") });
  }

  signal(name: NodeJS.Signals): void {
    this.#tell({ signal: constants.signals[name] });
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    this.#tell({ resize: [columns, rows] });
  }

  #tell(order: object): void {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  /** The lines on the screen. */
  get screen(): string[] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, y) =>
      (active.getLine(active.baseY + y)?.translateToString(true) ?? "").trimEnd(),
    );
  }

  /** Whether it is the screen that is gone when the program ends. */
  get isAlternate(): boolean {
    return this.#terminal.buffer.active.type === "alternate";
  }

  /** Whether long lines go on in the next one, as they do unless told otherwise. */
  get wraps(): boolean {
    return this.#terminal.modes.wraparoundMode;
  }

  /** Waits until the screen is as wanted; the lines it has then. */
  async until(what: string, isSo: (screen: string[]) => boolean): Promise<string[]> {
    let screen: string[] = [];
    await eventually(`${what}; the screen`, () => {
      screen = this.screen;
      return isSo(screen);
    }).catch((error) => {
      throw new Error(`${(error as Error).message}:\n${screen.join("\n")}`);
    });
    return screen;
  }

  /** Waits for the program's end. */
  async left(): Promise<Left> {
    await this.#closed;
    // What it wrote last may not be on the screen yet.
    await new Promise<void>((resolve) => this.#terminal.write("", resolve));
    if (this.#left === null) throw new Error("the terminal said nothing of the program's end");
    return this.#left;
  }
}
