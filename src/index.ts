/**
 * genevescope: captures of OVN's Geneve tunnels, decoded and named.
 *
 * The codec, the capture readers and the southbound inventory have subpaths of their own
 * (genevescope/wire, genevescope/capture, genevescope/southbound); this entry has them all, and what joins
 * them: the frame decoder, the analyzer and the namer.
 */
export { Analyzer, type FileTotals, type Moment, type StopTotals } from "./analysis/analyzer.js";
export { Namer } from "./analysis/namer.js";
export type {
  DatapathSummary,
  FlowSummary,
  PortSummary,
  Summary,
  TunnelSummary,
} from "./analysis/summary.js";
export * from "./capture/index.js";
export * from "./encode/build.js";
export { entropyPort } from "./encode/entropy.js";
export type { IpFields, LinkFields } from "./encode/headers.js";
export * from "./encode/inner.js";
export type { CorruptKind, EncapKind, InnerKind } from "./encode/kinds.js";
export * from "./encode/layers.js";
export { ABSENT, FrameBatch, FrameFlag, NO_VNI, TunnelKind } from "./frame/columns.js";
export { FrameDecoder } from "./frame/decode.js";
export * from "./frame/layers.js";
export type { TunnelPorts, VxlanEnds } from "./frame/other-tunnels.js";
export { FrameLayer, FrameStatus, layerName, statusName, stopText } from "./frame/status.js";
export { ChecksumVerifier, type Verdict } from "./frame/verify.js";
export * from "./southbound/index.js";
export * from "./wire/index.js";
