/* For the tests, which are type-checked. */
export const SCHEMA: string;

export class GeneratedSouthbound {
  readonly ports: number;
  readonly datapaths: number;
  readonly chassis: number;
  readonly portsPerDatapath: number;
  constructor(size?: { ports?: number; datapaths?: number; chassis?: number });
  keysOf(index: number): [vni: number, key: number];
  portUuid(index: number): string;
  portName(index: number): string;
  chassisUuid(index: number): string;
  write(file: string, schema?: string): number;
}
