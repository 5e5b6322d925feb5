package relay

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testSecret = []byte("0123456789abcdef")

func TestTokenRoundTrip(t *testing.T) {
	s := session{Name: "91297747b57d2464", Expires: 1795545603, AppID: "app", Channel: "Плена́рный зал", UID: "7"}
	got, ok := openToken(testSecret, s.token(testSecret))
	require.True(t, ok)
	require.Equal(t, s, got)
	_, ok = openToken([]byte("another secret--"), s.token(testSecret))
	require.False(t, ok)
}

// FuzzToken tries to pass off anything but the one spelling that we sign.
func FuzzToken(f *testing.F) {
	real := session{Name: "91297747b57d2464", Expires: 1795545603, AppID: "app", Channel: "c"}.token(testSecret)
	f.Add("")
	f.Add(".")
	f.Add(real + "=")
	f.Add(strings.Replace(real, "e", "f", 1))
	f.Add(real[:len(real)-1] + "5")
	f.Fuzz(func(t *testing.T, token string) {
		_, ok := openToken(testSecret, token)
		require.Equal(t, token == real, ok)
	})
}

func TestExpiry(t *testing.T) {
	s := session{Expires: 1000}
	require.False(t, s.expired(time.Unix(1000, 0).Add(-1)))
	require.True(t, s.expired(time.Unix(1000, 0)))
}

// The figures are those of coturn's use-auth-secret and every other implementation of
// draft-uberti-behave-turn-rest-00: HMAC-SHA-1 of the user name, in base64.
func TestTURNCredential(t *testing.T) {
	s := session{Name: "91297747b57d2464", Expires: 1795545603}
	require.Equal(t, "1795545603:91297747b57d2464", s.turnUsername())
	got, ok := openTURNUsername(s.turnUsername())
	require.True(t, ok)
	require.Equal(t, s, got)
	// printf 1795545603:91297747b57d2464 | openssl dgst -sha1 -hmac 0123456789abcdef -binary | base64
	require.Equal(t, "I+S0KheN6bxfuj2H8Xn3QI8OA3E=", turnCredential(testSecret, s.turnUsername()))
	for _, name := range []string{"", ":", "1795545603", "1795545603:", "x:91297747b57d2464", "1e9:x"} {
		_, ok := openTURNUsername(name)
		require.False(t, ok, "%q", name)
	}
}

func TestUsersOfSessions(t *testing.T) {
	one := session{Name: "1", AppID: "app", Channel: "c", UID: "7"}
	two := session{Name: "2", AppID: "app", Channel: "c", UID: "7"}
	require.Equal(t, one.user(), two.user(), "two lookups of one join are one user")
	two.Channel = "d"
	require.NotEqual(t, one.user(), two.user())
	one.UID, two.UID, two.Channel = "", "", "c"
	require.NotEqual(t, one.user(), two.user(), "users without a UID can't be told to be the same")
}
