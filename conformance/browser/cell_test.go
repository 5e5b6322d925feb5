package browser

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABrowserThatNeverStartsIsGivenUp(t *testing.T) {
	var s starts
	tried := 0
	fails := func() error { tried++; return errors.New("no answer") }
	require.EqualError(t, s.try(fails), "no answer")
	require.NoError(t, s.try(func() error { return nil }))
	require.EqualError(t, s.try(fails), "no answer")
	require.EqualError(t, s.try(fails), "no answer")
	require.EqualError(t, s.try(fails), "the browser did not start 2 times, and is not tried again: no answer")
	require.Equal(t, 3, tried)
}
