package cloudtrail

import "github.com/riposte-security/riposte/schemas"

// A plan says which event a record becomes: class, activity, and what the class has beyond the parts common to all.
type plan struct {
	class, activity int
	activityName    string
	write           func(*record)
}

// plan chooses the event's class by service and operation. Where a record lacks what a class demands (whose account it is that changes,
// which bucket is read), it stays API Activity.
func (r *record) plan() plan {
	var p plan
	ok := false
	if !r.many() {
		switch r.source {
		case "iam.amazonaws.com":
			p, ok = r.iamPlan()
		case "sts.amazonaws.com", "signin.amazonaws.com":
			p, ok = r.authPlan()
		case "s3.amazonaws.com", "s3express.amazonaws.com", "s3-outposts.amazonaws.com":
			p, ok = r.objectPlan()
		case "dynamodb.amazonaws.com":
			p, ok = r.itemPlan()
		}
	}
	if !ok {
		return r.apiPlan()
	}
	return p
}

// account is a plan for class Account Change, and so on for the others.
func accountPlan(activity int, name string, self bool) iamOp {
	return iamOp{class: schemas.ClassAccountChange, activity: activity, name: name, self: self}
}

func entityPlan(activity int, name string, e entity) iamOp {
	return iamOp{class: schemas.ClassEntityManagement, activity: activity, name: name, entity: e}
}

func accessPlan(activity int, name, subject string) iamOp {
	return iamOp{class: schemas.ClassUserAccess, activity: activity, name: name, subject: subject}
}

func groupPlan(activity int, name string) iamOp {
	return iamOp{class: schemas.ClassGroupManagement, activity: activity, name: name}
}
