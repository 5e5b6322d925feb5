package browser

import (
	"sync"
	"time"
)

// A page's process and its window take longer to begin than most of what is done in them. So there are spare ones, each
// in a fresh context as every page: they are made while a page in use waits for something, and whoever opens the next has
// one of them go to its URL.
const (
	mostSpares = 3
	// calm is how long a page has been in use when spare ones are made: what is short isn't held up by them.
	calm = 300 * time.Millisecond
)

// stock is the spare pages of a browser.
type stock struct {
	mu     sync.Mutex
	made   sync.Cond
	pages  []*Page
	making bool
	tasks  sync.WaitGroup
}

// fresh is a page that has been nowhere: a spare one, if there is any that hasn't died, or will be at once.
func (b *Browser) fresh() (*Page, error) {
	for p := b.stock.take(); p != nil; p = b.stock.take() {
		if !p.in.ended() {
			return p, nil
		}
		_ = p.Close()
	}
	return b.blank()
}

// take is the oldest spare page, if need be the one that is being made; nil if there is none.
func (s *stock) take() *Page {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.pages) == 0 && s.making {
		s.made.Wait()
	}
	if len(s.pages) == 0 {
		return nil
	}
	p := s.pages[0]
	s.pages = s.pages[1:]
	return p
}

// restock makes spare pages while this one is in use.
func (b *Browser) restock(using *Page) {
	s := &b.stock
	s.tasks.Go(func() {
		select {
		case <-time.After(calm):
		case <-using.gone:
		}
		for s.wants(using) {
			p, err := b.blank()
			s.put(p, err == nil)
			if err != nil {
				return // whoever opens the next page meets with it, too, if it lasts
			}
		}
	})
}

// wants tells whether the caller is to make a page.
func (s *stock) wants(using *Page) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.making || len(s.pages) >= mostSpares || using.in.ended() {
		return false
	}
	s.making = true
	return true
}

func (s *stock) put(p *Page, made bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.making = false
	if made {
		s.pages = append(s.pages, p)
	}
	s.made.Broadcast()
}
