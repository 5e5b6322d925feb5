package crowd

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/proxyspec/proxyspec/conformance/load"
	"github.com/proxyspec/proxyspec/conformance/memory"
	"github.com/proxyspec/proxyspec/relay"
	"github.com/proxyspec/proxyspec/sim/bubble"
)

const (
	// watchdog is how much real time a step may take, and on top of it for each user: all leave in one step.
	watchdog, watchdogPerUser = 2 * time.Minute, 100 * time.Millisecond
	// joinLimit is how long after the ramp the last user may still be joining.
	joinLimit = time.Minute
	// gcPercent trades memory of the system for time. With 200 the system gave a third more, and a crowd was ready no sooner.
	gcPercent = 70
	// drain lets the timers of libraries run out.
	drain = 10 * time.Minute
	// perUser is what a user needs, memory for collections included.
	perUser = 300 << 10
)

// Run carries a plan out and reports what came of it. tell hears now and then how far it is. An error is one of the
// harness: what the crowd met is in the report.
func Run(ctx context.Context, p load.Plan, tell func(string)) (*load.Report, error) {
	p = p.WithDefaults()
	if err := p.Check(); err != nil {
		return nil, err
	}
	c := &crowd{plan: p.Part()}
	c.report = &load.Report{Plan: p, Failed: map[string]int{}, Refusals: map[string]int{}, Join: load.Times{}, Reconnect: load.Times{}}
	return c.report, c.run(ctx, tell)
}

func (c *crowd) run(ctx context.Context, tell func(string)) error {
	c.report.Memory.Before = inUse()
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	memory.HugePages(c.plan.Users * perUser) // each packet needs what lies in other pages than the last one's
	debug.FreeOSMemory()                     // what isn't there yet counts as nobody's
	b, err := bubble.Open(bubble.Config{Watchdog: watchdog + time.Duration(c.plan.Users)*watchdogPerUser})
	if err != nil {
		return err
	}
	err = c.live(ctx, b, tell)
	return cmp.Or(err, b.Close(drain))
}

// caller is a user of the crowd.
type caller interface {
	// run has the user in its call until ctx ends. The first attempt must succeed: its error is returned.
	run(ctx context.Context, tell func(event, time.Duration)) error
	// count adds to a report what has come of it.
	count(r *load.Report)
}

// crowd is a run of a plan.
type crowd struct {
	plan   load.Plan
	report *load.Report
	fleet  *fleet
	users  []caller

	leave context.CancelFunc
	tasks sync.WaitGroup // of users

	change []func(*relay.Config)    // of the cloud proxy
	during func(held time.Duration) // what happens to the fleet, in the bubble, a second after the other; nil: nothing

	mu    sync.Mutex // guards report while users are there
	ended int        // users who have joined, or failed to
}

// live is the life of the crowd, from outside of the bubble.
func (c *crowd) live(ctx context.Context, b *bubble.Bubble, tell func(string)) error {
	if err := do(b, c.begin); err != nil {
		return err
	}
	end := c.measure()
	took := time.Duration(0)
	for ; took < c.plan.Ramp+joinLimit && c.joining() && ctx.Err() == nil; took += time.Second {
		if err := b.Do(func() { time.Sleep(time.Second) }); err != nil {
			return err
		}
		memory.Mend()
		tell(fmt.Sprintf("%d of %d users are in their calls", c.inside(), c.plan.Users))
	}
	c.report.Joining = end(took)
	m := &c.report.Memory
	m.Holding, m.Goroutines = inUse(), runtime.NumGoroutine()
	m.System = fromSystem()
	end = c.measure()
	for held := time.Duration(0); held < c.plan.Hold && ctx.Err() == nil; held += time.Second {
		memory.Mend()
		err := b.Do(func() {
			if c.during != nil {
				c.during(held)
			}
			time.Sleep(time.Second)
		})
		if err != nil {
			return err
		}
		tell(fmt.Sprintf("%d users have held for %v of %v", c.inside(), held+time.Second, c.plan.Hold))
	}
	c.report.Holding = end(c.plan.Hold)
	if err := do(b, c.end); err != nil {
		return err
	}
	return ctx.Err()
}

// do is Do for a function that can fail.
func do(b *bubble.Bubble, f func() error) (err error) {
	return cmp.Or(b.Do(func() { err = f() }), err)
}

