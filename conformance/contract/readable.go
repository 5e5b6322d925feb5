package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What an SDK says is judged. Where an adapter leaves out what a scenario reads, or says it in words of its own, the SDK
// would be blamed for silence. What nobody reads may be anything, and so may a type of events that the contract doesn't have.

var states = []string{StateDisconnected, StateConnecting, StateConnected, StateReconnecting, StateDisconnecting}

// readable says why an event can't be read, if it can't.
func (e Event) readable() error {
	switch e.Type {
	case EventState:
		if !slices.Contains(states, e.State) {
			return fmt.Errorf("the event %s has the state %q: it may be %s", e.Type, e.State, strings.Join(states, ", "))
		}
	case EventMessage, EventUserJoined, EventUserLeft, EventPublished, EventUnpublished:
		if e.UID == "" {
			return fmt.Errorf("the event %s has no uid", e.Type)
		}
	}
	return nil
}

// readableResult says why the result of a method can't be read, if it can't.
func readableResult(method string, result json.RawMessage) error {
	var err error
	switch method {
	case MethodCreateClient:
		var made CreateClientResult
		if err = decode(result, &made); err == nil && made.Client == "" {
			err = errors.New("it has no client")
		}
	case MethodStats:
		err = countsAll(result)
	}
	if err != nil {
		return fmt.Errorf("the result of %s: %w", method, err)
	}
	return nil
}

// countsAll says what a result of stats leaves out.
func countsAll(stats json.RawMessage) error {
	type track struct {
		Packets *int `json:"packets"`
		Bytes   *int `json:"bytes"`
		Frames  *int `json:"frames"`
	}
	var given struct {
		MessagesSent     *int `json:"messagesSent"`
		MessagesReceived *int `json:"messagesReceived"`
		Sent             struct {
			Audio track `json:"audio"`
			Video track `json:"video"`
		} `json:"sent"`
	}
	if err := decode(stats, &given); err != nil {
		return err
	}
	if given.MessagesSent == nil || given.MessagesReceived == nil {
		return errors.New("it needs messagesSent and messagesReceived")
	}
	for _, t := range []track{given.Sent.Audio, given.Sent.Video} {
		if t.Packets == nil || t.Bytes == nil || t.Frames == nil {
			return errors.New("it needs packets, bytes and frames of sent.audio and sent.video")
		}
	}
	return nil
}
