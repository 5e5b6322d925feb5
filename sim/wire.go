package sim

import (
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/proxyspec/proxyspec/sim/firewall"
	"github.com/proxyspec/proxyspec/sim/tcp"
)

// Marshal is the packet as bytes on the wire, from the IPv4 header on, checksums included. It serves
// captures; the loop itself never needs bytes.
func (p *Packet) Marshal() ([]byte, error) {
	ip := &layers.IPv4{
		Version: 4, IHL: 5, TTL: p.TTL, Protocol: layers.IPProtocol(p.Proto),
		Flags: layers.IPv4DontFragment,
		SrcIP: p.Src.Addr().AsSlice(), DstIP: p.Dst.Addr().AsSlice(),
	}
	parts := []gopacket.SerializableLayer{ip}
	switch p.Proto {
	case firewall.TCP:
		header := p.tcpHeader()
		if err := header.SetNetworkLayerForChecksum(ip); err != nil {
			return nil, err
		}
		parts = append(parts, header, gopacket.Payload(p.TCP.Payload))
	case firewall.UDP:
		header := &layers.UDP{SrcPort: layers.UDPPort(p.Src.Port()), DstPort: layers.UDPPort(p.Dst.Port())}
		if err := header.SetNetworkLayerForChecksum(ip); err != nil {
			return nil, err
		}
		parts = append(parts, header, gopacket.Payload(p.Payload))
	case firewall.ICMP:
		about, err := p.ICMP.quoted()
		if err != nil {
			return nil, err
		}
		parts = append(parts, &layers.ICMPv4{
			TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, p.ICMP.Code),
		}, gopacket.Payload(about))
	default:
		return nil, fmt.Errorf("marshal packet: no wire form for protocol %v", p.Proto)
	}
	buf := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, options, parts...); err != nil {
		return nil, fmt.Errorf("marshal %v: %w", p, err)
	}
	return buf.Bytes(), nil
}

func (p *Packet) tcpHeader() *layers.TCP {
	flags := p.TCP.Flags
	header := &layers.TCP{
		SrcPort: layers.TCPPort(p.Src.Port()), DstPort: layers.TCPPort(p.Dst.Port()),
		Seq: p.TCP.Seq, Ack: p.TCP.Ack, Window: p.TCP.Window,
		FIN: flags&tcp.FIN != 0, SYN: flags&tcp.SYN != 0, RST: flags&tcp.RST != 0,
		PSH: flags&tcp.PSH != 0, ACK: flags&tcp.ACK != 0,
	}
	if mss := p.TCP.MSS; mss != 0 {
		header.Options = append(header.Options, layers.TCPOption{
			OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{byte(mss >> 8), byte(mss)}})
	}
	if scale := p.TCP.Scale; scale != tcp.NoScale {
		header.Options = append(header.Options,
			layers.TCPOption{OptionType: layers.TCPOptionKindNop},
			layers.TCPOption{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{byte(scale)}})
	}
	return header
}

// quoted is the header and first eight bytes of the packet that an ICMP message is about.
func (m *ICMP) quoted() ([]byte, error) {
	about := Packet{Proto: m.About, Src: m.Src, Dst: m.Dst, TTL: initialTTL, TCP: tcp.Segment{Scale: tcp.NoScale}}
	bytes, err := about.Marshal()
	if err != nil {
		return nil, err
	}
	return bytes[:ipHeader+8], nil
}
