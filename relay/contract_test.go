package relay_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// TestCallByTheBook makes a whole call the way the package documentation tells a client to, with a
// client that shares no code with the package: lookup, a message connection by the first URL that
// works, media by the ICE servers as they are.
func TestCallByTheBook(t *testing.T) {
	for name, run := range map[string]func(*testing.T, func(*testing.T, *world)){
		"on real sockets": func(t *testing.T, test func(*testing.T, *world)) { test(t, onLoopback(t, nil)) },
		"in virtual time": func(t *testing.T, test func(*testing.T, *world)) { inBubble(t, nil, test) },
	} {
		t.Run(name, func(t *testing.T) {
			run(t, func(t *testing.T, w *world) {
				way, no := w.look(t, `{"appId":"app","sdkVersion":"2.5.1","region":"EU","channel":"town-hall","uid":"7"}`)
				require.Nil(t, no)

				var messages *websocket.Conn
				for _, target := range way.MessageURLs {
					if messages, no = w.open(t, target); no == nil {
						break
					}
				}
				require.NotNil(t, messages)
				send(t, messages, `{"type":"join"}`)
				require.JSONEq(t, `{"type":"join"}`, receive(t, messages))

				peer := w.peer(t)
				var allocations []net.PacketConn
				for _, server := range way.ICEServers {
					for _, target := range server.URLs {
						allocation, err := w.turn(t, target, server.Username, server.Credential).Allocate()
						require.NoError(t, err)
						thereAndBack(t, allocation, peer.LocalAddr(), "media")
						allocations = append(allocations, allocation)
					}
				}
				require.Len(t, allocations, 4)

				for _, allocation := range allocations {
					require.NoError(t, allocation.Close())
				}
				require.NoError(t, messages.Close(websocket.StatusNormalClosure, ""))
				w.stop()

				_, token, _ := strings.Cut(way.MessageURLs[0], "session=")
				for _, e := range w.events {
					line := fmt.Sprintf("%+v", e)
					for _, secret := range []string{token, way.ICEServers[0].Credential, `{"type"`, string(secret)} {
						require.NotContains(t, line, secret)
					}
				}
			})
		})
	}
}
