package bubble

import (
	"errors"
	"fmt"
	"time"
)

// SelfTest shows that this program's Go runtime still does what the package builds on. Call it when a
// program starts: it takes less than a millisecond, and leaves one goroutine behind for ever, because
// that is what it tests.
func SelfTest() error {
	if err := selfTest(); err != nil {
		return fmt.Errorf("virtual time doesn't work in this program; build it with the toolchain that go.mod names: %w", err)
	}
	return nil
}

func selfTest() error {
	b, err := Open(Config{})
	if err != nil {
		return err
	}
	var before, after, later time.Time
	begin := time.Now()
	err = b.Do(func() {
		before = time.Now()
		time.Sleep(24 * time.Hour)
		after = time.Now()
	})
	if err != nil {
		return err
	}
	if real := time.Since(begin); real > defaultWatchdog {
		return fmt.Errorf("a virtual day took %v", real)
	}
	if err := b.Do(func() { later = time.Now() }); err != nil {
		return err
	}
	if !before.Equal(Epoch) || after.Sub(before) != 24*time.Hour || later.Sub(after) != settling {
		return fmt.Errorf("the clock went from %v to %v and then %v", before, after, later)
	}
	var panicked *PanicError
	if err := b.Do(func() { panic("on purpose") }); !errors.As(err, &panicked) {
		return fmt.Errorf("a panic came back as %w", err)
	}
	if err := b.Close(time.Minute); err != nil {
		return err
	}

	b, err = Open(Config{})
	if err != nil {
		return err
	}
	if err := b.Do(func() { go func() { select {} }() }); err != nil {
		return err
	}
	var leak *LeakError
	if err := b.Close(0); !errors.As(err, &leak) || len(leak.Goroutines) != 1 {
		return fmt.Errorf("a goroutine left behind came back as %v", err)
	}
	return nil
}