// begin builds the world and has users set out, spread over the ramp.
func (c *crowd) begin() (err error) {
	if c.fleet, err = newFleet(c.plan, c.change...); err != nil {
		return err
	}
	if err := c.populate(); err != nil {
		return err
	}
	ctx, leave := context.WithCancel(context.Background())
	c.leave = leave
	chance := rand.New(rand.NewPCG(c.plan.Seed, 0))
	order := chance.Perm(len(c.users))
	for i, u := range c.users {
		after := time.Duration((float64(order[i]) + chance.Float64()) / float64(len(c.users)) * float64(c.plan.Ramp))
		c.tasks.Go(func() {
			if !sleep(ctx, after) {
				return
			}
			if err := u.run(ctx, c.told); err != nil {
				c.mu.Lock()
				c.report.Fail(why(err))
				c.mu.Unlock()
			}
		})
	}
	return nil
}

// populate builds the enterprises and their users. Two after the other share a channel.
func (c *crowd) populate() error {
	whole := c.plan.Whole() // of the pairs from the next one on
	for n := range c.plan.Enterprises {
		first, last := c.plan.Users*n/c.plan.Enterprises, c.plan.Users*(n+1)/c.plan.Enterprises
		o, err := c.fleet.newOffice(n, first, last)
		if err != nil {
			return err
		}
		for i := 0; i < len(o.hosts); i += 2 {
			channel, pair := fmt.Sprintf("call-%d", i/2+1), o.hosts[i:min(i+2, len(o.hosts))]
			if len(pair) == 2 {
				with := whole[0]
				if whole = whole[1:]; with {
					for _, p := range c.fleet.newPair(pair[0], pair[1], appID(n), channel, first+i+1) {
						c.users = append(c.users, p)
					}
					continue
				}
			}
			for k, h := range pair {
				c.users = append(c.users, &user{
					fleet: c.fleet, host: h, number: first + i + k, appID: appID(n), channel: channel, uid: fmt.Sprint(first + i + k + 1),
				})
			}
		}
	}
	return nil
}

// told counts what users tell.
func (c *crowd) told(e event, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e {
	case joined:
		c.report.Joined++
		c.report.Join.Add(took)
		c.ended++
	case failed:
		c.ended++
	case lost:
		c.report.Lost++
	case rejoined:
		c.report.Rejoined++
		c.report.Reconnect.Add(took)
	}
}

// inside is how many have joined so far.
func (c *crowd) inside() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report.Joined
}

func (c *crowd) joining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended < len(c.users)
}

// end has everybody leave, ends the fleet and looks at the books.
func (c *crowd) end() error {
	c.leave()
	c.tasks.Wait()
	time.Sleep(time.Second) // for what is on its way
	r := c.report
	r.Media = c.fleet.media()
	if err := c.fleet.close(); err != nil {
		return err
	}
	for _, wrong := range c.fleet.audit() {
		r.Complain("%v", wrong)
	}
	if err := c.fleet.net.Books().Balanced(); err != nil {
		r.Complain("the network: %v", err)
	}
	r.Messages = c.fleet.messages
	for _, u := range c.users {
		u.count(r)
	}
	for name, n := range c.fleet.refusals {
		r.Refusals[name] += n
	}
	if r.Messages.Gaps > 0 {
		r.Complain("%d messages came out of order, twice, or after one that never came", r.Messages.Gaps)
	}
	if r.Messages.Received > r.Messages.Delivered {
		r.Complain("users have received %d messages, and SD-RTN sent %d", r.Messages.Received, r.Messages.Delivered)
	}
	if r.Media.Returned > r.Media.Sent {
		r.Complain("%d packets of media came back, and %d were sent", r.Media.Returned, r.Media.Sent)
	}
	if c.plan.WebRTC > 0 && r.WebRTC.Returned == 0 {
		r.Complain("no user with a whole SDK has heard anything of the other one's media")
	}
	return nil
}

// measure begins a phase; the function that it returns ends it.
func (c *crowd) measure() func(virtual time.Duration) load.Phase {
	began, used, relayed := time.Now(), processorTime(), c.fleet.media().Out
	return func(virtual time.Duration) load.Phase {
		return load.Phase{Virtual: virtual, Wall: time.Since(began), CPU: processorTime() - used, Relayed: c.fleet.media().Out - relayed}
	}
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // can't fail
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// inUse is what the heap and the stacks hold.
func inUse() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools held on to
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// fromSystem is what the program has of the operating system and hasn't given back.
func fromSystem() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}
