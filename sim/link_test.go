package sim

import (
	"encoding/binary"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// arrived is a numbered datagram and when it came.
type arrived struct {
	number int
	after  time.Duration
}

// volley sends numbered datagrams of 100 bytes, one each gap, over a link, and tells what arrives.
func volley(t *testing.T, c LinkConfig, count int, gap time.Duration, meanwhile func(l *Link, a, b *Host)) (got []arrived, sent LinkCount) {
	t.Helper()
	pair(t, c, func(t *testing.T, a, b *Host) {
		l := &Link{a.nic, b.nic}
		in, err := b.ListenUDP("udp4", &net.UDPAddr{Port: 9})
		require.NoError(t, err)
		out, err := a.DialUDP("udp4", nil, &net.UDPAddr{IP: right.AsSlice(), Port: 9})
		require.NoError(t, err)
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			buf := make([]byte, 1500)
			for {
				_ = in.SetReadDeadline(time.Now().Add(time.Minute))
				if _, _, err := in.ReadFrom(buf); err != nil {
					require.ErrorIs(t, err, os.ErrDeadlineExceeded)
					return
				}
				got = append(got, arrived{int(binary.BigEndian.Uint32(buf)), time.Since(start)})
			}
		}()
		if meanwhile != nil {
			go meanwhile(l, a, b)
		}
		for i := range count {
			payload := make([]byte, 100)
			binary.BigEndian.PutUint32(payload, uint32(i))
			_, err := out.Write(payload)
			require.NoError(t, err)
			time.Sleep(gap)
		}
		<-done
		sent = l.Count(a)
	})
	return got, sent
}

func numbers(got []arrived) (out []int) {
	for _, a := range got {
		out = append(out, a.number)
	}
	return out
}

func TestLinkLoss(t *testing.T) {
	got, count := volley(t, LinkConfig{Loss: 0.2}, 5000, time.Millisecond, nil)
	require.InDelta(t, 4000, len(got), 150)
	require.Equal(t, LinkCount{Sent: 5000, Lost: uint64(5000 - len(got))}, count)
	again, _ := volley(t, LinkConfig{Loss: 0.2}, 5000, time.Millisecond, nil)
	require.Equal(t, got, again, "the seed decides")
}

// TestLinkBurst compares the channel with what Gilbert and Elliott computed: the part of packets that find it
// bad, and the mean length of a run of losses.
func TestLinkBurst(t *testing.T) {
	const sent = 20_000
	got, _ := volley(t, LinkConfig{Burst: Burst{Enter: 0.02, Leave: 0.25}}, sent, time.Millisecond, nil)
	lost := sent - len(got)
	require.InDelta(t, 0.02/(0.02+0.25), float64(lost)/sent, 0.015)
	runs, next := 0, 0
	for _, a := range got {
		if a.number > next {
			runs++
		}
		next = a.number + 1
	}
	require.InDelta(t, 1/0.25, float64(lost)/float64(runs), 0.5)
}

func TestLinkDuplicates(t *testing.T) {
	got, count := volley(t, LinkConfig{Duplicate: 0.1, Jitter: 10 * time.Millisecond, Reorder: true}, 2000, time.Millisecond, nil)
	require.InDelta(t, 200, count.Duplicated, 50)
	require.Len(t, got, 2000+int(count.Duplicated))
	seen := numbers(got)
	slices.Sort(seen)
	require.Len(t, slices.Compact(seen), 2000, "nothing is lost")
}

