// Package cloudtest makes the errors of AWS calls, for the fakes in tests, and notes which calls are made.
package cloudtest

import (
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Error is an error with an AWS error code, as the SDK returns it.
func Error(service, operation, code string, status int) error {
	return &smithy.OperationError{ServiceID: service, OperationName: operation, Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status, Header: http.Header{}}},
		Err:      &smithy.GenericAPIError{Code: code, Message: "says the fake"},
	}}
}
