package httpproxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// tunnel says yes to the client and carries bytes both ways until both have ended, one has failed, neither
// has sent anything for too long, or ctx ends.
func (p *Proxy) tunnel(ctx context.Context, w http.ResponseWriter, remote net.Conn) {
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.config.Logger.Error("take the client's connection", "error", err)
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	both := &pair{client: client, remote: remote, idle: p.config.Idle, begin: time.Now()}
	both.bound()
	defer context.AfterFunc(ctx, both.cut)()
	over := make(chan struct{})
	var ways, watch sync.WaitGroup
	watch.Go(func() { both.watch(over) })
	ways.Go(func() { both.carry(remote, buffered.Reader) }) // which has what the client sent too early
	ways.Go(func() { both.carry(client, remote) })
	ways.Wait()
	close(over)
	watch.Wait()
}

// pair is a tunnel's two connections.
type pair struct {
	client, remote net.Conn
	idle           time.Duration
	begin          time.Time
	last           atomic.Int64 // when a byte came, since begin
}

// writeBuffer bounds what waits for a slow receiver: then the sender has to wait too.
const writeBuffer = 256 << 10

func (t *pair) bound() {
	for _, c := range []net.Conn{t.client, t.remote} {
		if c, ok := c.(interface{ SetWriteBuffer(bytes int) error }); ok {
			_ = c.SetWriteBuffer(writeBuffer)
		}
	}
}

// carry moves bytes one way, and then tells the receiver that no more will come.
func (t *pair) carry(to net.Conn, from io.Reader) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		t.last.Store(int64(time.Since(t.begin)))
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				t.cut()
				return
			}
		}
		if err == nil {
			continue
		}
		half, ok := to.(interface{ CloseWrite() error })
		if err != io.EOF || !ok || half.CloseWrite() != nil {
			t.cut()
		}
		return
	}
}

// watch ends the tunnel when it has been idle for too long, unless it is over before.
func (t *pair) watch(over <-chan struct{}) {
	for rest := t.idle; rest > 0; rest = t.idle - (time.Since(t.begin) - time.Duration(t.last.Load())) {
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-over:
			timer.Stop()
			return
		}
	}
	t.cut()
}

// cut ends both connections.
func (t *pair) cut() {
	_ = t.client.Close()
	_ = t.remote.Close()
}
