package cloudtrail

import "strings"

// refused tells whom or what a call of IAM that was refused was aimed at. CloudTrail leaves the parameters out of such a record, but the error names
// it: "… is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::111122223333:user/bob because …", or "… on resource: user bob …". kind
// is the word before the name: user, role, group, policy, mfa. Both results are empty where the error names nothing of that kind; arn is where it does
// so without an ARN.
func (r *record) refused(kind string) (arn, name string) {
	if !r.failed {
		return "", ""
	}
	_, target, ok := strings.Cut(r.Doc.Str(r.errorMessage), " on resource: ")
	if !ok {
		return "", ""
	}
	target, named := strings.CutPrefix(target, kind+" ")
	target, _, _ = strings.Cut(target, " ")
	switch arn := strings.HasPrefix(target, "arn:"); {
	case arn && strings.Contains(target, ":"+kind+"/"):
		return target, lastOf(target, "/")
	case named && !arn:
		return "", target
	}
	return "", ""
}

// writeRefused writes whom a refused call was aimed at as members of a user or an entity; it tells false where nobody is named.
func (r *record) writeRefused(kind string) bool {
	arn, name := r.refused(kind)
	if arn != "" {
		r.Str("uid", arn)
	}
	if name != "" {
		r.Str("name", name)
	}
	return name != ""
}

// writeAccountOf writes the account as a member of a user of whom nothing else is known.
func (r *record) writeAccountOf() {
	account := r.Open("account")
	if !r.Copy("uid", r.recipientAccountID) && !r.Copy("uid", r.identity("accountId")) && r.account != "" {
		r.Str("uid", r.account)
	}
	r.Close(account)
}

// accountKnown tells whether writeAccountOf has an account to write.
func (r *record) accountKnown() bool {
	return r.account != "" || r.firstText(r.recipientAccountID, r.identity("accountId")) >= 0
}
