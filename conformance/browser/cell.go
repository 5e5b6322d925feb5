package browser

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/proxyspec/proxyspec/conformance/contract"
	"github.com/proxyspec/proxyspec/sim/kernel"
)

// Celled is an SDK in a browser that lives in a cell. The browser goes on from one world to the next, each of which
// gets a page in a fresh context; one that has died is started anew.
type Celled struct {
	// Config is the browser's; Run and Home are the cell's own.
	Config Config
	// URL is the page with the SDK.
	URL string

	browser *Browser
	cell    *kernel.Cell
	device  *device
	proof   kernel.Proof
	entered bool
	page    *Page
	starts  starts
}

// starts is how the attempts to start a browser went. Each that fails has cost its case minutes: after two in a row
// there are no more.
type starts struct {
	failed int
	last   error
}

const mostFailedStarts = 2

func (s *starts) try(start func() error) error {
	if s.failed >= mostFailedStarts {
		return fmt.Errorf("the browser did not start %d times, and is not tried again: %w", s.failed, s.last)
	}
	if s.last = start(); s.last != nil {
		s.failed++
		return s.last
	}
	s.failed = 0
	return nil
}

// Open starts the browser's cell, or takes up the one that runs, and returns its device.
func (c *Celled) Open(at kernel.Site, _ func(contract.Log)) (io.ReadWriteCloser, error) {
	if c.cell != nil && (!c.entered || !c.browser.Alive()) {
		c.End()
	}
	if c.cell == nil {
		if err := c.start(at); err != nil {
			c.End()
			return nil, err
		}
	}
	return c.device.lend(), nil
}

func (c *Celled) start(at kernel.Site) error {
	cell, err := kernel.NewCell(at)
	if err != nil {
		return err
	}
	c.cell, c.device = cell, &device{tun: cell.Device()}
	return nil
}

// Look shows what the browser can reach. It is asked once, before the browser may begin.
func (c *Celled) Look(e kernel.Expect) (kernel.Proof, error) {
	if c.entered {
		return c.proof, nil
	}
	var err error
	c.proof, err = c.cell.Look(e)
	return c.proof, err
}

// Enter opens the page, in a browser that has begun by then, and returns the line to it.
func (c *Celled) Enter() (io.ReadWriteCloser, error) {
	if !c.entered {
		cfg := c.Config
		cfg.Home = kernel.Scratch
		cfg.Run = func(program, env []string, files []*os.File) (Running, error) {
			return c.cell, c.cell.Start(kernel.Program{Args: program, Env: env, Files: files})
		}
		err := c.starts.try(func() (err error) {
			c.browser, err = Start(context.Background(), cfg)
			return err
		})
		if err != nil {
			return nil, err
		}
		c.entered = true
	}
	page, err := c.browser.Open(c.URL)
	if err != nil {
		return nil, err
	}
	c.page = page
	return page, nil
}

// Close closes the world's page.
func (c *Celled) Close() error {
	if c.page == nil {
		return nil
	}
	page := c.page
	c.page = nil
	return page.Close()
}

// End ends the browser.
func (c *Celled) End() {
	if c.browser != nil {
		c.browser.Close()
	}
	if c.cell != nil {
		_ = c.cell.Close()
	}
	if c.device != nil {
		_ = c.device.tun.Close()
	}
	c.browser, c.cell, c.device, c.entered = nil, nil, nil, false
}
