/* For the tests, which are type-checked. */
export const INPUTS: Record<string, object>;

/** What every counter of an input can be checked against; see generate in generate.js. */
export interface Truth {
  packets: number;
  flowCount: number;
  flows: (number | string)[][];
  tunnels: (number | string)[][];
}

export interface Input {
  name: string;
  capture: string;
  southbound: string;
  truthFile: string;
  truth: Truth;
}

export function generateInput(
  directory: string,
  name: string,
  options?: { bytes?: number; packets?: number | null; as?: string },
): Input;

export function random(seed: number): () => number;
