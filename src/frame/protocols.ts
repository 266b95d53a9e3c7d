/** What the frame decoder knows of the protocols inside. */
import { IpProtocol } from "../wire/ethertype.js";
import { FrameLayer } from "./status.js";

/** Bytes of fixed header per inner transport protocol; 0 for one that is not looked into. */
export const transportBytes = new Uint8Array(256);
transportBytes[IpProtocol.icmp] = 8;
transportBytes[IpProtocol.tcp] = 20;
transportBytes[IpProtocol.udp] = 8;
transportBytes[IpProtocol.icmpv6] = 8;
transportBytes[IpProtocol.sctp] = 12;

/** FrameLayer per inner transport protocol; 0 for one that is not looked into. */
export const transportLayer = new Uint8Array(256);
transportLayer[IpProtocol.icmp] = FrameLayer.innerIcmp;
transportLayer[IpProtocol.tcp] = FrameLayer.innerTcp;
transportLayer[IpProtocol.udp] = FrameLayer.innerUdp;
transportLayer[IpProtocol.icmpv6] = FrameLayer.innerIcmpv6;
transportLayer[IpProtocol.sctp] = FrameLayer.innerSctp;

/** 1 for the IPv6 extension headers that lead on to another header (RFC 8200 section 4, RFC 4302). */
export const isExtension = new Uint8Array(256);
isExtension[IpProtocol.hopByHop] = 1;
isExtension[IpProtocol.routing] = 1;
isExtension[IpProtocol.fragment] = 1;
isExtension[IpProtocol.authentication] = 1;
isExtension[IpProtocol.destinationOptions] = 1;
