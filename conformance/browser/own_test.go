package browser

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRequestsThatNoPageBegan has a log as Chromium writes it, and what is none.
func TestRequestsThatNoPageBegan(t *testing.T) {
	const head = `{"constants": {"clientInfo":{},"logEventTypes":{"REQUEST_ALIVE":1,"URL_REQUEST_START_JOB":7}},` + "\n" + `"events": [` + "\n"
	for _, tt := range []struct{ log, want string }{
		{head + `{"params":{"initiator":"not an origin","method":"POST","url":"https://a.example/x?key=1"},"phase":1,"type":7},` + "\n" +
			`{"params":{"initiator":"https://intranet.test","method":"GET","url":"https://b.example/"},"phase":1,"type":7},` + "\n" +
			`{"params":{"initiator":"not an origin","method":"GET","url":"https://c.example/"},"phase":1,"type":1},` + "\n",
			"POST https://a.example/x?key=1"},
		{head + `{"params":{"initiator":"not an origin","url":`, ""},
		{`"not an origin"` + "\n", ""},
		{"", ""},
	} {
		var told []string
		ownRequests(strings.NewReader(tt.log), func(method, url string) { told = append(told, method+" "+url) })
		require.Equal(t, tt.want, strings.Join(told, ", "))
	}
}
