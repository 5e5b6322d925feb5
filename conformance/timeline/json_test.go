package timeline_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/proxyspec/proxyspec/conformance/timeline"
)

func TestAppendJSONWritesWhatEncodingJSONWrites(t *testing.T) {
	compare := func(e timeline.Event) {
		t.Helper()
		want, err := json.Marshal(e)
		require.NoError(t, err)
		require.Equal(t, string(want), string(timeline.AppendJSON(nil, &e)))
	}
	compare(timeline.Event{})
	var all timeline.Event
	for i := range reflect.TypeFor[timeline.Event]().NumField() {
		var one timeline.Event
		for _, e := range []*timeline.Event{&one, &all} {
			switch field := reflect.ValueOf(e).Elem().Field(i); field.Kind() {
			case reflect.String:
				field.SetString(fmt.Sprintf("value %d", i))
			case reflect.Int, reflect.Int64:
				field.SetInt(int64(i + 1))
			default:
				field.Set(reflect.ValueOf(netip.MustParseAddrPort("[fe80::1%eth0]:443")))
			}
		}
		compare(one)
	}
	compare(all)
	for _, text := range []string{"a\"b", `a\b`, "<a&b>", "a\nb\x00", "überall", "\u2028", "\xff", "\x7f"} {
		compare(timeline.Event{Detail: text})
	}
	compare(timeline.Event{From: netip.MustParseAddrPort("192.0.2.1:1"), To: netip.AddrPortFrom(netip.Addr{}, 7), At: -1})
}
