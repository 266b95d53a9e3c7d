import type { ScanHandler, ScanKey } from "./json-scan.js";

/**
 * Tells `handler` of an object that was parsed as a whole what a JsonScanner tells of its bytes, but for the values'
 * own offsets, which nobody knows: `offset` is that of the object.
 */
export function walkJson(handler: ScanHandler, json: object, offset: number, depth = 1): void {
  if (Array.isArray(json))
    for (let index = 0; index < json.length; index++) walkMember(handler, index, json[index], offset, depth);
  else
    for (const key in json) walkMember(handler, key, (json as Record<string, unknown>)[key], offset, depth);
  handler.end(depth);
}

function walkMember(handler: ScanHandler, key: ScanKey, json: unknown, offset: number, depth: number): void {
  const take = handler.take(depth, key);
  if (take === "skip") return;
  if (take === "parts" && typeof json === "object" && json !== null)
    walkJson(handler, json, offset, depth + 1);
  else handler.whole(depth, key, json, offset);
}