// TestLinkDamage: a packet with a flipped bit crosses the link and is dropped by its receiver, and on the wire
// its checksum is wrong.
func TestLinkDamage(t *testing.T) {
	damaged := 0
	got, count := volley(t, LinkConfig{Damage: 0.1}, 1000, time.Millisecond, func(_ *Link, _, b *Host) {
		b.net.Do(func() {
			b.Tap(func(s Sighting) {
				wire, err := s.Packet.Marshal()
				require.NoError(t, err)
				_, err = Parse(wire)
				if s.Packet.Damaged() {
					damaged++
					require.ErrorContains(t, err, "UDP checksum is wrong")
				} else {
					require.NoError(t, err)
				}
			})
		})
	})
	require.InDelta(t, 100, count.Damaged, 35)
	require.InDelta(t, count.Damaged, damaged, 1, "the tap may have come after the first packet")
	require.Len(t, got, 1000-int(count.Damaged))
}

func TestLinkJitter(t *testing.T) {
	c := LinkConfig{Delay: 20 * time.Millisecond, Jitter: 50 * time.Millisecond}
	got, _ := volley(t, c, 1000, time.Millisecond, nil)
	require.True(t, slices.IsSorted(numbers(got)), "jitter alone keeps the order")
	c.Reorder = true
	got, _ = volley(t, c, 1000, time.Millisecond, nil)
	require.False(t, slices.IsSorted(numbers(got)))
	var sum time.Duration
	for _, a := range got {
		late := a.after - time.Duration(a.number)*time.Millisecond
		require.GreaterOrEqual(t, late, 20*time.Millisecond)
		require.LessOrEqual(t, late, 70*time.Millisecond)
		sum += late
	}
	require.InDelta(t, 45, float64(sum/1000)/float64(time.Millisecond), 2)
}

// TestLinkRate: 128 bytes with their headers at 1.024 Mbit/s take a millisecond each.
func TestLinkRate(t *testing.T) {
	c := LinkConfig{Rate: 1_024_000, Queue: 10 * 128, Delay: 5 * time.Millisecond}
	got, count := volley(t, c, 30, 0, nil)
	require.EqualValues(t, 20, count.Overflowed, "ten fit into the queue")
	for i, a := range got {
		require.Equal(t, arrived{i, 5*time.Millisecond + time.Duration(i+1)*time.Millisecond}, a)
	}
	got, count = volley(t, c, 100, time.Millisecond, nil)
	require.Zero(t, count.Overflowed)
	require.Len(t, got, 100)
}

func TestLinkOneWay(t *testing.T) {
	pair(t, LinkConfig{Delay: time.Millisecond}, func(t *testing.T, a, b *Host) {
		l := &Link{a.nic, b.nic}
		l.SetFrom(b, LinkConfig{Down: true})
		in, err := b.ListenUDP("udp4", &net.UDPAddr{Port: 9})
		require.NoError(t, err)
		out, err := a.DialUDP("udp4", nil, &net.UDPAddr{IP: right.AsSlice(), Port: 9})
		require.NoError(t, err)
		_, _ = out.Write([]byte("there"))
		_, from, err := in.ReadFrom(make([]byte, 10))
		require.NoError(t, err)
		_, _ = in.WriteTo([]byte("not back"), from)
		_ = out.SetReadDeadline(time.Now().Add(time.Second))
		_, err = out.Read(make([]byte, 10))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, LinkCount{Sent: 1, Lost: 1}, l.Count(b))
		require.Equal(t, LinkConfig{Delay: time.Millisecond, Queue: defaultQueue}, l.Config(a))
	})
}

func TestLinkHold(t *testing.T) {
	got, _ := volley(t, LinkConfig{Hold: true, Delay: time.Millisecond}, 5, 100*time.Millisecond, func(l *Link, _, _ *Host) {
		time.Sleep(250 * time.Millisecond)
		l.Set(LinkConfig{Delay: time.Millisecond})
	})
	ms := time.Millisecond
	require.Equal(t, []arrived{{0, 251 * ms}, {1, 251 * ms}, {2, 251 * ms}, {3, 301 * ms}, {4, 401 * ms}}, got)
}

