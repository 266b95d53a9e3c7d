"""What scapy finds in the frames of a capture: a JSON object a line."""
import json
import sys

from scapy.all import ARP, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPv6, Raw, rdpcap
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest


def options(geneve):
    """scapy takes what is behind the first option for its payload."""
    found = []
    rest = b"".join(bytes(each) for each in geneve.options)
    while rest:
        option = GeneveOptions(rest)
        found.append([option.classid, option.type, option.data.hex()])
        rest = bytes(option.payload)
    return found


def ethernet(layer):
    fields = {"sourceMac": layer.src, "destinationMac": layer.dst, "tags": []}
    while isinstance(layer.payload, (Dot1Q, Dot1AD)):
        layer = layer.payload
        fields["tags"].append([layer.prio, layer.id, layer.vlan])
    return fields, layer.payload


def checksums(ip):
    """Whether scapy, made to work them out, finds the checksums that are there."""
    rest = ip.payload.payload
    parts = [ip.copy(), ip.payload.copy()]
    for part in parts:
        part.remove_payload()
        for name in ("chksum", "cksum"):
            if name in part.fields and not (isinstance(part, UDP) and part.chksum == 0):
                part.delfieldval(name)
    again = parts[0] / parts[1]
    return bytes(again / Raw(rest.original) if rest else again) == ip.original


def network(layer):
    fields = {}
    if isinstance(layer, IP):
        fields = {"version": 4, "ttl": layer.ttl, "dscp": layer.tos >> 2, "dontFragment": bool(layer.flags.DF)}
    elif isinstance(layer, IPv6):
        fields = {"version": 6, "ttl": layer.hlim, "dscp": layer.tc >> 2}
    elif isinstance(layer, ARP):
        return {
            "operation": layer.op,
            "sender": [layer.hwsrc, layer.psrc],
            "target": [layer.hwdst, layer.pdst],
            "size": len(layer.payload),
        }
    fields.update({"source": layer.src, "destination": layer.dst, "checksums": checksums(layer)})
    above = layer.payload
    if isinstance(above, (UDP, TCP)):
        fields["ports"] = [above.sport, above.dport]
    if isinstance(above, TCP):
        fields["flags"] = str(above.flags)
    if isinstance(above, (ICMP, ICMPv6EchoRequest, ICMPv6EchoReply)):
        fields["echo"] = [above.type, above.id, above.seq]
    if isinstance(above, (ICMPv6EchoRequest, ICMPv6EchoReply)):
        fields["size"] = len(above.data)
    else:
        fields["size"] = len(above.payload)
    return fields


for frame in rdpcap(sys.argv[1]):
    link, ip = ethernet(frame)
    geneve = ip.payload.payload
    assert isinstance(geneve, GENEVE)
    inner_link, inner = ethernet(geneve.payload)
    outer = network(ip)
    outer["hasChecksum"] = ip.payload.chksum != 0
    del outer["size"]
    print(
        json.dumps(
            {
                "outer": {**link, **outer},
                "geneve": {
                    "version": geneve.version,
                    "vni": geneve.vni,
                    "oam": bool(geneve.oam),
                    "critical": bool(geneve.critical),
                    "options": options(geneve),
                },
                "inner": {**inner_link, **network(inner)},
            }
        )
    )
