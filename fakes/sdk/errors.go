package sdk

import (
	"errors"

	"github.com/proxyspec/proxyspec/conformance/contract"
)

// Codes of the SDK's errors. A refusal of the cloud proxy or of SD-RTN keeps the code that it came with.
const (
	CodeInvalidParams    = "INVALID_PARAMS"       // a parameter is not what the typings say
	CodeInvalidOperation = "INVALID_OPERATION"    // not now: the client's state forbids it
	CodeProxyConflict    = "PROXY_CONFLICT"       // the cloud proxy and servers of one's own exclude each other
	CodeAborted          = "OPERATION_ABORTED"    // leave() was called first
	CodeLookup           = "LOOKUP_FAILED"        // no edge of the cloud proxy gave a usable answer
	CodeMessages         = "MESSAGES_UNREACHABLE" // no way for messages to SD-RTN works
	CodeMedia            = "MEDIA_UNREACHABLE"    // no way for media to SD-RTN works
	CodeTimeout          = "TIMEOUT"              // it took longer than the SDK waits
	CodeNotConnected     = "NOT_CONNECTED"        // the connection to SD-RTN is lost at the moment
)

// The causes with which contexts end.
var (
	errLeft      = contract.SDKError(CodeAborted, "leave() was called")
	errJoinLimit = contract.SDKError(CodeTimeout, "join did not end within 45 s")
	errLost      = contract.SDKError(CodeNotConnected, "the connection to SD-RTN is lost")
)

// named reports whether an error has been given a code: by a refusal, or because nothing more is to be tried.
func named(err error) (*contract.Error, bool) {
	var e *contract.Error
	ok := errors.As(err, &e)
	return e, ok
}
