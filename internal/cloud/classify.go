package cloud

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/riposte-security/riposte/internal/fault"
)

// Classify is the one judgement of what an error of an AWS call means: those that no retry will mend come back marked permanent, with the
// service, operation and error code in their text. What it does not know is worth another try. Classify(nil) is nil, and an error already
// judged stays as it is.
func Classify(err error) error {
	if err == nil || fault.IsPermanent(err) {
		return err
	}
	if _, judged := errors.AsType[*callError](err); judged {
		return err
	}
	if permanent(err) {
		return fault.Permanent(shorten(err))
	}
	return fault.After(shorten(err), askedToWait(err))
}

// askedToWait is how long AWS wants no further try; zero where it does not say.
func askedToWait(err error) time.Duration {
	resp, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || resp.Response == nil || resp.Response.Response == nil {
		return 0
	}
	return fault.RetryAfter(resp.Response.Header.Get("Retry-After"), time.Now())
}

// Code returns the error code that AWS gave ("NoSuchBucket"), or "" where the error is of another kind.
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// Missing tells whether err says that the thing asked for does not exist.
func Missing(err error) bool {
	code := Code(err)
	switch code {
	case "NoSuchBucket", "NoSuchEntity", "NoSuchKey", "NoSuchConfigurationRecorderException", "WAFNonexistentItemException",
		"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "ServerSideEncryptionConfigurationNotFoundError",
		"StateMachineDoesNotExist", "ExecutionDoesNotExist", "InvalidDocument": // what is invoked
		return true
	case "WAFSubscriptionNotFoundException", "KMS.NotFoundException": // what is missing is not what was asked for
		return false
	}
	// ResourceNotFoundException, TrailNotFoundException, DBClusterNotFoundFault, LoadBalancerNotFound, InvalidInstanceID.NotFound and their kin
	return strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(code, "Exception"), "Fault"), "NotFound")
}

func permanent(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if _, ok := errors.AsType[smithy.InvalidParamsError](err); ok { // the SDK refuses to send it
		return true
	}
	if code := Code(err); code != "" {
		switch {
		case passing(code):
			return false
		case Missing(err) || lasting(code):
			return true
		}
	}
	if resp, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		switch resp.HTTPStatusCode() {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusNotImplemented:
			return true
		}
	}
	return false
}

// passing tells whether a code stands for something that goes away by itself, whatever the HTTP status.
func passing(code string) bool {
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return true
	}
	if _, ok := retry.DefaultRetryableErrorCodes[code]; ok {
		return true
	}
	if expired(code) { // credentials are renewed
		return true
	}
	switch code {
	case "InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException", "Unavailable", "ServiceFailure",
		// somebody else wrote at the same time
		"WAFOptimisticLockException", "ConcurrentModification", "ConcurrentModificationException", "OperationAborted", "ConflictException",
		// clocks are set
		"RequestExpired", "RequestTimeTooSkewed",
		// the thing is on its way to being ready
		"WAFUnavailableEntityException", "WAFInternalErrorException", "IncorrectInstanceState", "IncorrectState", "EntityTemporarilyUnmodifiable",
		"InsufficientInstanceCapacity", "KMSInternalException", "KMS.KMSInvalidStateException":
		return true
	}
	return false
}

// lasting tells whether a code stands for something that stays as it is until a person changes it.
func lasting(code string) bool {
	switch code {
	// we may not
	case "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedOperation", "UnauthorizedAccess",
		"Forbidden", "AllAccessDisabled", "AccountProblem", "AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException",
		"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken", "NotSignedUp", "OptInRequired",
		"SubscriptionRequiredException", "WAFSubscriptionNotFoundException", "KMSAccessDenied", "KMSAccessDeniedException",
		// it makes no sense
		"ValidationError", "ValidationException", "MalformedPolicyDocument", "MalformedPolicyDocumentException", "MalformedPolicy", "MalformedXML",
		"InvalidArgument", "InvalidParameter", "InvalidParameterException", "InvalidInput", "InvalidInputException", "InvalidRequest", "InvalidTag",
		"InvalidBucketName", "InvalidAction", "InvalidOperation", "MissingParameter", "MissingAction", "UnknownParameter", "UnsupportedOperation",
		"NotImplemented", "MethodNotAllowed", "SerializationException", "UnknownOperationException",
		"BadRequestException", "ClientException", "InvalidArn", "InvalidExecutionInput", "InvalidName", "InvalidParameters", "InvalidInstanceId",
		"WAFInvalidParameterException", "WAFInvalidOperationException", "WAFInvalidResourceException", "WAFFeatureNotIncludedInPricingPlanException",
		// it is full, or in the way of something else
		"LimitExceeded", "WAFLimitsExceededException", "TagLimitExceeded", "SecurityGroupsPerInterfaceLimitExceeded", "SecurityGroupsPerInstanceLimitExceeded",
		"RulesPerSecurityGroupLimitExceeded", "DeleteConflict", "EntityAlreadyExists", "UnmodifiableEntity", "WAFDuplicateItemException", "WAFAssociatedItemException",
		"InvalidBucketState", "KMS.DisabledException", "KMS.NotFoundException":
		return true
	}
	// EC2 names what is wrong first: InvalidParameterValue, InvalidInstanceID.Malformed, InvalidGroup.InUse. STS and IAM have a few as well.
	return strings.HasPrefix(code, "InvalidParameter") || strings.HasPrefix(code, "InvalidGroup") || strings.HasSuffix(code, ".Malformed")
}

// A callError is an error of an AWS call with a text that a person can read: service, operation, code, message.
type callError struct {
	text string
	err  error
}

func (e *callError) Error() string { return e.text }
func (e *callError) Unwrap() error { return e.err }

// shorten gives an error of a call a text without the layers of the SDK. Errors of other kinds keep theirs: it is all there is.
func shorten(err error) error {
	return &callError{text: brief(err), err: err}
}

func brief(err error) string {
	op, ok := errors.AsType[*smithy.OperationError](err)
	if !ok {
		return err.Error()
	}
	call := op.Service() + " " + op.Operation() + ": "
	if role, ok := errors.AsType[*roleError](err); ok {
		return call + "role " + role.arn + ": " + brief(role.err)
	}
	if rest, ok := errors.AsType[restError](err); ok {
		return call + rest.Error()
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err.Error()
	}
	call += api.ErrorCode()
	if m := strings.TrimSpace(api.ErrorMessage()); m != "" {
		call += ": " + m
	}
	if denied(api.ErrorCode()) { // AWS does not always say what is missing
		for _, p := range Permissions(op.Service(), op.Operation()) {
			if !strings.Contains(call, p) {
				call += " (permission needed: " + p + ")"
			}
		}
	}
	return call
}

// denied tells whether a code says that the caller lacks a permission. "Forbidden" is all that an answer to HEAD has.
func denied(code string) bool {
	switch code {
	case "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedOperation", "Forbidden", "KMSAccessDenied", "KMSAccessDeniedException":
		return true
	}
	return false
}