func TestScript(t *testing.T) {
	script, err := ParseScript(`
		# a bad morning
		at 1 s: delay 30ms        # for good
		at 2s: loss 100 % for 1 s
		at 4s: down
		at 5s: up
		at 5s: hold for 500ms
	`)
	require.NoError(t, err)
	got, _ := volley(t, LinkConfig{Delay: 10 * time.Millisecond}, 13, 500*time.Millisecond, func(l *Link, a, _ *Host) {
		l.PlayFrom(a, script)
	})
	ms := time.Millisecond
	require.Equal(t, []arrived{
		{0, 10 * ms}, {1, 510 * ms}, {2, 1030 * ms}, {3, 1530 * ms}, // 4 and 5 are lost
		{6, 3030 * ms}, {7, 3530 * ms}, // 8 and 9 found the link down
		{10, 5530 * ms}, {11, 5530 * ms}, {12, 6030 * ms},
	}, got)
}

func TestScriptSettings(t *testing.T) {
	script, err := ParseScript("at 0s: delay 1.5s, jitter 20 ms reordered, burst 2% 30%, duplicate 1%, damage .5%, rate 2 Mbit, queue 32kB\n" +
		"at 1 min: hold, clear for 1h30m")
	require.NoError(t, err)
	first := LinkConfig{Loss: 0.25}
	require.Equal(t, LinkConfig{
		Delay: 1500 * time.Millisecond, Jitter: 20 * time.Millisecond, Reorder: true, Loss: 0.25,
		Burst: Burst{Enter: 0.02, Leave: 0.3}, Duplicate: 0.01, Damage: 0.005, Rate: 2e6, Queue: 32000,
	}, script.At(59*time.Second, first))
	require.Equal(t, first, script.At(time.Minute, first))
	require.NotEqual(t, first, script.At(91*time.Minute, first))
	require.Equal(t, []time.Duration{0, time.Minute, 91 * time.Minute}, script.changes())
}

func TestScriptErrors(t *testing.T) {
	for text, want := range map[string]string{
		"loss 20%":                    `line 1, "loss 20%": a phase reads "at TIME: SETTING, SETTING for TIME"`,
		"\nat noon: down":             `line 2, "at noon: down": "noon" is no time, such as 500ms, 30s, 1 min or 1h30m`,
		"at -1s: down":                `"-1s" is no time`,
		"at 1s:":                      "a setting is missing",
		"at 1s: los 2%":               "los: no such setting; there are delay, jitter, loss",
		"at 1s: loss 101%":            `loss: "101%" is no percentage from 0% to 100%`,
		"at 1s: loss NaN%":            "loss: ",
		"at 1s: loss 0.2":             `loss: "0.2" is not 1 percentage(s), such as 20%`,
		"at 1s: burst 2%":             `burst: "2 %" is not 2 percentage(s)`,
		"at 1s: rate 2 MB":            `rate: "2 MB" is not a number above 0 with one of the units bit, kbit, Mbit, Gbit`,
		"at 1s: queue 0B":             "one of the units B, kB, MB",
		"at 1s: down 5%":              `down takes no value, such as "5 %"`,
		"at 1s: down for 0s":          "a phase of no time would do nothing",
		"at 1s: delay reordered":      `delay: "reordered" is no time`,
		"at 1s: down\nat 2s: up, , x": "line 2",
	} {
		_, err := ParseScript(text)
		require.ErrorContains(t, err, want, "%q", text)
	}
}

// FuzzScript reads anything, and whatever it takes is what a link can be.
func FuzzScript(f *testing.F) {
	f.Add("at 30s: loss 20% for 10s\nat 1 min: down")
	f.Add("at 0s: delay 1s, jitter 1s reordered, burst 1% 2%, rate 1kbit, queue 1kB, duplicate 1%, damage 1%, hold, release, clear")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScript(text)
		if err != nil {
			return
		}
		for _, at := range append(s.changes(), 0) {
			c := s.At(at, LinkConfig{})
			require.NoError(t, c.check())
		}
	})
}
