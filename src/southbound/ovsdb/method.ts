/** What a connection method (ovsdb(7)) begins with, those that servers listen with included. */
export const METHOD = /^(tcp|ssl|unix|ptcp|pssl|punix|cid):/;

/** Whether `source` names servers, not a file. */
export function isRemote(source: string): boolean {
  return METHOD.test(source.trimStart());
}
