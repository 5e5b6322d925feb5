package crowd

import (
	"context"
	"fmt"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim"
)

// process is a relay on its host, which can be killed and started again.
type process struct {
	name  string
	host  *sim.Host
	relay *relay.Relay

	sockets *mortal
	stop    context.CancelFunc
	done    chan struct{} // closed when nothing of it is left
}

// startRelay starts a relay that doesn't run.
func (f *fleet) startRelay(p *process) error {
	p.sockets = &mortal{Host: p.host}
	p.relay = f.cloud.Relay(p.name, p.sockets)
	if err := p.relay.Listen(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ctx, stop := context.WithCancel(f.ctx)
	p.stop, p.done = stop, make(chan struct{})
	sockets, done, serve := p.sockets, p.done, p.relay.Serve
	f.run(p.name, func(context.Context) error {
		defer close(done)
		if err := serve(ctx); !sockets.isDead() {
			return err
		}
		return nil // it was killed
	})
	return nil
}

// kill ends a relay as kill -9 does: the system closes its sockets, and nobody is told anything. What it has counted is
// kept for the books.
func (f *fleet) kill(p *process) {
	p.sockets.kill()
	p.stop()
	<-p.done
	p.count(&f.past)
	f.wrong = append(f.wrong, p.audit()...)
	p.relay = nil
}

// media is what the relays have been handed, have passed on and have dropped so far.
func (f *fleet) media() load.Media {
	m := f.past
	for _, p := range f.relays {
		p.count(&m)
	}
	return m
}

// count adds what a relay has carried, if it runs.
func (p *process) count(m *load.Media) {
	if p.relay == nil {
		return
	}
	t := p.relay.Media().Totals
	in, out := t.Up.In.Packets+t.Down.In.Packets, t.Up.Out.Packets+t.Down.Out.Packets
	m.In, m.Out = m.In+in, m.Out+out
	m.Dropped += in - out
}

// allocations is how many there are.
func (f *fleet) allocations() (n int) {
	for _, p := range f.relays {
		if p.relay != nil {
			n += len(p.relay.Media().Allocations)
		}
	}
	return n
}

// audit says what is wrong with the books of the relays, now that they have ended.
func (f *fleet) audit() []error {
	wrong := f.wrong
	for _, p := range f.relays {
		if p.relay != nil {
			wrong = append(wrong, p.audit()...)
		}
	}
	return wrong
}

func (p *process) audit() (wrong []error) {
	m := p.relay.Media()
	if n := len(m.Allocations); n > 0 {
		wrong = append(wrong, fmt.Errorf("%s has ended, and keeps %d allocations", p.name, n))
	}
	if err := m.Totals.Balanced(); err != nil {
		wrong = append(wrong, fmt.Errorf("%s: %w", p.name, err))
	}
	return wrong
}
