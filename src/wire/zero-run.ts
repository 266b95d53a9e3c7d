/**
 * The first longest run of two or more zero groups in the IPv6 address at `offset`, which RFC 5952 shortens: 16
 * times the group where it begins, and its length; -15 where there is none.
 */
export function zeroRun(view: DataView, offset: number): number {
  let runStart = -1;
  let runLength = 1;
  let zeros = 0;
  for (let group = 0; group < 8; group++) {
    zeros = view.getUint16(offset + 2 * group) === 0 ? zeros + 1 : 0;
    if (zeros > runLength) {
      runLength = zeros;
      runStart = group - zeros + 1;
    }
  }
  return runStart * 16 + runLength;
}
