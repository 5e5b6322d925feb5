package crowd

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim/bubble"
)

var hours = flag.Int("hours", 0, "how many hours the call of TestLongCall lasts; 0: eight times five minutes, as if they were hours")

// kept is what a day may add to memory: what the firewalls and NATs hold of flows that have ended, which they look for
// now and then, the network's short cuts for them, which it keeps until it is changed, and what this test keeps of each
// message. All of it was 30 KB an hour; a session, an allocation or a connection that stays is more.
const kept = 1 << 20

// state is what is there once a turn of the call, usually an hour, has passed.
type state struct {
	memory      uint64
	goroutines  int
	allocations int
}

// TestLongCall has two users behind two firewalls in a call with 20 packets of audio a second each way and a message a
// minute. Their credentials last two turns of an hour and a relay is killed and started again each turn. Nothing may grow, every
// message must come once and in order, and the media must add up.
func TestLongCall(t *testing.T) {
	turns, turn := *hours, time.Hour
	if turns == 0 {
		turns, turn = 8, 5*time.Minute
	}
	b, err := bubble.Open(bubble.Config{Watchdog: watchdog})
	require.NoError(t, err)
	step := func(f func() error) {
		t.Helper()
		require.NoError(t, do(b, f))
	}
	var f *fleet
	var alice, bob *whole
	step(func() (err error) {
		plan := load.Plan{Users: 2, Enterprises: 2, Seed: 1}.WithDefaults()
		if f, err = newFleet(plan, func(cfg *relay.Config) { cfg.TTL = 2 * turn }); err != nil {
			return err
		}
		for i, u := range []**whole{&alice, &bob} {
			o, err := f.newOffice(i, i, i+1)
			if err != nil {
				return err
			}
			*u = f.newWhole(o.hosts[0], appID(0), "a long call", fmt.Sprint("user-", i), time.Second/20)
			if err := (*u).join(f); err != nil {
				return err
			}
		}
		if err := alice.listen(t.Context(), bob.uid); err != nil {
			return err
		}
		return bob.listen(t.Context(), alice.uid)
	})
	began, used := time.Now(), processorTime()
	var seen []state
	var killed []weak.Pointer[mortal]
	said := 0
	for h := range turns {
		step(func() error {
			if h > 0 { // restarted while it carries the call, or another one does
				p := f.relays[h%len(f.relays)]
				killed = append(killed, weak.Make(p.sockets))
				f.kill(p)
				time.Sleep(5 * time.Second)
				if err := f.startRelay(p); err != nil {
					return err
				}
			}
			time.Sleep(time.Minute) // within which all is as before
			return nil
		})
		for range turn/time.Minute - 1 {
			step(func() error {
				for _, u := range []*whole{alice, bob} {
					if err := u.say(fmt.Sprint("message ", said)); err != nil {
						return err
					}
				}
				said++
				time.Sleep(time.Minute)
				return nil
			})
		}
		seen = append(seen, state{inUse(), runtime.NumGoroutine(), f.allocations()})
		for i, r := range killed {
			require.Nil(t, r.Value(), "turn %d: the relay that was killed in turn %d is still in memory", h+1, i+2)
		}
	}
	wall, cpu := time.Since(began), processorTime()-used
	var sent, received [2]contract.Stats
	step(func() (err error) {
		for i, u := range []*whole{alice, bob} {
			if sent[i], err = u.stats(); err != nil {
				return err
			}
			received[1-i] = sent[i]
		}
		return nil
	})
	for i, u := range []*whole{alice, bob} {
		out, in := sent[i].Sent.Audio.Packets, received[i].Received[u.uid].Audio.Packets
		t.Logf("%s sent %d packets of audio, %d came (%d lost)", u.uid, out, in, out-in)
		require.GreaterOrEqual(t, out, turns*int(turn.Seconds())*20*99/100, "20 a second")
		require.LessOrEqual(t, in, out)
		require.LessOrEqual(t, out-in, 20+20*60*(turns-1), "a minute a turn at most is lost, while a relay is gone")
		require.Len(t, u.heard, said)
		require.True(t, slices.IsSortedFunc(u.heard, func(a, b string) int {
			var x, y int
			_, _ = fmt.Sscanf(a, "message %d", &x)
			_, _ = fmt.Sscanf(b, "message %d", &y)
			return x - y
		}), "in order")
		require.Len(t, slices.Compact(slices.Clone(u.heard)), said, "each once")
		require.Empty(t, u.errs)
	}
	for i, now := range seen {
		t.Logf("turn %2d: %d KB in use, %d goroutines, %d allocations", i+1, now.memory/1000, now.goroutines, now.allocations)
		require.Equal(t, 4, now.allocations, "turn %d: each user has one for what it sends and one for what it receives", i+1)
	}
	for i, now := range seen {
		if i < 2*len(f.relays) {
			continue
		}
		before := seen[i-len(f.relays)] // when the same relay had been killed
		require.LessOrEqual(t, now.allocations, before.allocations, "turn %d", i+1)
		require.LessOrEqual(t, now.goroutines, before.goroutines, "turn %d", i+1)
		require.Less(t, now.memory, seen[i%len(f.relays)+len(f.relays)].memory+kept, "turn %d", i+1)
	}
	t.Logf("%v in %v, %v of processor time: %.0f seconds in one", time.Duration(turns)*turn, wall.Round(time.Millisecond), cpu.Round(time.Millisecond),
		(time.Duration(turns)*turn).Seconds()/wall.Seconds())
	step(func() error {
		for _, u := range []*whole{alice, bob} {
			if err := u.leave(); err != nil {
				return err
			}
		}
		time.Sleep(time.Second) // the last of them is given up by a packet that leave doesn't wait for
		if n := f.allocations(); n > 0 {
			return fmt.Errorf("%d allocations are left", n)
		}
		if err := f.close(); err != nil {
			return err
		}
		require.Empty(t, f.audit())
		return nil
	})
	require.NoError(t, b.Close(drain))
}
