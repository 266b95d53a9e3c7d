// The same sums over gopacket, decoding in place: what a Go program needs.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o gopacket-reader bench/compare/gopacket.go
//	./gopacket-reader FILE [--all]
//
// (Debian: golang-go and golang-github-google-gopacket-dev.) Prints as reader.c does.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sort"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

type flow struct {
	packets, bytes uint64
	first, last    int64
}

type tunnel struct {
	packets, bytes uint64
	largest        int
}

type source interface {
	ZeroCopyReadPacketData() ([]byte, gopacket.CaptureInfo, error)
}

func open(file *os.File) (source, error) {
	buffered := bufio.NewReaderSize(file, 256<<10)
	magic, err := buffered.Peek(4)
	if err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(magic) == 0x0a0d0d0a {
		return pcapgo.NewNgReader(buffered, pcapgo.DefaultNgReaderOptions)
	}
	return pcapgo.NewReader(buffered)
}

// Every layer of one frame; decoded into again and again.
var (
	ethernet, innerEthernet layers.Ethernet
	vlan                    layers.Dot1Q
	ip4, inner4             layers.IPv4
	ip6                     layers.IPv6
	udp, innerUDP           layers.UDP
	tcp                     layers.TCP
	icmp                    layers.ICMPv4
	geneve                  layers.Geneve
)

// The inner frame: decoded as far as its transport's header, and nothing kept of it.
func inner(data []byte) error {
	if err := innerEthernet.DecodeFromBytes(data, gopacket.NilDecodeFeedback); err != nil {
		return err
	}
	if innerEthernet.EthernetType != layers.EthernetTypeIPv4 {
		return nil
	}
	if err := inner4.DecodeFromBytes(innerEthernet.Payload, gopacket.NilDecodeFeedback); err != nil {
		return err
	}
	switch inner4.Protocol {
	case layers.IPProtocolTCP:
		return tcp.DecodeFromBytes(inner4.Payload, gopacket.NilDecodeFeedback)
	case layers.IPProtocolUDP:
		return innerUDP.DecodeFromBytes(inner4.Payload, gopacket.NilDecodeFeedback)
	case layers.IPProtocolICMPv4:
		return icmp.DecodeFromBytes(inner4.Payload, gopacket.NilDecodeFeedback)
	}
	return nil
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	capture, err := open(file)
	if err != nil {
		log.Fatal(err)
	}
	flows := map[uint64]*flow{}
	tunnels := map[[32]byte]*tunnel{}
	var packets, bytes, ovn uint64
	first, last := int64(1<<63-1), int64(0)
	for {
		data, info, err := capture.ZeroCopyReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		packets++
		bytes += uint64(info.Length)
		time := info.Timestamp.UnixNano()
		if time < first {
			first = time
		}
		if time > last {
			last = time
		}
		if ethernet.DecodeFromBytes(data, gopacket.NilDecodeFeedback) != nil {
			continue
		}
		kind, payload := ethernet.EthernetType, ethernet.Payload
		if kind == layers.EthernetTypeDot1Q {
			if vlan.DecodeFromBytes(payload, gopacket.NilDecodeFeedback) != nil {
				continue
			}
			kind, payload = vlan.Type, vlan.Payload
		}
		var between [32]byte
		var outer int
		if kind == layers.EthernetTypeIPv4 {
			if ip4.DecodeFromBytes(payload, gopacket.NilDecodeFeedback) != nil || ip4.Protocol != layers.IPProtocolUDP {
				continue
			}
			mapped(between[:16], ip4.SrcIP)
			mapped(between[16:], ip4.DstIP)
			outer, payload = int(ip4.Length), ip4.Payload
		} else {
			if ip6.DecodeFromBytes(payload, gopacket.NilDecodeFeedback) != nil || ip6.NextHeader != layers.IPProtocolUDP {
				continue
			}
			copy(between[:16], ip6.SrcIP)
			copy(between[16:], ip6.DstIP)
			outer, payload = int(ip6.Length)+40, ip6.Payload
		}
		if udp.DecodeFromBytes(payload, gopacket.NilDecodeFeedback) != nil || udp.DstPort != 6081 {
			continue
		}
		// DecodeFromBytes appends to what was there.
		geneve.Options = geneve.Options[:0]
		if geneve.DecodeFromBytes(udp.Payload, gopacket.NilDecodeFeedback) != nil || inner(geneve.Payload) != nil {
			continue
		}
		through := tunnels[between]
		if through == nil {
			through = &tunnel{}
			tunnels[between] = through
		}
		through.packets++
		through.bytes += uint64(info.Length)
		if outer > through.largest {
			through.largest = outer
		}
		for _, option := range geneve.Options {
			if option.Class != 0x0102 || option.Type != 0x80 || len(option.Data) != 4 {
				continue
			}
			ovn++
			key := uint64(geneve.VNI)<<31 | uint64(binary.BigEndian.Uint32(option.Data)&0x7fffffff)
			counted := flows[key]
			if counted == nil {
				counted = &flow{first: time, last: time}
				flows[key] = counted
			}
			counted.packets++
			counted.bytes += uint64(info.Length)
			if time < counted.first {
				counted.first = time
			}
			if time > counted.last {
				counted.last = time
			}
			break
		}
	}
	print(packets, bytes, ovn, first, last, flows, tunnels, len(os.Args) > 2 && os.Args[2] == "--all")
}

func mapped(to []byte, address net.IP) {
	to[10], to[11] = 0xff, 0xff
	copy(to[12:], address.To4())
}

func print(packets, bytes, ovn uint64, first, last int64, flows map[uint64]*flow, tunnels map[[32]byte]*tunnel, all bool) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	keys := make([]uint64, 0, len(flows))
	for key := range flows {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := flows[keys[i]], flows[keys[j]]
		return a.bytes > b.bytes || (a.bytes == b.bytes && keys[i] < keys[j])
	})
	if !all && len(keys) > 20 {
		keys = keys[:20]
	}
	fmt.Fprintf(out, `{"packets":%d,"bytes":%d,"geneve":%d,"ovn":%d,"firstTime":"%d","lastTime":"%d","flowCount":%d,"flows":[`,
		packets, bytes, ovn, ovn, first, last, len(flows))
	for i, key := range keys {
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		counted := flows[key]
		fmt.Fprintf(out, "\n[%d,%d,%d,%d,%d,\"%d\",\"%d\"]", key>>31, key>>16&0x7fff, key&0xffff,
			counted.packets, counted.bytes, counted.first, counted.last)
	}
	fmt.Fprint(out, "],\n\"tunnels\":[")
	separator := ""
	for between, counted := range tunnels {
		fmt.Fprintf(out, "%s\n[\"%s\",\"%s\",%d,%d,%d]", separator, hex.EncodeToString(between[:16]),
			hex.EncodeToString(between[16:]), counted.packets, counted.bytes, counted.largest)
		separator = ","
	}
	fmt.Fprintln(out, "]}")
}
