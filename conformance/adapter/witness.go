package adapter

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"sync"
	"time"
	"unicode/utf8"
)

// witness holds what passes against the contract's schema.
type witness struct {
	io.ReadWriteCloser
	mu     sync.Mutex
	schema Schema
	part   []byte
	lines  int
	first  string // what was wrong first
}

func (w *witness) Write(b []byte) (int, error) {
	w.mu.Lock()
	_ = w.schema.ToAdapter(b) // it learns the method
	w.mu.Unlock()
	return w.ReadWriteCloser.Write(b)
}

func (w *witness) Read(b []byte) (int, error) {
	n, err := w.ReadWriteCloser.Read(b)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part = append(w.part, b[:n]...)
	for {
		line, rest, whole := bytes.Cut(w.part, []byte{'\n'})
		if !whole {
			return n, err
		}
		w.part = rest
		w.lines++
		if !utf8.Valid(line) {
			continue // it ends the session, which says so
		}
		if wrong := w.schema.FromAdapter(line); wrong != nil && w.first == "" {
			w.first = fmt.Sprintf("line %d: %v: %.200q", w.lines, wrong, line)
		}
	}
}

// silent tells whether nothing has come from the program.
func (w *witness) silent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lines == 0 && len(w.part) == 0
}

// unended is a line that the program has begun and not ended.
func (w *witness) unended() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.part)
}

func (w *witness) problem() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}

// someAuthority is the certificate of an authority that certifies nothing.
func someAuthority() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nobody's authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}
