package contract

import (
	"encoding/json"
	"fmt"
)

// MaxFrame is the longest line, in bytes, that either side may send.
const MaxFrame = 1 << 20

// Frame is one JSON-RPC 2.0 message: a request (ID and Method), a reply (ID and either Result or
// Error) or a notification (Method alone).
type Frame struct {
	JSONRPC string          `json:"jsonrpc"` // always "2.0"
	ID      *int64          `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   *Error          `json:"error,omitempty"`
}

// Error codes of JSON-RPC 2.0 that an adapter uses. Everything else is a fault of the adapter.
const (
	CodeInvalidParams  = -32602 // the parameters don't fit the method
	CodeMethodNotFound = -32601 // the SDK has no such method: "not supported"
	CodeSDK            = -32000 // the SDK itself refused or failed: its own words are in Message and Data
)

// Error is the error of a reply. For CodeSDK, Data carries the SDK's own code, if it has one.
type Error struct {
	Code    int        `json:"code"`
	Message string     `json:"message"`
	Data    *ErrorData `json:"data,omitempty"`
}

// ErrorData is the SDK's own name for an error, as it threw it.
type ErrorData struct {
	Code string `json:"code,omitempty"`
}

func (e *Error) Error() string {
	if e.Data != nil && e.Data.Code != "" {
		return fmt.Sprintf("%s: %s", e.Data.Code, e.Message)
	}
	return e.Message
}

// SDKError is an error that the SDK itself reports, with its own code and a cause in words.
func SDKError(code, message string) *Error {
	return &Error{Code: CodeSDK, Message: message, Data: &ErrorData{Code: code}}
}
