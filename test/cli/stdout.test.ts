/* Standard output under every answer that the system can give. */
import { beforeEach, describe, expect, test, vi } from "vitest";

/** What the system takes of each write: so many bytes, or an error by its code. */
const answers: (number | string)[] = [];
let taken = "";

vi.mock("node:fs", async (original) => ({
  ...(await original<typeof import("node:fs")>()),
  writeSync: (_fd: number, bytes: Buffer, start: number, length: number): number => {
    const answer = answers.shift() ?? length;
    if (typeof answer === "string") throw Object.assign(new Error(answer), { code: answer });
    const count = Math.min(answer, length);
    taken += bytes.toString("utf8", start, start + count);
    return count;
  },
}));

const { print, Stdout } = await import("../../src/cli/stdout.js");

beforeEach(() => {
  answers.length = 0;
  taken = "";
});

describe("standard output", () => {
  test("takes what is left after a write in part, and waits where there is no room", async () => {
    answers.push(1, "EAGAIN", 2, "EAGAIN", "EAGAIN");
    const stdout = new Stdout();
    stdout.write("one line, ü\n");
    await stdout.flush();
    expect(taken).toBe("one line, ü\n");
    await stdout.flush();
    expect(taken).toBe("one line, ü\n");
  });

  test("writes nothing twice where two ask for it at once", async () => {
    answers.push(3, "EAGAIN", 2, "EAGAIN");
    const stdout = new Stdout();
    stdout.write("once and in order\n");
    await Promise.all([stdout.flush(), stdout.flush()]);
    expect(taken).toBe("once and in order\n");
  });

  test("drops what comes when nobody reads any more", async () => {
    answers.push(4, "EPIPE");
    const stdout = new Stdout();
    stdout.write("half of it\n");
    await stdout.flush();
    stdout.write("more\n");
    await stdout.flush();
    expect(stdout.closed).toBe(true);
    expect(taken).toBe("half");
  });

  test("says what else is wrong, once", async () => {
    answers.push("ENOSPC");
    const stdout = new Stdout();
    stdout.write("lost\n");
    await expect(stdout.flush()).rejects.toThrow("standard output: ENOSPC");
    await stdout.flush();
    expect(taken).toBe("");
  });

  test("prints pieces of any size, as often as they fill it", async () => {
    const pieces = ["a", "b".repeat(200_000), "ü".repeat(50_000), "\n"];
    await print(pieces);
    expect(taken).toBe(pieces.join(""));
    answers.push("EPIPE");
    taken = "";
    let asked = 0;
    await print(
      (function* () {
        for (; asked < 100; asked++) yield "x".repeat(100_000);
      })(),
    );
    expect([taken, asked < 3]).toEqual(["", true]);
  });
});
