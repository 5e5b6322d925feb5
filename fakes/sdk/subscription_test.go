package sdk

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnnouncementOfWhatIsSubscribedTo has bob's publication announced when the subscription to it has begun already, which
// happens to whoever joins and subscribes at once; then again, on another connection and after it was withdrawn.
func TestAnnouncementOfWhatIsSubscribedTo(t *testing.T) {
	first, second := &channel{}, &channel{}
	sub := &subscription{stream: stream{again: make(chan struct{}, 1), on: first}}
	s := &session{channel: first, subscriptions: map[string]*subscription{"bob": sub}}
	announced := func() (connectsAnew bool) {
		s.announced("bob")
		select {
		case <-sub.again:
			return true
		default:
			return false
		}
	}
	require.False(t, announced(), "it has asked for that")
	s.channel = second
	require.True(t, announced(), "SD-RTN knows of no subscription on this connection")
	sub.on = second
	require.False(t, announced())
	s.withdrawn("bob")
	require.True(t, announced(), "what it was connected to is gone")
}
