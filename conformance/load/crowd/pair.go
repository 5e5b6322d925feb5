package crowd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/sim"
)

// partner is one of two users who have the reference SDK whole and call each other, with WebRTC.
type partner struct {
	fleet *fleet
	other *partner
	whole func() *whole // starts its SDK
	uid   string

	ready        chan struct{} // closed when it hears the other one
	media        load.Media    // RTP packets, from when both hear each other
	said         uint64
	heard, wrong uint64 // messages, and those that were not the next one
}

// newPair is two users of one channel.
func (f *fleet) newPair(one, two *sim.Host, appID, channel string, number int) [2]*partner {
	var pair [2]*partner
	for i, host := range []*sim.Host{one, two} {
		uid := fmt.Sprint(number + i)
		pair[i] = &partner{fleet: f, uid: uid, ready: make(chan struct{}), whole: func() *whole {
			return f.newWhole(host, appID, channel, uid, time.Second/time.Duration(f.plan.Media))
		}}
	}
	pair[0].other, pair[1].other = pair[1], pair[0]
	return pair
}

// run has the user in its call until ctx ends. A way that is lost the SDK takes up again by itself.
func (p *partner) run(ctx context.Context, tell func(event, time.Duration)) error {
	began := time.Now()
	w := p.whole()
	w.follow(tell)
	if err := w.join(p.fleet); err != nil {
		tell(failed, 0)
		return errors.Join(&reason{"sdk-" + code(err), err}, w.end())
	}
	tell(joined, time.Since(began))
	err := p.talk(ctx, w)
	if left := w.leave(); err == nil {
		err = left
	}
	if err != nil && ctx.Err() == nil {
		return &reason{"sdk-" + code(err), err}
	}
	return nil
}

// talk has the user listen to the other one, and say something now and then, until ctx ends.
func (p *partner) talk(ctx context.Context, w *whole) error {
	if err := w.listen(ctx, p.other.uid); err != nil {
		return err
	}
	close(p.ready)
	select {
	case <-p.other.ready:
	case <-ctx.Done():
		return nil
	}
	before, err := w.stats()
	if err != nil {
		return err
	}
	for sleep(ctx, p.fleet.plan.Messages) {
		if w.say(p.text(p.said+1)) == nil {
			p.said++
		}
	}
	after, err := w.stats()
	if err != nil {
		return err
	}
	from := p.other.uid
	p.media.Sent = uint64(after.Sent.Audio.Packets - before.Sent.Audio.Packets)
	p.media.Returned = uint64(after.Received[from].Audio.Packets - before.Received[from].Audio.Packets)
	time.Sleep(lull) // for what is on its way
	for i, text := range w.messages() {
		p.heard++
		if text != p.other.text(uint64(i)+1) {
			p.wrong++
		}
	}
	return nil
}

func (p *partner) text(number uint64) string { return fmt.Sprintf("%s, %d", p.uid, number) }

func (p *partner) count(r *load.Report) {
	r.WebRTC.Sent += p.media.Sent
	r.WebRTC.Returned += p.media.Returned
	r.Messages.Sent += p.said
	r.Messages.Received += p.heard
	r.Messages.Gaps += p.wrong
}

// code is the SDK's name of an error.
func code(err error) string {
	var e *contract.Error
	if errors.As(err, &e) && e.Data != nil && e.Data.Code != "" {
		return e.Data.Code
	}
	return "failed"
}
