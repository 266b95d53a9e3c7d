/* The terminal as a full screen, and as it was again afterwards. */
import { Transform } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import terminalKit from "terminal-kit";
import type { Size } from "../output/top-page.js";
import { holdErrors } from "./stderr.js";
import { isTerminal } from "./terminal.js";

/** Where the terminal does not say how large it is. */
const USUAL: Size = { width: 80, height: 24 };
/** Whether the terminal goes on in the next line where one is full: a name may be wider than it is known to be. */
const NO_WRAP = "\u001b[?7l";
const WRAP = "\u001b[?7h";

/** Who wants to know what happens at the terminal. */
export interface ScreenUser {
  /** A key, by terminal-kit's name; `isCharacter`: it is the character typed. */
  key(name: string, isCharacter: boolean): void;
  resized(): void;
  /** There is no terminal any more. */
  lost(): void;
}

/**
 * Takes the terminal until `close`, which happens at the end of the process, too, whatever it dies of but SIGKILL. What
 * is said on standard error meanwhile comes afterwards.
 */
export class Screen {
  readonly #user: ScreenUser;
  readonly #typed = wholeCharacters();
  readonly #terminal;
  /** What the lines are on the screen. */
  #shown: string[] = [];
  #isOpen = true;
  readonly #lost = (): void => this.#user.lost();
  readonly #exit = (): void => this.close();

  constructor(user: ScreenUser) {
    this.#user = user;
    const { stdin, stdout } = process;
    const terminal = terminalKit.createTerminal({
      stdin: this.#typed,
      stdout,
      generic: process.env.TERM ?? "xterm",
      // What kind of terminal it is beyond that is not asked.
      appId: "",
      appName: "",
    });
    this.#terminal = terminal;
    process.on("exit", this.#exit);
    process.on("SIGHUP", this.#lost);
    for (const stream of [stdin, stdout]) stream.on("error", this.#lost);
    holdErrors(isTerminal(2));
    terminal.fullscreen(true);
    terminal.hideCursor();
    stdout.write(NO_WRAP);
    terminal.grabInput({});
    stdin.pipe(this.#typed);
    terminal.on("key", (name: string, _matches: string[], { isCharacter }: { isCharacter?: boolean }) =>
      user.key(name, isCharacter === true),
    );
    terminal.on("resize", () => {
      this.#shown = [];
      terminal.clear();
      user.resized();
    });
  }

  get size(): Size {
    const { width, height } = this.#terminal;
    return width > 0 && height > 0 ? { width, height } : USUAL;
  }

  /** Shows these lines, the first at the top. */
  show(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const { str } = this.#terminal;
    let changes = "";
    for (const [y, text] of lines.entries())
      if (text !== this.#shown[y]) changes += `${str.moveTo(1, y + 1)}${text}${str.eraseLineAfter()}`;
    this.#shown = [...lines];
    if (changes !== "") process.stdout.write(changes);
  }

  /** Gives the terminal back. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { stdin, stdout } = process;
    process.removeListener("exit", this.#exit);
    process.removeListener("SIGHUP", this.#lost);
    stdin.unpipe(this.#typed);
    stdin.pause();
    stdout.write(WRAP);
    this.#terminal.hideCursor(false);
    this.#terminal.fullscreen(false);
    this.#terminal.grabInput(false);
    // There is nothing left to do for it at the end of the process.
    void this.#terminal.asyncCleanup();
    holdErrors(false);
  }
}

/** Standard input for terminal-kit, which looks for ever at a byte that is no UTF-8. */
function wholeCharacters(): Transform {
  const decoder = new StringDecoder("utf8");
  const stream = new Transform({
    transform(bytes: Buffer, _encoding, done) {
      const text = decoder.write(bytes);
      done(null, text === "" ? undefined : Buffer.from(text));
    },
  });
  return Object.assign(stream, { setRawMode: (isRaw: boolean) => process.stdin.setRawMode(isRaw) });
}
