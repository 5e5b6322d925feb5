package relay

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParseLookup holds the strict parser against the standard one: what it takes, that takes too, and
// reads the same in it.
func FuzzParseLookup(f *testing.F) {
	f.Add([]byte(`{"appId":"app","sdkVersion":"2.5.1","region":"EU","channel":"town-hall","uid":"7"}`))
	f.Add([]byte(` {"channel":"\u00e9\n","appId":"a"} `))
	f.Add([]byte(`{"appId":"a","channel":"c","appId":"b"}`))
	f.Add([]byte(`{"APPID":"a","channel":"c"}`))
	f.Add([]byte(`{"appId":"a","channel":"c"}{}`))
	f.Add([]byte(`{"appId":"a","channel":"c",}`))
	f.Add([]byte(`{"appId" "a"}`))
	f.Add([]byte(`{"appId":"\ud800","channel":"c"}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := parseLookup(body)
		if err != nil {
			return
		}
		var want LookupRequest
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.DisallowUnknownFields()
		require.NoError(t, dec.Decode(&want))
		require.Equal(t, want, got)
	})
}
