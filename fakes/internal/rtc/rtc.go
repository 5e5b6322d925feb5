// Package rtc makes the WebRTC stacks of the fakes: an SDK that offers, a gateway that answers.
//
// Both need the same things, for the same reason, which is that one seed must give one trace: IPv4 over
// UDP only, no mDNS, no interceptors, codecs in a fixed order, and signatures, certificates and key shares
// whose lengths never vary. The package also knows where an encoded frame ends, so that both ends count
// and digest alike. It opens no socket and never decides which candidates a connection may use.
package rtc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	stdelliptic "crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/transport/v3"
	"github.com/pion/webrtc/v4"
)

// API makes a WebRTC stack whose sockets are nw's. set may change the settings before they are used.
func API(nw transport.Net, set func(*webrtc.SettingEngine) error) (*webrtc.API, error) {
	var s webrtc.SettingEngine
	s.SetNet(nw)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetDTLSEllipticCurves(elliptic.X25519)
	// The profile that RFC 8827, section 6.5, demands of everybody. With its tags of ten bytes an encrypted
	// RTCP packet is no multiple of four long, so that tshark doesn't take it for one in the clear.
	s.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	s.LoggerFactory = &logging.DefaultLoggerFactory{Writer: io.Discard, DefaultLogLevel: logging.LogLevelDisabled}
	if set != nil {
		if err := set(&s); err != nil {
			return nil, fmt.Errorf("settings of WebRTC: %w", err)
		}
	}
	var m webrtc.MediaEngine
	for _, c := range registry {
		if err := m.RegisterCodec(c.RTPCodecParameters, c.kind); err != nil {
			return nil, fmt.Errorf("register %s: %w", c.MimeType, err)
		}
	}
	return webrtc.NewAPI(
		webrtc.WithSettingEngine(s),
		webrtc.WithMediaEngine(&m),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}),
	), nil
}

// The codecs, by RTP payload type.
var (
	Opus = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}
	VP8  = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: keyFrames}
	H264 = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000, RTCPFeedback: keyFrames,
		SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}

	keyFrames = []webrtc.RTCPFeedback{{Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}

	registry = []struct {
		webrtc.RTPCodecParameters
		kind webrtc.RTPCodecType
	}{
		{webrtc.RTPCodecParameters{RTPCodecCapability: Opus, PayloadType: 111}, webrtc.RTPCodecTypeAudio},
		{webrtc.RTPCodecParameters{RTPCodecCapability: VP8, PayloadType: 96}, webrtc.RTPCodecTypeVideo},
		{webrtc.RTPCodecParameters{RTPCodecCapability: H264, PayloadType: 102}, webrtc.RTPCodecTypeVideo},
	}
)

// BrowserCertificate makes a DTLS certificate of ECDSA, for browsers: they take no Ed25519. The lengths of its signatures vary.
func BrowserCertificate(rand io.Reader) (webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(stdelliptic.P256(), rand)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	cert, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	return *cert, nil
}

// Certificate makes a DTLS certificate of Ed25519: an ECDSA signature varies in length, and so would the
// packets of a handshake. The serial number has its highest bit clear and the next one set, so its
// encoding has one length too. It is valid for a day before and a year after now, the caller's clock.
func Certificate(rand io.Reader, now time.Time) (webrtc.Certificate, error) {
	var random [ed25519.SeedSize + 16]byte
	if _, err := io.ReadFull(rand, random[:]); err != nil {
		return webrtc.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	key := ed25519.NewKeyFromSeed(random[:ed25519.SeedSize])
	serial := random[ed25519.SeedSize:]
	serial[0] = serial[0]&0x7f | 0x40
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: "WebRTC"},
		NotBefore:    now.AddDate(0, 0, -1),
		NotAfter:     now.AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand, template, template, key.Public(), key)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	return webrtc.CertificateFromX509(key, cert), nil
}
