package world

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/relay"
)

// A relay whose books don't add up is unsound ground, whatever the scenario was about.
func TestBooksOfRelaysMustBalance(t *testing.T) {
	miscount := func(cfg *relay.Config) {
		log := cfg.Log
		cfg.Log = func(e relay.Event) {
			if e.Books != nil {
				b := *e.Books
				b.Down.In.Count++ // and nobody knows where it went
				e.Books = &b
			}
			log(e)
		}
	}
	for name, change := range map[string]func(*relay.Config){"sound": nil, "miscounts": miscount} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func() {
				w, err := New(Config{Seed: 1, Tested: nobody, Reference: nobody, CloudProxy: change})
				require.NoError(t, err)
				require.NoError(t, w.Up())
				i, err := w.Inquire(Alice, Edges[0], map[string]string{"appId": AppID, "sdkVersion": "2.5.1", "channel": "town-hall"})
				require.NoError(t, err)
				c, _, err := w.Connect(Alice, i.Answer.MessageURLs[0])
				require.NoError(t, err)
				require.NoError(t, c.Close())
				if err := w.Close(); change == nil {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, "messages.closed of session "+i.Answer.Session+": what came in isn't what went out and was dropped")
				}
			})
		})
	}
}
